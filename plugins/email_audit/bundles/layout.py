"""A message's body in blocks, by whose words they are, with the signals marked in place.

Signals are offsets into `own_text`, which is joined from the body's segments. The page shows the
body as it was written, so the offsets are carried over to it.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from email_audit.bundles.marking import Span, marked
from email_audit.messages.records import Message, Segment, SegmentKind

_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")
_OWN_ONLY = frozenset({SegmentKind.OWN})
_WITH_FORWARDED = frozenset({SegmentKind.OWN, SegmentKind.FORWARDED})


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the body to show; `is_judged` where the classifier took it as own text."""

    kind: SegmentKind
    is_judged: bool
    html: Markup


@dataclass(frozen=True, slots=True)
class BodyLayout:
    """The body in blocks, and `judged` on its own where its place in the body was not found."""

    blocks: tuple[Block, ...]
    judged: Markup | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """`own_text[own:own + length]` is `body[body:body + length]`, all in `segment`."""

    segment: Segment
    own: int
    body: int
    length: int


def lay_out(message: Message, own_text_spans: Sequence[Span]) -> BodyLayout:
    """Give the body in order, blank segments left out, with the spans of its own text marked."""
    pieces = _own_pieces(message, _OWN_ONLY)
    if pieces is None:
        pieces = _own_pieces(message, _WITH_FORWARDED)
    in_body = {} if pieces is None else _in_body(own_text_spans, pieces)
    blocks = []
    for segment in message.segments:
        text = message.body[segment.start : segment.end]
        blank = _BLANK_LINES.match(text)
        begin = segment.start + (blank.end() if blank else 0)
        shown = message.body[begin : segment.end].rstrip()
        if not shown:
            continue
        spans = [
            Span(span.start - begin, span.end - begin, span.reference, span.label)
            for span in in_body.get(segment, ())
        ]
        blocks.append(Block(segment.kind, segment in in_body, marked(shown, spans)))
    judged = marked(message.own_text, own_text_spans) if pieces is None else None
    return BodyLayout(tuple(blocks), judged)


def _own_pieces(message: Message, kinds: frozenset[SegmentKind]) -> list[_Piece] | None:
    """Find each segment of `kinds` in the own text, in order; None if they are not all of it."""
    pieces = []
    cursor = 0
    for segment in message.segments:
        text = message.body[segment.start : segment.end]
        stripped = text.strip()
        if segment.kind not in kinds or not stripped:
            continue
        found = message.own_text.find(stripped, cursor)
        if found < 0 or message.own_text[cursor:found].strip():
            return None
        body = segment.start + text.index(stripped)
        pieces.append(_Piece(segment, found, body, len(stripped)))
        cursor = found + len(stripped)
    return None if message.own_text[cursor:].strip() else pieces


def _in_body(spans: Sequence[Span], pieces: Sequence[_Piece]) -> dict[Segment, list[Span]]:
    """Carry spans over, by segment; one that runs across pieces is marked in each of them."""
    moved: dict[Segment, list[Span]] = {piece.segment: [] for piece in pieces}
    starts = [piece.own for piece in pieces]
    ends = [piece.own + piece.length for piece in pieces]
    for span in spans:
        first, after = bisect_right(ends, span.start), bisect_left(starts, span.end)
        for piece in pieces[first:after]:
            start = max(span.start, piece.own)
            end = min(span.end, piece.own + piece.length)
            shift = piece.body - piece.own
            moved[piece.segment].append(
                Span(start + shift, end + shift, span.reference, span.label)
            )
    return moved
