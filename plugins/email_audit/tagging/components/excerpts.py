"""Excerpts: the place of a long text that speaks most for a mention, short enough to read closely.

The encoder reads some hundred words. A message of that length is read whole; of a longer one the
passage that the text classifier finds most telling, with the passages around it.
"""

from collections.abc import Sequence

from spacy.tokens import Doc, Span

from email_audit.tagging.components.passages import PASSAGES

EXCERPT_WORDS = 110


def excerpt(docs: Sequence[Doc]) -> list[Span]:
    """Give the passages to read closely, in order; all of them where the text is short."""
    best: list[Span] = []
    best_score = -1.0
    for doc in docs:
        passages, scores = list(doc.spans[PASSAGES]), doc.spans[PASSAGES].attrs["scores"]
        if len(docs) == 1 and sum(map(_words, passages)) <= EXCERPT_WORDS:
            return passages
        if passages and max(scores) > best_score:
            best_score = max(scores)
            best = _around(passages, scores.index(best_score))
    return best


def excerpt_text(passages: Sequence[Span]) -> str:
    """Give the words of passages as the encoder reads them."""
    return "\n".join(passage.text for passage in passages)


def most_telling(passages: Sequence[Span], most: int) -> list[Span]:
    """Give the passages of one Doc that the text classifier finds most telling, in order."""
    if len(passages) <= most:
        return list(passages)
    group = passages[0].doc.spans[PASSAGES]
    scores = {span.start: score for span, score in zip(group, group.attrs["scores"], strict=True)}
    chosen = sorted(passages, key=lambda passage: -scores[passage.start])[:most]
    return sorted(chosen, key=lambda passage: passage.start)


def _around(passages: Sequence[Span], centre: int) -> list[Span]:
    """Take passages before and after in turn until the room is used."""
    first = last = centre
    room = EXCERPT_WORDS - _words(passages[centre])
    while True:
        before = _words(passages[first - 1]) if first else None
        after = _words(passages[last + 1]) if last + 1 < len(passages) else None
        if (
            before is not None
            and before <= room
            and (after is None or last - centre > centre - first)
        ):
            first, room = first - 1, room - before
        elif after is not None and after <= room:
            last, room = last + 1, room - after
        elif before is not None and before <= room:
            first, room = first - 1, room - before
        else:
            return list(passages[first : last + 1])


def _words(passage: Span) -> int:
    return sum(not token.is_punct and not token.is_space for token in passage)
