"""Whose words a body's lines are: own, quoted, forwarded, signature, footer.

The segments tile the body. One pass from the top: the first announcement of history that is not a
run of `>` lines ends the author's text (history.py); what is left is searched for signatures and
footers (signatures.py). Every step is linear in the body.
"""

import re
from collections.abc import Iterable, Sequence

from email_audit.messages.candidates import Candidate, Candidates, line_end, line_start
from email_audit.messages.forwards import split_forwarded
from email_audit.messages.history import attribution_start, history_start
from email_audit.messages.notes import is_forwarding_note
from email_audit.messages.records import Segment, SegmentKind
from email_audit.messages.signatures import Span, split_own

_QUOTE_LINE = re.compile(r"[ \t]{0,3}>(?!From )")
_FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:fwd?|fw|rv|tr|wg|enc|i)\s*:", re.IGNORECASE
)
_REPLY_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:re|aw|antw|sv|ref|rif)\s*(?:\[\d+\])?:", re.IGNORECASE
)
_INTRODUCES = re.compile(r"@|\d{1,2}[:.h]\d\d|wrote|escrib")
_LONGEST_ATTRIBUTION = 500


def split_segments(body: str, subject: str) -> tuple[Segment, ...]:
    """Tile `body`: consecutive segments from 0 to its length, none empty.

    The subject tells a forward from a reply where the program that wrote the message does not.
    """
    spans: list[Span] = []
    own_start = position = 0
    end = len(body)
    candidates = Candidates(body)
    while position < end:
        candidate = candidates.after(position)
        if candidate is None:
            break
        if candidate.kind == "quote" or _is_quoted_announcement(
            body, subject, candidate, own_start
        ):
            stop = _quote_run(body, candidate.line)
            start = _with_attribution(body, candidate.line, own_start)
            spans += ((SegmentKind.OWN, own_start, start), (SegmentKind.QUOTED, start, stop))
            own_start = position = stop
            continue
        history = history_start(body, candidate, own_start)
        if history is None:
            position = candidate.end
            continue
        if history.is_above_quote:
            # "On ... wrote:" over `>` lines: the run of quote lines is the history, no more.
            position = line_end(body, candidate.end)
            continue
        start = history.start
        spans.append((SegmentKind.OWN, own_start, start))
        if history.is_forward or _is_forward(body, subject, spans):
            spans += split_forwarded(body, start, candidates)
        else:
            spans.append((SegmentKind.QUOTED, start, end))
        own_start = end
        break
    spans.append((SegmentKind.OWN, own_start, end))
    return tuple(_merged(_with_signatures(body, spans)))


def is_bare_forward(body: str, segments: Sequence[Segment]) -> bool:
    """Say whether the message only sends on: no own words but a forwarding note like "fyi"."""
    if not any(
        segment.kind is SegmentKind.FORWARDED and body[segment.start : segment.end].strip()
        for segment in segments
    ):
        return False
    own = joined(body, segments, (SegmentKind.OWN,))
    return is_forwarding_note(own)


def joined(body: str, segments: Iterable[Segment], kinds: Iterable[SegmentKind]) -> str:
    """Give the text of the segments of some kinds, one below the other, outer blanks removed."""
    wanted = frozenset(kinds)
    pieces = (body[part.start : part.end].strip() for part in segments if part.kind in wanted)
    return "\n".join(piece for piece in pieces if piece)


def _quote_run(body: str, position: int) -> int:
    """Give the end of the `>` lines at `position`; blank lines between two of them belong."""
    end = len(body)
    stop = position
    match = _QUOTE_LINE.match
    while position < end:
        if match(body, position):
            stop = position = line_end(body, position)
        elif body[position] == "\n":
            position += 1
        else:
            break
    return stop


def _is_quoted_announcement(body: str, subject: str, candidate: Candidate, floor: int) -> bool:
    """Tell a reply that quotes a forward from a forward that is quoted whole (Apple Mail's)."""
    start = candidate.line
    if ">" not in body[start : start + 4] or candidate.kind not in ("forward", "original", "apple"):
        return False
    return (
        candidate.kind == "original"
        or _REPLY_SUBJECT.match(subject) is not None
        or _with_attribution(body, start, floor) != start
    )


def _with_attribution(body: str, start: int, floor: int) -> int:
    """Take the line that introduces a quotation along, in whatever language it is."""
    above = body[max(floor, start - _LONGEST_ATTRIBUTION) : start]
    text = above.rstrip()
    if not text.endswith(":") or above.count("\n", len(text)) > 3:
        return start
    colon = start - len(above) + len(text)
    found = attribution_start(body, colon, floor)
    if found is not None:
        return found
    line = max(line_start(body, colon - 1), floor)
    return line if colon - line <= 200 and _INTRODUCES.search(body, line, colon) else start


def _is_forward(body: str, subject: str, spans: list[Span]) -> bool:
    """Tell a forward from a reply by the subject; without own words nothing else can be meant.

    A footer or a stamp above the history is nobody's word.
    """
    if _FORWARD_SUBJECT.match(subject):
        return True
    if _REPLY_SUBJECT.match(subject):
        return False
    return not any(
        kind is SegmentKind.OWN and body[first:last].strip()
        for kind, first, last in _with_signatures(body, spans)
    )


def _with_signatures(body: str, spans: list[Span]) -> list[Span]:
    """Split signatures and footers off the author's own stretches."""
    found: list[Span] = []
    for kind, start, end in spans:
        if kind is SegmentKind.OWN and start < end:
            found += split_own(body, start, end)
        elif start < end:
            found.append((kind, start, end))
    return found


def _merged(spans: list[Span]) -> list[Segment]:
    """Join neighbours of one kind."""
    segments: list[Segment] = []
    kind, start, end = None, 0, 0
    for following, first, last in spans:
        if following is not kind:
            if kind is not None:
                segments.append(Segment(kind, start, end))
            kind, start = following, first
        end = last
    if kind is not None:
        segments.append(Segment(kind, start, end))
    return segments
