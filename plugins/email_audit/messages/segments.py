"""Whose words a body's lines are: own, quoted, forwarded, signature, footer.

The segments tile the body. One pass from the top: the first announcement of history that is not a
run of `>` lines ends the author's text (history.py); what is left is searched for signatures and
footers (signatures.py). Every step is linear in the body.
"""

import re
from collections.abc import Iterable, Sequence

from email_audit.messages.history import (
    Candidate,
    Candidates,
    HeaderBlock,
    attribution_start,
    header_block,
    line_end,
    line_kind,
    line_start,
    lotus_block,
)
from email_audit.messages.records import Segment, SegmentKind
from email_audit.messages.signatures import is_signature, split_own

_QUOTE_LINE = re.compile(r"[ \t]{0,3}>(?!From )")
_FORWARD_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:fwd?|fw|rv|tr|wg|enc|i)\s*:", re.IGNORECASE
)
_REPLY_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*(?:re|aw|antw|sv|ref|rif)\s*(?:\[\d+\])?:", re.IGNORECASE
)
_INTRODUCES = re.compile(r"@|\d{1,2}[:.h]\d\d|wrote|escrib")
_LONGEST_ATTRIBUTION = 500
_LONGEST_FORWARDER = 2000
_OWN = SegmentKind.OWN
_COLON_LINE = re.compile(r":[ \t]*\n")
_RULE_ABOVE = re.compile(r"[ \t>]*[_\-=*]{5,}[ \t]*$")
_NOTE = re.compile(
    r"\W*(?:(?:hi|hello|hey|hola|dear|all|team|folks|sir|boss|sarge|sgt|lt|det|loo?t?|cap)\W+)?"
    r"(?:[A-Z][a-z'.]+(?: [A-Z][a-z'.]+)?\s*[,:-]+\s*)?"
    r"(?i:(?:fyi|fya|fyr|f\.y\.i|fwd|fw|forwarding|for your (?:info(?:rmation)?|review|records?"
    r"|awareness|reference|eyes(?: only)?)|for (?:info(?:rmation)?|awareness|review)"
    r"|(?:please |pls |plz )?(?:see|read|note)(?: the)?"
    r"(?: (?:below|attached|above|thread|chain|email|e-mail|message))*"
    r"|as (?:discussed|requested|promised)|per our (?:call|conversation|discussion|talk)"
    r"|as per our (?:call|conversation|discussion)|below|attached"
    r"|in case you missed (?:it|this)"
    r"|para (?:tu|su|vuestra) (?:informaci[oó]n|conocimiento)|ver (?:abajo|adjunto|m[aá]s abajo)"
    r"|(?:te |le |les )?reenv[ií]o(?: esto)?|pa(?:ra)? que sepas|adjunto"
    r"|seg[uú]n lo (?:hablado|acordado))"
    r"(?:\W+(?:thanks|thank you|thx|gracias|and|y|fyi|fwd|see below|below|ver abajo|from))*)"
    r"(?:\W+[A-Z][\w.]{0,15}){0,2}\W*"
)
_LONGEST_NOTE = 120


def split_segments(body: str, subject: str) -> tuple[Segment, ...]:
    """Tile `body`: consecutive segments from 0 to its length, none empty.

    The subject tells a forward from a reply where the program that wrote the message does not.
    """
    spans: list[tuple[SegmentKind, int, int]] = []
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
        history = _history_start(body, candidate, own_start)
        if history is None:
            position = candidate.end
            continue
        start, is_forward, is_reply_quote = history
        if is_reply_quote:
            # "On ... wrote:" over `>` lines: the run of quote lines is the history, no more.
            position = line_end(body, candidate.end)
            continue
        spans.append((SegmentKind.OWN, own_start, start))
        if is_forward or _is_forward(body, subject, spans):
            spans += _forwarded(body, start, candidates)
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
    if not own or is_signature(own):
        return True
    return len(own) <= _LONGEST_NOTE and _NOTE.fullmatch(own) is not None


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


