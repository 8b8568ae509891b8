"""One attachment's record, and its text where its kind needs no reader of its own."""

from email_audit.messages.calendar_text import calendar_text
from email_audit.messages.card_text import card_text
from email_audit.messages.charset import decode_text
from email_audit.messages.extraction import Extracted, TextExtractor
from email_audit.messages.html import html_text
from email_audit.messages.identity import bytes_sha256, text_identity
from email_audit.messages.limits import ReadLimits
from email_audit.messages.problems import Problems
from email_audit.messages.records import Attachment, AttachmentStatus, ProblemCode

_BY_EXTENSION = {
    ".csv": "text/csv",
    ".eml": "text/plain",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".log": "text/plain",
    ".txt": "text/plain",
    ".vcf": "text/vcard",
}
_UNTOLD = frozenset({"application/octet-stream", "application/ics", "application/x-unknown"})
_NEEDS_READER = frozenset({"text/rtf", "text/richtext", "text/xml"})
_CALENDARS = frozenset({"text/calendar", "text/x-vcalendar"})
_CARDS = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
# What is sent as text and is none: office files and pictures under a wrong type.
_BINARY = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"{\\rtf",
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x1f\x8b\x08",
    b"-----BEGIN PGP MESSAGE-----",
)


def read_attachment(
    data: bytes,
    filename: str,
    content_type: str,
    charset: str,
    limits: ReadLimits,
    problems: Problems,
    extract: TextExtractor,
) -> Attachment:
    """Describe an attachment by its decoded bytes and read it: text here, the rest by `extract`."""
    kind = _kind(filename, content_type)
    is_text = (
        kind.startswith(("text/", "message/"))
        and kind not in _NEEDS_READER
        and not data.startswith(_BINARY)
    )
    if not data:
        extracted = Extracted(AttachmentStatus.EMPTY, "it has no bytes")
    elif len(data) > limits.max_attachment_bytes:
        extracted = Extracted(
            AttachmentStatus.TOO_LARGE,
            f"it has {len(data)} bytes, the limit is {limits.max_attachment_bytes}",
        )
    elif is_text:
        extracted = Extracted(AttachmentStatus.OK, text=plain_text(data, kind, charset, problems))
    else:
        extracted = extract(data, kind, filename)
    if extracted.text is not None and len(extracted.text) > limits.max_text_chars:
        extracted = Extracted(
            AttachmentStatus.TOO_LARGE, f"its text is over {limits.max_text_chars} characters"
        )
    sha256 = bytes_sha256(data)
    return Attachment(
        filename=filename,
        content_type=content_type,
        size=len(data),
        sha256=sha256,
        identity=text_identity(data) if content_type.startswith("text/") else sha256,
        status=extracted.status,
        reason=extracted.reason,
        text=extracted.text,
    )


def unknown_charset(fault: str, problems: Problems) -> None:
    """Note text whose charset is unknown or does not fit it."""
    problems.add(ProblemCode.UNKNOWN_CHARSET, fault)


def _kind(filename: str, content_type: str) -> str:
    """Give the type to read by: the file name's where the declared one says nothing."""
    if content_type in _UNTOLD:
        dot = filename.rfind(".")
        extension = filename[dot:].lower() if dot >= 0 else ""
        untold = "text/calendar" if content_type == "application/ics" else content_type
        return _BY_EXTENSION.get(extension, untold)
    return content_type


def plain_text(data: bytes, kind: str, charset: str, problems: Problems) -> str:
    """Give the text of an attachment that is text of some kind."""
    text, fault = decode_text(data, charset)
    if fault:
        unknown_charset(fault, problems)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if kind == "text/html":
        return html_text(text)
    if kind in _CARDS:
        return card_text(text)
    return calendar_text(text) if kind in _CALENDARS else text
