"""Files that mail programs keep beside mail: taken into evidence, counted, but no items."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, Rfc5322Source, Unreadable

_MORK = b"// <!-- <mdb:mork:z"
"""Thunderbird's index of a folder (.msf) and of folders (panacea.dat)."""

_INDEX_SUFFIXES = frozenset({".toc"})
_INDEX_NAMES = frozenset({"table_of_contents"})
_ONE_MESSAGE_SUFFIXES = frozenset({".emlx", ".msg", ".olm", ".ost", ".pst", ".tnef"})


class BookkeepingSource(Rfc5322Source):
    """A file without a message: an index whose name and content say so, or an empty mailbox.

    Such a file stays in evidence; the ledger's list of files names it with the format
    `bookkeeping`.
    """

    name = "bookkeeping"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take indexes by their content, and files without any byte: folders without mail.

        An empty file whose name promises a message or a mailbox database is mail that was lost.
        """
        path = PurePosixPath(filename)
        suffix = path.suffix.lower()
        if not head:
            return suffix not in _ONE_MESSAGE_SUFFIXES
        is_named_index = path.name in _INDEX_NAMES or suffix in _INDEX_SUFFIXES
        return head.startswith(_MORK) or (is_named_index and b"\0" in head)

    def declared(self, blob: BinaryIO) -> int:  # noqa: ARG002
        """Give 0."""
        return 0

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:  # noqa: ARG002
        """Give no stretch."""
        yield from ()

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Account for a stretch that nobody made."""
        blob.seek(0)
        problem = Problem(ProblemCode.UNSUPPORTED_FORMAT, "the file holds no message")
        yield Unreadable(extent.first, "", 0, extent.stop, problem)