def _history_start(body: str, candidate: Candidate, floor: int) -> tuple[int, bool, bool] | None:
    """Check a candidate: give the start, whether it is a forward, and whether `>` lines follow."""
    start, kind = candidate.line, candidate.kind
    if kind in ("forward", "apple"):
        return start, True, False
    if kind == "original":
        return start, False, False
    if kind == "header":
        block = header_block(body, start)
        return (_rule_above(body, start, floor), False, False) if block.is_complete else None
    if kind == "lotus":
        lotus = lotus_block(body, start, floor)
        return None if lotus is None else (lotus.start, False, False)
    attributed = attribution_start(body, candidate.end, floor)
    if attributed is None:
        return None
    following = line_end(body, candidate.end)
    while following < len(body) and body[following] in " \t\n":
        following += 1
    return attributed, False, body[following : following + 1] == ">"


def _rule_above(body: str, start: int, floor: int) -> int:
    """Take the line of underscores along that Outlook draws above a quoted header."""
    position = start
    for _ in range(3):
        if position <= floor:
            return start
        above = line_start(body, position - 1)
        line = body[above:position].rstrip("\n")
        if above >= floor and _RULE_ABOVE.match(line):
            return above
        if line.strip():
            return start
        position = above
    return start


def _is_forward(body: str, subject: str, spans: list[tuple[SegmentKind, int, int]]) -> bool:
    """Tell a forward from a reply by the subject; without own words nothing else can be meant."""
    if _FORWARD_SUBJECT.match(subject):
        return True
    if _REPLY_SUBJECT.match(subject):
        return False
    return not any(
        kind is SegmentKind.OWN and body[first:last].strip() for kind, first, last in spans
    )


def _forwarded(body: str, start: int, candidates: Candidates) -> list[tuple[SegmentKind, int, int]]:
    """Split forwarded text: header lines are quoted, the first words sent on are forwarded.

    A forward of a forward with nothing in between sends the innermost on; history below the
    forwarded words is quoted.
    """
    content = start
    end = len(body)
    while True:
        # A header that is announced but not understood still takes its line: the loop advances.
        content = max(_skip_header(body, content), line_end(body, content))
        nested = _nested_start(body, content, candidates)
        stop = end if nested is None else nested
        text = _author_text(body, content, stop)
        is_note = len(text) <= _LONGEST_NOTE and _NOTE.fullmatch(text) is not None
        if nested is None or (text and not is_note):
            return [
                (SegmentKind.QUOTED, start, content),
                (SegmentKind.FORWARDED, content, stop),
                (SegmentKind.QUOTED, stop, end),
            ]
        content = nested


def _author_text(body: str, start: int, end: int) -> str:
    """Give what is said in a stretch besides signatures and footers."""
    if end - start > _LONGEST_FORWARDER:
        return body[start:end]
    own = (body[first:last] for kind, first, last in split_own(body, start, end) if kind is _OWN)
    text = "\n".join(own).strip(" \t\n>")
    return "" if is_signature(text) else text


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
        found = _history_start(body, candidate, content)
        if found is not None and found[0] >= content:
            return found[0]
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
        dated = re.search(
            r"\d:\d\d(?::\d\d)? ?[AP]M[ \t]*\n", body[line : min(following, line + 400)]
        )
        if dated:
            return lotus_block(body, line, position)
        rule = _RULE_ABOVE.match(body[line:following].rstrip("\n"))
        if rule:
            inner = header_block(body, following)
            return inner if inner.is_complete else None
        line = following
    return None


def _with_signatures(
    body: str, spans: list[tuple[SegmentKind, int, int]]
) -> list[tuple[SegmentKind, int, int]]:
    """Split signatures and footers off the author's own stretches."""
    found: list[tuple[SegmentKind, int, int]] = []
    for kind, start, end in spans:
        if kind is SegmentKind.OWN and start < end:
            found += split_own(body, start, end)
        elif start < end:
            found.append((kind, start, end))
    return found


def _merged(spans: list[tuple[SegmentKind, int, int]]) -> list[Segment]:
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
