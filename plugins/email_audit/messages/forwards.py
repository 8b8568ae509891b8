"""What a forward sends on, told from its headers and from the history inside of it."""

import re

from email_audit.messages.candidates import Candidates, line_end, line_kind, line_start
from email_audit.messages.history import (
    RULE_ABOVE,
    HeaderBlock,
    header_block,
    history_start,
    lotus_block,
)
from email_audit.messages.notes import is_forwarding_note
from email_audit.messages.records import SegmentKind
from email_audit.messages.signatures import Span, split_own

_LONGEST_ATTRIBUTION = 500
_LONGEST_FORWARDER = 2000
_COLON_LINE = re.compile(r":[ \t]*\n")
_ENDS_IN_TIME = re.compile(r"\d:\d\d(?::\d\d)? ?[AP]M(?: [A-Z]{2,4})?[ \t]*\n")


def split_forwarded(body: str, start: int, candidates: Candidates) -> list[Span]:
    """Split forwarded text: header lines are quoted, the first words sent on are forwarded.

    A forward of a forward with nothing in between sends the innermost on; history below the
    forwarded words is quoted, and so are the signatures and footers of who wrote them.
    """
    content = start
    end = len(body)
    while True:
        # A header that is announced but not understood still takes its line: the loop advances.
        content = max(_skip_header(body, content), line_end(body, content))
        nested = _nested_start(body, content, candidates)
        stop = end if nested is None else nested
        text = _author_text(body, content, stop)
        if nested is None or not is_forwarding_note(text):
            return [
                (SegmentKind.QUOTED, start, content),
                *_sent_on(body, content, stop),
                (SegmentKind.QUOTED, stop, end),
            ]
        content = nested


def _sent_on(body: str, start: int, end: int) -> list[Span]:
    return [
        (SegmentKind.FORWARDED if kind is SegmentKind.OWN else SegmentKind.QUOTED, first, last)
        for kind, first, last in split_own(body, start, end)
    ]


def _author_text(body: str, start: int, end: int) -> str:
    """Give what is said in a stretch besides signatures and footers."""
    if end - start > _LONGEST_FORWARDER:
        return body[start:end]
    own = (
        body[first:last]
        for kind, first, last in split_own(body, start, end)
        if kind is SegmentKind.OWN
    )
    return "\n".join(own).strip(" \t\n>")


def _nested_start(body: str, content: int, candidates: Candidates) -> int | None:
    """Give where history inside of forwarded text begins, None where it has none."""
    position = content
    while (candidate := candidates.after(position)) is not None:
        position = candidate.end
        start = candidate.line
        if start < content:
            continue
        if candidate.kind == "quote":
            # The whole forward may be quoted (Apple Mail's HTML): only deeper levels are history.
            if body[content:start].strip() and not _in_quote(body, start):
                return start
            continue
        found = history_start(body, candidate, content)
        if found is not None and found.start >= content:
            return found.start
    return None


def _in_quote(body: str, start: int) -> bool:
    """Say whether the line above is quoted too, so that this one continues it."""
    above = body[line_start(body, start - 1) : start] if start else ""
    return above.lstrip(" \t")[:1] == ">" and body[start : start + 3].count(">") < 2


def _skip_header(body: str, start: int) -> int:
    """Give where the content begins: after the announcement, its wrapped rest and a header."""
    position = start
    kind = line_kind(body, start)
    if kind in ("forward", "original", "apple"):
        position = line_end(body, start)
        if kind == "forward" and "-" not in body[start:position].rstrip()[-2:]:
            # Lotus wraps the announcement: its dashes end on the next line.
            following = line_end(body, position)
            if body[position:following].rstrip().endswith("--"):
                position = following
    elif not kind:
        block = _block_at(body, start)
        return _end_of_attribution(body, start) if block is None else block.end
    after = position
    while after < len(body) and body[after] in " \t\n>":
        after += 1
    after = line_start(body, after)
    block = _block_at(body, max(after, position))
    if block is not None:
        return block.end
    return position


def _end_of_attribution(body: str, start: int) -> int:
    """Give the end of the "On ..., ... wrote:" that begins at `start`."""
    text = body[start : start + _LONGEST_ATTRIBUTION]
    wrote = next((found for found in _COLON_LINE.finditer(text)), None)
    return start if wrote is None else start + wrote.end()


def _block_at(body: str, position: int) -> HeaderBlock | None:
    """Read the header block, plain or Lotus, that starts within the first lines at `position`."""
    block = header_block(body, position)
    if len(block.labels) >= 2 or block.labels == {"from"}:
        return block
    line = position
    for _ in range(4):
        following = line_end(body, line)
        dated = _ENDS_IN_TIME.search(body, line, min(following, line + 400))
        if dated:
            return lotus_block(body, line, position)
        rule = RULE_ABOVE.match(body[line:following].rstrip("\n"))
        if rule:
            inner = header_block(body, following)
            return inner if inner.is_complete else None
        line = following
    return None
