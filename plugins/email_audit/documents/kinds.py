"""What kind of document bytes are: their beginning decides, name and declared type only hint."""

import re
from enum import StrEnum

from email_audit.archives.bounded import HEAD_BYTES, archive_kind


class Kind(StrEnum):
    """The kinds told apart by their first bytes; readers look closer at what is inside."""

    PDF = "pdf"
    ZIP = "zip"
    ARCHIVE = "archive"
    OLE = "ole"
    RTF = "rtf"
    IMAGE = "image"
    SMIME = "smime"
    PGP = "pgp"
    RIGHTS_MANAGED = "rights_managed"
    XML = "xml"
    HTML = "html"
    CALENDAR = "calendar"
    CARD = "card"
    MAIL = "mail"
    TEXT = "text"
    UNKNOWN = "unknown"


HEAD = 4096
"""How many first bytes `kind_of` looks at."""

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"{\\rt", Kind.RTF),
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE),
    (b"\xff\xd8\xff", Kind.IMAGE),
    (b"GIF87a", Kind.IMAGE),
    (b"GIF89a", Kind.IMAGE),
    (b"II*\0", Kind.IMAGE),
    (b"MM\0*", Kind.IMAGE),
    (b"II+\0", Kind.IMAGE),
    (b"MM\0+", Kind.IMAGE),
    (b"\x76\xe8\x04\x60\xc4\x11\xe3\x86", Kind.RIGHTS_MANAGED),
    (b"-----BEGIN PGP MESSAGE-----", Kind.PGP),
    (b"-----BEGIN PKCS7-----", Kind.SMIME),
    (b"!BDN", Kind.MAIL),
    (b"\x78\x9f\x3e\x22", Kind.MAIL),
)
_PDF_WITHIN = 1024
# PKCS #7 (RFC 5652): a SEQUENCE that begins with an OID below 1.2.840.113549.1.7.
_PKCS7 = re.compile(
    rb"\x30(?:[\x00-\x80]|[\x81-\x84].{1,4})\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", re.DOTALL
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|div|meta)\b", re.IGNORECASE)
_CALENDAR = re.compile(rb"BEGIN:VCALENDAR", re.IGNORECASE)
_CARD = re.compile(rb"BEGIN:VCARD", re.IGNORECASE)
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_BY_TYPE = {
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "text/calendar": Kind.CALENDAR,
    "text/x-vcalendar": Kind.CALENDAR,
    "message/rfc822": Kind.MAIL,
    "text/vcard": Kind.CARD,
    "text/x-vcard": Kind.CARD,
    "text/directory": Kind.CARD,
}
_BY_EXTENSION = {
    ".eml": Kind.MAIL,
    ".emlx": Kind.MAIL,
    ".mbox": Kind.MAIL,
    ".mht": Kind.MAIL,
    ".mhtml": Kind.MAIL,
    ".htm": Kind.HTML,
    ".html": Kind.HTML,
    ".ics": Kind.CALENDAR,
    ".vcs": Kind.CALENDAR,
    ".vcf": Kind.CARD,
}
_NAMELESS = {".p7m": Kind.SMIME, ".p7s": Kind.SMIME}
_PKCS7_TYPES = frozenset(
    {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pkcs7-signature",
     "application/x-pkcs7-signature"}
)  # fmt: skip


def binary_kind(head: bytes) -> Kind | None:
    """Give the kind of what is no text, by its first bytes; None for text and what is unknown."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return Kind.PDF
    if _PKCS7.match(head):
        return Kind.SMIME
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind.IMAGE
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and len(head) > 26:
        return Kind.IMAGE
    return Kind.ARCHIVE if archive_kind(head[:HEAD_BYTES]) else None


def kind_of(head: bytes, content_type: str, filename: str) -> Kind:
    """Give the kind of a document that begins with `head` (`HEAD` bytes of it)."""
    kind = binary_kind(head)
    if kind is not None:
        return kind
    dot = filename.rfind(".")
    extension = filename[dot:].lower() if dot >= 0 else ""
    if content_type in _PKCS7_TYPES or extension in _NAMELESS:
        return Kind.SMIME
    if _CONTROL.search(head) and not head.startswith(_WIDE):
        return Kind.UNKNOWN
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _CALENDAR.match(text):
        return Kind.CALENDAR
    if _CARD.match(text):
        return Kind.CARD
    if text.startswith(b"<?xml") and not re.search(rb"<html\b", text, re.IGNORECASE):
        return Kind.XML
    hinted = _BY_TYPE.get(content_type) or _BY_EXTENSION.get(extension)
    if hinted is not None:
        return hinted
    return Kind.HTML if _HTML.match(text) else Kind.TEXT
