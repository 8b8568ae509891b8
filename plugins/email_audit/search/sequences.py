"""Where a text has a query's terms in sequence; used to highlight and to check sloppy phrases."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from email_audit.search.analysis import Token
from email_audit.search.nodes import Term
from email_audit.search.vocabulary import Vocabulary


def having_sequence(
    texts: Mapping[str, Sequence[Token]], terms: Sequence[Term], slop: int
) -> list[str]:
    """Give the ids of those of `texts` (by id) that have `terms` in sequence.

    Raises:
        UserError: for a pattern that cannot be used.
    """
    vocabulary = Vocabulary(token.text for found in texts.values() for token in found)
    matched = [vocabulary.matching(term) for term in terms]
    return [
        document_id
        for document_id, found in texts.items()
        if any(occurrences(found, matched, slop))
    ]


def occurrences(
    found: Sequence[Token], terms: Sequence[frozenset[str]], slop: int
) -> Iterator[tuple[Token, ...]]:
    """Yield the tokens of each place where `terms` (each a set of words) stand in sequence.

    A place is counted as Lucene counts it: with each token's position taken relative to its
    term's, the furthest two are at most `slop` apart; no position serves two terms. A
    place may come more than once.
    """
    if len(terms) > len(found):
        return
    by_term = [
        sorted((token for token in found if token.text in words), key=lambda t: t.position)
        for words in terms
    ]
    if not all(by_term):
        return
    shifts = [[token.position - i for token in tokens] for i, tokens in enumerate(by_term)]
    starts = sorted({shift for places in shifts for shift in places})
    for start in starts:
        windows = []
        for tokens, places in zip(by_term, shifts, strict=True):
            low = bisect_left(places, start)
            high = bisect_left(places, start + slop + 1)
            if low == high:
                break
            windows.append(tokens[low:high])
        else:
            place = _assign(windows)
            if place:
                yield place


def _assign(windows: Sequence[Sequence[Token]]) -> tuple[Token, ...]:
    """Choose one token for each term, none at a position that another term took; () if none fit.

    The first that is free is always right: equal terms' windows begin and end in the terms' order.
    """
    taken: set[int] = set()
    chosen: list[Token] = []
    for window in windows:
        token = next((token for token in window if token.position not in taken), None)
        if token is None:
            return ()
        taken.add(token.position)
        chosen.append(token)
    return tuple(chosen)
