"""Signatures and footers at the end of an author's text.

Conservative on purpose: a signature kept as own text costs a reviewer a glance, a sentence of
content taken for a signature is a message nobody finds. So nothing that looks like a sentence, or
like facts about a person (date of birth, A-number, plate), is ever cut off.
"""

import re

from email_audit.messages.records import SegmentKind

Span = tuple[SegmentKind, int, int]

_SIGNATURE_MARK = re.compile(r"\n--[ \t]?$", re.MULTILINE)
_SENT_FROM = re.compile(
    r"^[ \t]*(?:Sent (?:from|via|on|with|using) (?:my |the )?(?:iPhone|iPad|phone|mobile|cell"
    r"|Android|Samsung|Galaxy|BlackBerry|Verizon|AT&T|T-Mobile|Windows|Yahoo|Outlook|Mail|Proton|Nokia"
    r"|handheld|wireless|smartphone|tablet|device|Nextel|Treo)\b|Get Outlook for|Enviado desde mi"
    r"|Envoyé de mon|Von meinem .{1,30} gesendet|Inviato da(?:l mio)? )[^\n]{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
_FOOTER = (
    r"[ \t*_>\-]{0,12}(?:(?P<legal>(?:CONFIDENTIAL(?:ITY)?|PRIVACY|PRIVILEGED?|LEGAL|DISCLAIMER"
    r"|NOTICE|WARNING|IMPORTANT|AVISO|CONFIDENCIAL)\b"
    r"|(?:This|The information(?: contained)? in this|The contents of this|Any)"
    r" (?:e-?mail|message|communication|transmission|electronic)\b"
    r"|The (?:information|contents) (?:contained |transmitted )?(?:in|by|with|of) this\b"
    r"|Este (?:correo|mensaje|e-?mail)|La información contenida"
    r"|(?:FOR OFFICIAL USE ONLY|LAW ENFORCEMENT SENSITIVE|UNCLASSIFIED|LES|FOUO)\b"
    r"|(?:To unsubscribe|You (?:are )?receiv(?:ed?|ing) this"
    r"|If you (?:are|have) (?:not |received ))"
    r"|Please consider the environment)"
    r"|(?P<banner>_{20,}\n[^\n]{0,80}(?:mailing list|Yahoo!|MSN|Hotmail|Do You Yahoo)"
    r"|-{20,}\n(?:This (?:sf\.net|SF\.Net) email|To unsubscribe)"
    r"|(?:Get your FREE download of MSN|Do You Yahoo!\?|Yahoo! Groups Links)))"
)
# The leading line break is what the engine looks for, at the speed of memchr.
_FOOTER_FIRST = re.compile(_FOOTER, re.IGNORECASE)
_FOOTER_LINE = re.compile("\n" + _FOOTER, re.IGNORECASE)
_LEGAL_WORD = re.compile(
    r"confidential|privileged|intended (?:only |solely )?(?:for|recipient)|unauthori[sz]ed|disclos"
    r"|disseminat|distribut|delete|destroy|in error|prohibited|copying|recipient|addressee"
    r"|not to be released|exempt|FOIA|need.to.know|attorney|official use|law enforcement sensitive"
    r"|property of|safeguard|retransmi|unsubscribe|mailing list|destinatario|confidencial"
    r"|prohibid|divulg|by mistake|the sender|viruses|before printing",
    re.IGNORECASE,
)
_LIST_WORD = re.compile(r"https?://|unsubscribe|mailing list|Yahoo! |MSN ", re.IGNORECASE)
_BANNER_LINE = re.compile(
    r"[\W_]*(?:(?:LAW ENFORCEMENT SENSITIVE|FOR OFFICIAL USE ONLY|UNCLASSIFIED"
    r"|CONFIDENTIAL|PRIVILEGED|LES|FOUO|U|AND|DO NOT FORWARD)[\W_]*)+"
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
_ROLE = re.compile(
    r"\b(?:P\.?O\.?|Det(?:ective)?|Sgt|Sergeant|Lt|Lieutenant|Capt(?:ain)?|Insp(?:ector)?"
    r"|Chief|Officer|Agent|S/?A|SSA|GS|DO|SDDO|TFO|Deputy|Supervis(?:or|ory)|Commander"
    r"|Director|Coordinator|Analyst|Attorney|AUSA|Counsel|Assistant|Manager|Vice President"
    r"|President|Specialist|Secretary|Precinct|Pct|Sq(?:ua)?d|Unit|Division|Bureau|Department|Dept"
    r"|Office|Command|Task Force|Section|Detail|Tour|ICE|ERO|HSI|DHS|FBI|DEA|ATF|CBP|USMS|NYPD"
    r"|Homeland|Immigration|Enforcement|Operations|Police|Narcotics|Homicide|Corp|Inc|LLC"
    r"|Company|Group|Ext|Shield|Tax)\b\.?"
)
_CONTACT = re.compile(
    r"@|\bwww\.|https?://|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}|\b(?:tel|phone|cell|fax|mobile|office"
    r"|desk|direct|o|c|f|m|ext)\b\.?\s*[:.#]?\s*\(?\d",
    re.IGNORECASE,
)
_FACTS = re.compile(
    r"\bD\.?O\.?B\b|\bA[-# ]{0,2}\d{3}[- ]?\d{3}[- ]?\d{2,3}\b|\bA#|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}"
    r"|\bplates?\b|\bNYSID\b|\bSSN\b|\bFBI ?#|\bI-?2\d\d\b|\bapt\b|\bborn\b|\bhold\b|\bdetain"
    r"|\bwarrant|\bdeport|\bremoval order|\bE/?WI\b|\bfinal order|\borden de\b"
    r"|\bmigra\b|\bnacid|\bplaca\b",
    re.IGNORECASE,
)
_SENTENCE_WORD = re.compile(
    r"\b(?:is|are|was|were|will|can|could|would|should|he|she|they|him|them|his|her|you|your|we|if"
    r"|when|need|needs|has|have|had|let|lets|pls|please|who|what|where|this|that|it|its|my|me|not"
    r"|don't|can't|won't|he's|she's|it's|i'm|i'll|es|está|son|favor|necesito|puede|si|cuando|lo|ella"
    r"|Please|Pls|Can|Could|Will|If|When|Let|Need|He|She|They|It|We|You|This|That|Hold|Pick|Call me"
    r"|I|I'll|I'm|Don't)\b|[?]|\bP\.?S\b"
)
_LONGEST_NOTICE = 6000
_MOST_WORDS = 14
_MIN_CAPITALS = 0.6
_MOST_LINES = 14
_LONGEST_CLOSING = 60
_LONGEST_LINE = 100
_MOST_AFTER_MARK = 25
_LONGEST_AFTER_MARK = 2000


def split_own(body: str, start: int, end: int) -> list[Span]:
    """Tile `body[start:end]`, which its author wrote, into own text, signatures and footers."""
    spans: list[Span] = []
    position = start
    for first, last in _footers(body, start, end):
        spans += _split_signature(body, position, first)
        spans.append((SegmentKind.FOOTER, first, last))
        position = last
    spans += _split_signature(body, position, end)
    return spans


def is_signature(text: str) -> bool:
    """Say whether a text is nothing but a name block, as above a bare forward."""
    lines = [line for line in text.split("\n", _MOST_LINES + 1) if line.strip()]
    has_role = any(_ROLE.search(line) or _CONTACT.search(line) for line in lines)
    return len(lines) < _MOST_LINES and has_role and all(map(_is_signature_line, lines))


def _footers(body: str, start: int, end: int) -> list[tuple[int, int]]:
    """Find legal notices, classification banners and list footers, by paragraph."""
    found: list[tuple[int, int]] = []
    position = start
    match = _FOOTER_FIRST.match(body, start, end)
    while True:
        if match is None:
            match = _FOOTER_LINE.search(body, max(start, position - 1), end)
        if match is None:
            return found
        first = match.start() + (body[match.start()] == "\n")
        paragraph = _paragraph_end(body, match.end(), end)
        judge = _banner_end if match["banner"] else _legal_end
        stop = judge(body, first, paragraph, end)
        if stop > first:
            if found and not body[found[-1][1] : first].strip():
                first = found.pop()[0]
            found.append((first, stop))
            position = stop
        else:
            # What is no notice from here is none from a later line of the same paragraph.
            position = paragraph
        match = None


def _banner_end(body: str, first: int, paragraph: int, end: int) -> int:
    """Give the end of a list's or a free mail service's advertisement: it goes on with links."""
    stop = paragraph
    while first < stop < end:
        following = _paragraph_end(body, stop, end)
        if not _LIST_WORD.search(body, stop, following) or _FACTS.search(body, stop, following):
            break
        stop = following
    return stop


def _legal_end(body: str, first: int, paragraph: int, end: int) -> int:
    """Give the end of a legal notice that starts at `first`; `first` itself where it is none."""
    line = body.find("\n", first, paragraph)
    line = paragraph if line < 0 else line + 1
    stop = first
    if _legal_words(body, first, paragraph) >= 2:
        stop = paragraph
    elif _BANNER_LINE.fullmatch(body, first, line):
        stop = line
    while first < stop < end:
        following = _paragraph_end(body, stop, end)
        if _legal_words(body, stop, following) < 3:
            break
        stop = following
    return stop


def _legal_words(body: str, start: int, end: int) -> int:
    return len({word.lower() for word in _LEGAL_WORD.findall(body, start, end)})


def _paragraph_end(body: str, position: int, end: int) -> int:
    """Give the end of the paragraph at `position`, its blank line included.

    A stretch longer than any notice is cut, so that a hostile body is not read again and again.
    """
    bound = min(end, position + _LONGEST_NOTICE)
    while position < bound and body[position] in " \t\n":
        position += 1
    stop = body.find("\n\n", position, bound)
    return bound if stop < 0 else stop + 2


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
    while True:
        tail = _tail_lines(body, start, cut)
        if not tail:
            return start if cut < end else end
        first, text = tail[-1]
        if _SENT_FROM.fullmatch(text):
            cut = first
            continue
        return _after_closing(tail, start, cut, body)


def _marked(body: str, start: int, end: int) -> int:
    """Find the line "-- " (RFC 3676 4.3); what follows must be as short as a signature is."""
    for mark in _SIGNATURE_MARK.finditer(body, max(start, end - _LONGEST_AFTER_MARK), end):
        rest = body[mark.end() : end].strip()
        if rest.count("\n") < _MOST_AFTER_MARK:
            return end if _FACTS.search(rest) else mark.start() + 1
    return end


def _tail_lines(body: str, start: int, end: int) -> list[tuple[int, str]]:
    """Give the last lines that are not blank, with their offsets, first to last."""
    lines: list[tuple[int, str]] = []
    stop = end
    while stop > start and len(lines) < _MOST_LINES:
        first = max(body.rfind("\n", start, stop - 1) + 1, start)
        if stop - first > _LONGEST_LINE + 1:
            line = body[first:stop]
            if line.strip():
                lines.append((first, line.strip("\n")))
                break
        else:
            line = body[first:stop].strip("\n")
            if line.strip():
                lines.append((first, line))
        stop = first
    return lines[::-1]


def _after_closing(tail: list[tuple[int, str]], start: int, cut: int, body: str) -> int:
    """Find a closing ("Thanks,") with a name block below, else a block with a rank or agency."""
    for rank in range(len(tail) - 1, -1, -1):
        first, text = tail[rank]
        if len(text) <= _LONGEST_CLOSING and _CLOSING.fullmatch(text):
            below = tail[rank + 1 :]
            if not below or not body[start:first].strip():
                # A bare "Thanks" is all the author said: it stays.
                return below[0][0] if below else cut
            return first
        if not _is_signature_line(text):
            break
    return _name_block(tail, start, cut, body)


def _name_block(tail: list[tuple[int, str]], start: int, cut: int, body: str) -> int:
    """Take the last paragraph where it is a name with ranks, units or ways to reach one."""
    paragraph = body.rfind("\n\n", start, tail[-1][0])
    if paragraph < 0:
        return cut
    lines = [(first, text) for first, text in tail if first > paragraph]
    if not 2 <= len(lines) < _MOST_LINES or not body[start:paragraph].strip():
        return cut
    if not all(_is_signature_line(text) for _, text in lines):
        return cut
    roles = sum(1 for _, text in lines if _ROLE.search(text))
    contacts = sum(1 for _, text in lines if _CONTACT.search(text))
    is_name = len(lines[0][1].split()) <= 6 and not lines[0][1].strip()[:1].islower()
    return lines[0][0] if is_name and (roles >= 1 or contacts >= 2) else cut


def _is_signature_line(text: str) -> bool:
    """Say whether a line can belong to a signature: short, no sentence, no facts of a person."""
    stripped = text.strip()
    words = stripped.split()
    # The cheap tests first: most last lines of a body are sentences.
    if len(words) > _MOST_WORDS or len(stripped) > _LONGEST_LINE:
        return False
    if len(words) > 3 and not _CONTACT.search(stripped):
        if stripped[-1] in ".!" and len(words) > 4:
            return False
        long_words = [word for word in words if len(word) > 3 and word[0].isalpha()]
        capitals = sum(1 for word in long_words if word[0].isupper())
        if capitals < _MIN_CAPITALS * len(long_words):
            return False
    return not (_SENTENCE_WORD.search(stripped) or _FACTS.search(stripped))
