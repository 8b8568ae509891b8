"""A file that is one item: a message, a text, or what no reader knows yet."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, SingleItemSource, Unreadable

_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
_MAIL_SUFFIXES = frozenset({".eml", ".email", ".mail"})
_MAILDIR_NAME = re.compile(r":2,[A-Za-z]*$")
_MAILDIR_FOLDERS = frozenset({"cur", "new", "tmp"})
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BOM = b"\xef\xbb\xbf"


class EmlSource(SingleItemSource):
    """One message a file."""

    name = "eml"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take what begins with header lines, and by name what need not (a Maildir entry)."""
        if b"\0" in head[:1024]:
            return False
        path = PurePosixPath(filename)
        return (
            path.suffix.lower() in _MAIL_SUFFIXES
            or _MAILDIR_NAME.search(path.name) is not None
            or path.parent.name in _MAILDIR_FOLDERS
            or begins_with_headers(head)
        )

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the file's content as one item."""
        content = self.whole(blob, extent)
        if isinstance(content, Unreadable):
            yield content
        else:
            yield FoundItem(extent.first, "", 0, extent.stop, content)


class TextSource(EmlSource):
    """A text file among the mail, for instance a message saved or printed as text.

    All of it is read as body: it has no header to go by, so no date keeps it out of scope.
    """

    name = "text"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003 - bytes decide
        """Take what has no control characters but those of text."""
        return bool(head) and not _CONTROL.search(head)


class UnsupportedSource(SingleItemSource):
    """What no reader knows yet: one unreadable item, so that the ledger says so."""

    name = "unsupported"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003
        """Take anything."""
        return True

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Say that the file cannot be read, naming its kind where the first bytes tell."""
        blob.seek(0)
        detail = f"no reader knows its content: {_kind_of(blob.read(512))}"
        problem = Problem(ProblemCode.UNSUPPORTED_FORMAT, detail)
        yield Unreadable(extent.first, "", 0, extent.stop, problem)


_UNREAD_KINDS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE file, but no message or document"),
    (b"PK\x03\x04", "a ZIP archive in a form of its own"),
)


def _kind_of(head: bytes) -> str:
    known = (kind for magic, kind in _UNREAD_KINDS if head.startswith(magic))
    return next(known, "it begins like no form of mail, document or archive")


def begins_with_headers(head: bytes) -> bool:
    """Say whether the first two lines read as RFC 5322 2.2 header fields.

    One line with a colon is in every prose text; a second header or a continuation makes it mail.
    """
    lines = head.removeprefix(_BOM).lstrip(b"\r\n").splitlines()[:12]
    headers = 0
    for line in lines:
        if _HEADER_LINE.match(line):
            headers += 1
        elif headers and line[:1] in {b" ", b"\t"}:
            continue
        else:
            break
    return headers >= 2
