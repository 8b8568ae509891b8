"""A document among the mail (a scan, a letter): read as an item whose one attachment it is."""

import base64
import re
from collections.abc import Iterator
from typing import BinaryIO

from email_audit.documents.kinds import Kind, binary_kind
from email_audit.sources.base import Extent, FoundItem, Unreadable
from email_audit.sources.eml import EmlSource

# The first member's name stands at byte 30 (APPNOTE 4.3.7); ODF wants `mimetype` there.
_OFFICE_ZIP = re.compile(rb"\[Content_Types\]\.xml|(?s:\A.{30}mimetype)")
_OFFICE_OLE = tuple(
    name.encode("utf-16-le")
    for name in ("WordDocument", "Workbook", "PowerPoint Document", "EncryptedPackage")
)
_OFFICE_SUFFIXES = (".doc", ".dot", ".xls", ".xlt", ".ppt", ".pps", ".pot")
_TYPES = {
    Kind.PDF: ("application/pdf", "document.pdf"),
    Kind.RTF: ("application/rtf", "document.rtf"),
    Kind.IMAGE: ("application/octet-stream", "picture"),
    Kind.SMIME: ("application/pkcs7-mime", "smime.p7m"),
    Kind.PGP: ("application/pgp-encrypted", "encrypted.asc"),
    Kind.RIGHTS_MANAGED: ("application/octet-stream", "message.rpmsg"),
    Kind.ZIP: ("application/octet-stream", "document"),
    Kind.OLE: ("application/octet-stream", "document"),
}


class DocumentSource(EmlSource):
    """One document a file; it has no header, so no date keeps it out of scope."""

    name = "document"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take what the readers of attachments know and is neither mail nor an archive."""
        kind = binary_kind(head)
        if kind is Kind.ZIP:
            return _OFFICE_ZIP.search(head) is not None
        if kind is Kind.OLE:
            return filename.lower().endswith(_OFFICE_SUFFIXES) or any(
                name in head for name in _OFFICE_OLE
            )
        return kind in _TYPES

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the document as a message without header fields, which carries it."""
        for found in super().items(blob, extent):
            if isinstance(found, Unreadable):
                yield found
                continue
            yield FoundItem(
                found.ordinal,
                found.path_in_source,
                found.start,
                found.stop,
                _as_message(found.original),
                item_class="Document",
            )


def _as_message(data: bytes) -> bytes:
    """Wrap a document as a MIME entity; the same bytes give the same message."""
    content_type, filename = _TYPES[binary_kind(data) or Kind.PDF]
    header = (
        "MIME-Version: 1.0\r\n"
        f"Content-Type: {content_type}\r\n"
        f'Content-Disposition: attachment; filename="{filename}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return header.encode("ascii") + base64.encodebytes(data)
