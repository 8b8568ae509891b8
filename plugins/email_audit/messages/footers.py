"""Legal notices, classification banners and list footers: they never count (guide 3)."""

import re

from email_audit.messages.signature_lines import has_identifier, says_fact

_FOOTER = (
    # The letters that the words below begin with: most lines go no further.
    r"[ \t*_>\"\u201c\-]{0,12}(?=(?-i:[CcPpLlDdNnWwIiAaTtEeFfUuYyGgSsRrBb_\-]))"
    r"(?:(?P<legal>(?:CONFIDENTIAL(?:ITY)?|PRIVACY|PRIVILEGED?|LEGAL|DISCLAIMER"
    r"|NOTICE|WARNING|IMPORTANT|AVISO|CONFIDENCIAL)\b"
    r"|(?:This|The information(?: contained)? in this|The contents of this|Any)"
    r" (?:e-?mail|message|communication|transmission|electronic|list|document)\b"
    r"|The (?:information|contents) (?:contained |transmitted )?(?:in|by|with|of) this\b"
    r"|Este (?:correo|mensaje|e-?mail)|La información contenida"
    r"|(?:FOR OFFICIAL USE ONLY|LAW ENFORCEMENT SENSITIVE|UNCLASSIFIED|LES|FOUO)\b"
    r"|(?:To unsubscribe|You (?:are )?receiv(?:ed?|ing) this"
    r"|If you (?:are|have) (?:not |received ))"
    r"|Please consider the environment)"
    r"|(?P<banner>_{8,}\n[^\n]{0,80}(?:mailing list|Yahoo!|MSN|Hotmail|Do You Yahoo"
    r"|is (?:provided|hosted) by|You are receiving this)"
    r"|-{20,}\n(?:This (?:sf\.net|SF\.Net) email|To unsubscribe)"
    r"|(?:Get your FREE download of MSN|Do You Yahoo!\?|Yahoo! Groups Links)))"
)
# The leading line break is what the engine looks for, at the speed of memchr.
_FOOTER_FIRST = re.compile(_FOOTER, re.IGNORECASE)
_FOOTER_LINE = re.compile("\n" + _FOOTER, re.IGNORECASE)
_LEGAL_WORDS = (
    "addressee", "attorney", "before printing", "by mistake", "confidencial", "confidential",
    "copying", "delete", "destinatario", "destroy", "disclos", "disseminat", "distribut", "divulg",
    "exempt", "foia", "in error", "intended for", "intended only", "intended solely",
    "is hosted by", "law enforcement sensitive", "mailing list", "may be monitored",
    "may contain", "need to know", "need-to-know", "not to be released", "official use",
    "privileged", "prohibid", "prohibited", "property of", "protected by", "protected under",
    "recipient", "retransmi", "safeguard", "the sender", "unauthoris", "unauthoriz", "unsubscribe",
    "viruses",
)  # fmt: skip
_LIST_WORD = re.compile(r"https?://|unsubscribe|mailing list|Yahoo! |MSN ", re.IGNORECASE)
_BANNER_LINE = re.compile(
    r"[\W_]*(?:(?:LAW ENFORCEMENT SENSITIVE|FOR OFFICIAL USE ONLY|UNCLASSIFIED"
    r"|CONFIDENTIAL|PRIVILEGED|LES|FOUO|U|AND|DO NOT FORWARD)[\W_]*)+"
)
_LONGEST_NOTICE = 3000


def footers(body: str, start: int, end: int) -> list[tuple[int, int]]:
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
        if not _LIST_WORD.search(body, stop, following) or says_fact(body[stop:following]):
            break
        stop = following
    return stop


def _legal_end(body: str, first: int, paragraph: int, end: int) -> int:
    """Give the end of a legal notice that starts at `first`; `first` itself where it is none."""
    line = body.find("\n", first, paragraph)
    line = paragraph if line < 0 else line + 1
    stop = first
    # Facts of a case inside of a notice make it content.
    if _legal_words(body, first, paragraph) >= 2 and not has_identifier(body[first:paragraph]):
        stop = paragraph
    elif _BANNER_LINE.fullmatch(body, first, line):
        stop = line
    while first < stop < end:
        following = _paragraph_end(body, stop, end)
        if _legal_words(body, stop, following) < 3 or has_identifier(body[stop:following]):
            break
        stop = following
    return stop


def _legal_words(body: str, start: int, end: int) -> int:
    """Count the different words of legal notices."""
    text = body[start:end].lower()
    return sum(1 for word in _LEGAL_WORDS if word in text)


def _paragraph_end(body: str, position: int, end: int) -> int:
    """Give the end of the paragraph at `position`, its blank line included.

    A stretch longer than any notice is cut, so that a hostile body is not read again and again.
    """
    bound = min(end, position + _LONGEST_NOTICE)
    while position < bound and body[position] in " \t\n":
        position += 1
    stop = body.find("\n\n", position, bound)
    return bound if stop < 0 else stop + 2
