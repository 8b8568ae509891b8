"""The passages of a hit that answer the query, as HTML with the matching words in `<em>`."""

import html
from collections.abc import Iterator, Sequence

from email_audit.search.analysis import Token, tokens
from email_audit.search.documents import text_values
from email_audit.search.fields import HIGHLIGHTED
from email_audit.search.interface import HitDocument
from email_audit.search.nodes import Boolean, Boosted, Match, Node, Occur
from email_audit.search.sequences import occurrences
from email_audit.search.vocabulary import Vocabulary

PASSAGE_CHARACTERS = 160
"""The longest passage, in characters of the original text."""

PASSAGES = 3
"""The most passages given of one field."""

_LEAD_CHARACTERS = 50


class Highlighter:
    """Finds the passages of a page of hits for one query.

    All the page's words are gathered first, so that a pattern is looked up once.
    """

    def __init__(self, node: Node, documents: Sequence[HitDocument]) -> None:
        self._matches = list(_positive(node))
        self._tokens = {
            (document.id, field): tokens(values[0])
            for document in documents
            for field, values in text_values(document).items()
            if field in HIGHLIGHTED
        }
        self._vocabulary = Vocabulary(
            token.text for found in self._tokens.values() for token in found
        )

    def passages(self, document: HitDocument) -> dict[str, tuple[str, ...]]:
        """Give the passages of each highlighted field that has a match, in the text's order."""
        values = text_values(document)
        passages: dict[str, tuple[str, ...]] = {}
        for field in HIGHLIGHTED:
            spans = self._spans(self._tokens.get((document.id, field), []), field)
            if spans:
                passages[field] = tuple(_passages(values[field][0], spans))
        return passages

    def _spans(self, found: Sequence[Token], field: str) -> list[tuple[int, int]]:
        spans: set[tuple[int, int]] = set()
        for match in self._matches:
            if field in match.fields:
                words = [self._vocabulary.matching(term) for term in match.terms]
                for place in occurrences(found, words, match.slop):
                    spans.update((token.start, token.end) for token in place)
        return _disjoint(spans)


def _positive(node: Node) -> Iterator[Match]:
    """Yield what the query looks for, without what it excludes."""
    match node:
        case Match():
            yield node
        case Boosted(inner, _):
            yield from _positive(inner)
        case Boolean(clauses):
            for clause in clauses:
                if clause.occur is not Occur.MUST_NOT:
                    yield from _positive(clause.node)


def _disjoint(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans that overlap (an address and its words)."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _passages(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[str]:
    upcoming = 0
    covered = 0
    for _ in range(PASSAGES):
        if upcoming == len(spans):
            return
        begin = _begin(text, spans[upcoming][0], covered)
        end = _end(text, begin, spans[upcoming][1])
        inside: list[tuple[int, int]] = []
        while upcoming < len(spans) and spans[upcoming][0] < end:
            start, stop = spans[upcoming]
            if stop > end and inside:
                end = start
                break
            inside.append((start, min(stop, end)))
            upcoming += 1
        yield _marked(text, begin, end, inside)
        covered = end


def _begin(text: str, match_start: int, covered: int) -> int:
    """Go back from a match to the start of a word, not into the passage before."""
    begin = max(covered, match_start - _LEAD_CHARACTERS)
    if begin == covered and (covered == 0 or not text[begin:match_start].strip()):
        return begin
    while begin < match_start and not text[begin - 1].isspace():
        begin += 1
    return begin


def _end(text: str, begin: int, match_end: int) -> int:
    """Go on to the passage's full length, back to the end of a word if that keeps the match."""
    limit = begin + PASSAGE_CHARACTERS
    if limit >= len(text):
        return len(text)
    end = limit
    while end > match_end and not text[end].isspace():
        end -= 1
    return end if end > match_end else limit


def _marked(text: str, begin: int, end: int, spans: Sequence[tuple[int, int]]) -> str:
    parts = []
    at = begin
    for start, stop in spans:
        parts += [html.escape(text[at:start]), "<em>", html.escape(text[start:stop]), "</em>"]
        at = stop
    parts.append(html.escape(text[at:end]))
    return "".join(parts)
