"""What announces history, checked and measured: header blocks, attributions, rules above them."""

import re
from dataclasses import dataclass

from email_audit.messages.candidates import Candidate, line_end, line_start
from email_audit.messages.clients import (
    ATTRIBUTION_STARTS,
    FROM_LABELS,
    OTHER_LABELS,
    SENT_LABELS,
    SUBJECT_LABELS,
    TO_LABELS,
    any_of,
)

_LABELS = {
    "from": FROM_LABELS,
    "sent": SENT_LABELS,
    "to": TO_LABELS,
    "subject": SUBJECT_LABELS,
    "other": OTHER_LABELS,
}
_LABEL = re.compile(
    r"[ \t>*]*+(?:"
    + "|".join(f"(?P<{name}>{any_of(labels)})" for name, labels in _LABELS.items())
    + r")\*?[ \t]*:",
    re.IGNORECASE,
)
RULE_ABOVE = re.compile(r"[ \t>]*[_\-=*]{5,}[ \t]*$")
"""A line drawn above a quoted header."""

_ATTRIBUTION = re.compile(rf"[ \t]*(?:{any_of(ATTRIBUTION_STARTS)})\b")
_HAS_DATE_OR_ADDRESS = re.compile(r"\d{1,2}[:/.h]\d{2}|@|\b(?:19|20)\d\d\b")
_LOTUS_DATE = re.compile(
    r"(?:.{0,200}? on )?[ \t]*\d{1,2}/\d{1,2}/\d{2,4} {1,2}\d{1,2}:\d\d"
    r"(?::\d\d)? ?[AP]M(?: [A-Z]{2,4})?[ \t]*$"
)
_ENDS_IN_TIME = re.compile(r"\d:\d\d(?::\d\d)? ?[AP]M\s*$")
_LOTUS_BETWEEN = re.compile(r"[ \t>]*(?:$|\n|Please respond to|Sent by|Extension)", re.IGNORECASE)
_MOST_BLOCK_LINES = 200
_MOST_ATTRIBUTION_LINES = 4
_LONGEST_ATTRIBUTION = 400


@dataclass(frozen=True, slots=True)
class HistoryStart:
    """Where history begins, whether it announces a forward, and whether `>` lines follow it."""

    start: int
    is_forward: bool = False
    is_above_quote: bool = False


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """The header lines of a quoted message: `body[start:end]`, and which kinds of label it has."""

    start: int
    end: int
    labels: frozenset[str]

    @property
    def is_complete(self) -> bool:
        """Whether it is a header and not a list of words with colons."""
        labels = self.labels
        return "from" in labels and ("sent" in labels or {"to", "subject"} <= labels)


def history_start(body: str, candidate: Candidate, floor: int) -> HistoryStart | None:
    """Check a candidate: give where history begins, not before `floor`, or None."""
    start, kind = candidate.line, candidate.kind
    if kind in ("forward", "apple"):
        return HistoryStart(start, is_forward=True)
    if kind == "original":
        return HistoryStart(start)
    if kind == "header":
        block = header_block(body, start)
        return HistoryStart(_rule_above(body, start, floor)) if block.is_complete else None
    if kind == "lotus":
        lotus = lotus_block(body, start, floor)
        return None if lotus is None else HistoryStart(lotus.start)
    attributed = attribution_start(body, candidate.end, floor)
    if attributed is None:
        return None
    following = line_end(body, candidate.end)
    while following < len(body) and body[following] in " \t\n":
        following += 1
    return HistoryStart(attributed, is_above_quote=body[following : following + 1] == ">")


def _rule_above(body: str, start: int, floor: int) -> int:
    """Take the line of underscores along that Outlook draws above a quoted header."""
    position = start
    for _ in range(3):
        if position <= floor:
            return start
        above = line_start(body, position - 1)
        line = body[above:position].rstrip("\n")
        if above >= floor and RULE_ABOVE.match(line):
            return above
        if line.strip():
            return start
        position = above
    return start


def header_block(body: str, start: int) -> HeaderBlock:
    """Read labelled lines from `start` on: wrapped lists and a few blank lines between included."""
    labels: set[str] = set()
    seen: set[str] = set()
    position = end = start
    blanks = 0
    is_list = False
    for _ in range(_MOST_BLOCK_LINES):
        if position >= len(body):
            break
        following = line_end(body, position)
        line = body[position:following]
        label = _LABEL.match(line)
        if label is not None:
            name = label[0].strip(" \t>*:").lower()
            kind = label.lastgroup or ""
            if name in seen or (kind == "from" and "from" in labels):
                break
            seen.add(name)
            labels.add(kind)
            if kind == "from" and _ENDS_IN_TIME.search(line):
                labels.add("sent")  # Lotus puts the date beside the name
            is_list = kind in ("to", "other", "subject")
            blanks = 0
            end = following
        elif not line.strip(" \t>\n\r"):
            blanks += 1
            if blanks > 2 or "subject" in labels:
                break
        elif blanks or not labels or not is_list or not _continues(body, position, line):
            break
        else:
            end = following
        position = following
    return HeaderBlock(start, end, frozenset(labels))


def _continues(body: str, position: int, line: str) -> bool:
    """Say whether a line without a label goes on with the list of people or the subject above."""
    if line[0] in " \t" or body[max(0, position - 80) : position].rstrip()[-1:] in (",", ";"):
        return True
    following = line_end(body, position)
    for _ in range(6):
        if following >= len(body) or body[following] == "\n":
            return False
        if _LABEL.match(body, following):
            return True
        following = line_end(body, following)
    return False


def attribution_start(body: str, colon_line: int, floor: int) -> int | None:
    """Give where the "On ..., ... wrote:" that ends on the line at `colon_line` begins.

    Looks back over up to four lines, not before `floor`; None where no such beginning is found.
    """
    position = line_start(body, colon_line)
    for _ in range(_MOST_ATTRIBUTION_LINES):
        if colon_line - position > _LONGEST_ATTRIBUTION:
            return None
        line = body[position : min(line_end(body, position), colon_line)]
        if not line.strip():
            return None
        if _ATTRIBUTION.match(line):
            found = body[position:colon_line]
            return position if _HAS_DATE_OR_ADDRESS.search(found) else None
        if position <= floor:
            return None
        position = line_start(body, position - 1)
    return None


def lotus_block(body: str, start: int, floor: int) -> HeaderBlock | None:
    """Read a Lotus Notes header whose date ends the line at `start`: then come To, cc, Subject."""
    line = body[start : line_end(body, start)]
    if len(line) > _LONGEST_ATTRIBUTION or _LOTUS_DATE.match(line.rstrip("\n")) is None:
        return None
    position = line_end(body, start)
    for _ in range(8):
        label = _LABEL.match(body, position)
        if label is not None and label.lastgroup in ("to", "subject"):
            break
        if _LOTUS_BETWEEN.match(body, position) is None:
            return None
        position = line_end(body, position)
    else:
        return None
    block = header_block(body, position)
    if "to" not in block.labels:
        return None
    if " on " not in line:
        start = _name_lines(body, start, floor)
    return HeaderBlock(start, block.end, block.labels)


def _name_lines(body: str, start: int, floor: int) -> int:
    """Go back over the name, and a "Sent by:" line, above a Lotus date."""
    for _ in range(2):
        if start <= floor:
            return start
        above = line_start(body, start - 1)
        line = body[above:start].strip()
        if not line or len(line) > 120 or above < floor:
            return start
        start = above
        if not line.startswith("Sent by"):
            return start
    return start
