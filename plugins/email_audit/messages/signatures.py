"""Signatures at the end of an author's text; footers come from footers.py, stamps from stamps.py.

Conservative on purpose: a signature kept as own text costs a reviewer a glance, a sentence of
content taken for a signature is a message nobody finds. So nothing that looks like a sentence, or
like facts about a person (date of birth, A-number, plate), is ever cut off.
"""

import re

from email_audit.messages.footers import footers
from email_audit.messages.records import SegmentKind
from email_audit.messages.signature_lines import (
    CONTACT,
    LONGEST_LINE,
    ROLE,
    has_identifier,
    is_signature_line,
    says_fact,
)
from email_audit.messages.stamps import release_stamps

Span = tuple[SegmentKind, int, int]

_SIGNATURE_MARK = re.compile(r"\n--[ \t]?$", re.MULTILINE)
_SENT_FROM = re.compile(
    r"^[ \t]*(?:Sent (?:from|via|on|with|using) (?:my |the )?(?:iPhone|iPad|phone|mobile|cell"
    r"|Android|Samsung|Galaxy|BlackBerry|Verizon|AT&T|T-Mobile|Windows|Yahoo|Outlook|Mail|Proton|Nokia"
    r"|handheld|wireless|smartphone|tablet|device|Nextel|Treo)\b|Get Outlook for|Enviado desde mi"
    r"|Envoyé de mon|Von meinem .{1,30} gesendet|Inviato da(?:l mio)? )[^\n]{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)

_CLOSING = re.compile(
    r"[ \t]*(?:(?:many |best |kind |warm |with |very |most )?(?:thanks|thank you|thx|tks|regards"
    r"|wishes|respectfully|sincerely|cordially|cheers|best|rgds|respects)"
    r"|v/r|r/|yours(?: truly| sincerely)?|take care|stay safe|be safe|all the best|sincerely yours"
    r"|(?:muchas |mil )?gracias|(?:un )?saludos?|atentamente|atte|cordialmente|un abrazo)"
    r"(?:[ \t]+(?:again|so much|very much|all|both|in advance|for your help|and regards|submitted"
    r"|yours|regards|cordiales|un abrazo|de nuevo))?[ \t]*[,.!\-]*[ \t]*",
    re.IGNORECASE,
)

_NAME_AND_TITLE = re.compile(
    r"[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){0,3}(?:,| [|/]) "
    r"(?:[A-Z][\w.&'-]*,? (?:(?:and|of|the|&) )?){0,8}"
    r"(?:Officer|Agent|Supervisor|Specialist|Analyst|Attorney|Counsel|Director|Coordinator"
    r"|Commander)(?:,? [A-Z][\w.&'-]*(?: (?:and|of|for|the|&)\b)?){0,8}\.?"
)
"""A signature in one line: a name and a title, as nobody writes of somebody else."""

_OFFICE_SPEAKS = re.compile(
    r"\bThe (?:Department|Agency|City|County|State|Office|Bureau|Division)\b"
)
_QUOTE_MARKS = "> \t"

_MOST_LINES = 14
_LONGEST_CLOSING = 60
_MOST_AFTER_MARK = 25
_LONGEST_AFTER_MARK = 2000


def split_own(body: str, start: int, end: int) -> list[Span]:
    """Tile `body[start:end]`, which its author wrote, into own text, signatures and footers."""
    spans: list[Span] = []
    position = start
    for first, last in _notices(body, start, end):
        spans += _split_signature(body, position, first)
        spans.append((SegmentKind.FOOTER, first, last))
        position = last
    spans += _split_signature(body, position, end)
    return spans


def _notices(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """Find footers, and the stamps between which they lie."""
    found: list[tuple[int, int]] = []
    position = start
    for first, last in release_stamps(body, start, end):
        found += footers(body, position, first)
        found.append((first, last))
        position = last
    return [*found, *footers(body, position, end)]


def without_signatures(carried: str) -> str:
    """Give carried text without marks of quotation, name blocks and footers.

    Whoever is quoted signs in the middle of the history: every paragraph is looked at for itself.
    """
    lines = (line.lstrip(_QUOTE_MARKS) for line in carried.split("\n"))
    text = "\n".join(lines)
    paragraphs = (
        text[first:last]
        for kind, first, last in split_own(text, 0, len(text))
        if kind is SegmentKind.OWN
    )
    return "\n\n".join(
        paragraph
        for part in paragraphs
        for paragraph in part.split("\n\n")
        if paragraph.strip() and not _is_name_block(paragraph.strip())
    )


def _is_name_block(paragraph: str) -> bool:
    return _NAME_AND_TITLE.fullmatch(paragraph) is not None or (
        "\n" in paragraph and is_signature(paragraph)
    )


def is_signature(text: str) -> bool:
    """Say whether a text is nothing but a name block, as above a bare forward."""
    lines = [line for line in text.split("\n", _MOST_LINES + 1) if line.strip()]
    has_role = any(ROLE.search(line) or CONTACT.search(line) for line in lines)
    return len(lines) < _MOST_LINES and has_role and all(map(is_signature_line, lines))


def _split_signature(body: str, start: int, end: int) -> list[Span]:
    if start >= end:
        return []
    cut = _signature_start(body, start, end)
    spans: list[Span] = []
    if cut > start:
        spans.append((SegmentKind.OWN, start, cut))
    if cut < end:
        spans.append((SegmentKind.SIGNATURE, cut, end))
    return spans


def _signature_start(body: str, start: int, end: int) -> int:
    """Give where the signature of `body[start:end]` begins, `end` where there is none."""
    cut = _marked(body, start, end)
    last = _last_line(body, start, cut)
    while last is not None and _SENT_FROM.fullmatch(last[1]):
        cut = last[0]
        last = _last_line(body, start, cut)
    if last is None:
        return start if cut < end else end
    # From the bottom: name lines, up to a closing or to the first line that is content.
    lines: list[tuple[int, str]] = []
    while last is not None and len(lines) < _MOST_LINES:
        first, text = last
        if len(text) <= _LONGEST_CLOSING and _CLOSING.fullmatch(text):
            if lines and body[start:first].strip():
                return first
            # A bare "Thanks" is all the author said: it stays.
            return lines[-1][0] if lines else cut
        if not is_signature_line(text):
            break
        lines.append(last)
        last = _last_line(body, start, first)
    return _name_block(lines, start, cut, body)


def _marked(body: str, start: int, end: int) -> int:
    """Find the line "-- " (RFC 3676 4.3); what follows must be as short as a signature is."""
    for mark in _SIGNATURE_MARK.finditer(body, max(start, end - _LONGEST_AFTER_MARK), end):
        rest = body[mark.end() : end].strip()
        if rest.count("\n") < _MOST_AFTER_MARK:
            is_banner = _OFFICE_SPEAKS.search(rest) and not has_identifier(rest)
            return mark.start() + 1 if is_banner or not says_fact(rest) else end
    return end


def _last_line(body: str, start: int, end: int) -> tuple[int, str] | None:
    """Give the last line that is not blank and where it begins; a long one cut short."""
    stop = end
    while stop > start:
        first = max(body.rfind("\n", start, stop - 1) + 1, start)
        line = body[first : min(stop, first + LONGEST_LINE + 2)].strip("\n")
        if line and not line.isspace():
            return first, line
        stop = first
    return None


def _name_block(lines: list[tuple[int, str]], start: int, cut: int, body: str) -> int:
    """Take the last paragraph where it is a name with ranks, units or ways to reach one.

    `lines` are the last lines, lowest first, that can belong to a signature.
    """
    if not lines:
        return cut
    paragraph = body.rfind("\n\n", start, lines[0][0])
    if len(lines) == 1 or lines[1][0] < paragraph:
        first, text = lines[0]
        is_signed = paragraph >= start and body[start:paragraph].strip()
        return first if is_signed and _NAME_AND_TITLE.fullmatch(text.strip()) else cut
    block = [(first, text) for first, text in lines if first > paragraph]
    if paragraph < 0 or not 2 <= len(block) < _MOST_LINES:
        return cut
    top, name = block[-1]
    # All of the paragraph must be name lines, and something must stand above it.
    if body[paragraph:top].strip() or not body[start:paragraph].strip():
        return cut
    roles = sum(1 for _, text in block if ROLE.search(text))
    contacts = sum(1 for _, text in block if CONTACT.search(text))
    is_name = len(name.split()) <= 6 and not name.strip()[:1].islower()
    return top if is_name and (roles >= 1 or contacts >= 2) else cut
