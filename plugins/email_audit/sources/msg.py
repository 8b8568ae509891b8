"""Outlook MSG files: one item a file, its MAPI properties rendered as a message (MS-OXMSG)."""

from collections.abc import Iterator
from typing import BinaryIO

from email_audit.mapi.eml import render_item
from email_audit.messages.records import Problem, ProblemCode
from email_audit.msg.compound import MAGIC, CompoundError
from email_audit.msg.reader import read_msg
from email_audit.sources.base import Extent, FoundItem, Rfc5322Source, Unreadable

_PROPERTIES_NAME = "__properties_version1.0".encode("utf-16-le")
_MSG_SUFFIX = (".msg", ".oft")


class MsgSource(Rfc5322Source):
    """One item a file."""

    name = "msg"

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Take a compound file whose directory names a property stream, or one called `.msg`.

        Word and Excel files are compound files too; the directory may lie beyond the head.
        """
        if not head.startswith(MAGIC):
            return False
        return _PROPERTIES_NAME in head or filename.lower().endswith(_MSG_SUFFIX)

    def declared(self, blob: BinaryIO) -> int:  # noqa: ARG002 - a file is one item
        """Give 1: the file is the item."""
        return 1

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:  # noqa: ARG002
        """Give the one stretch there is."""
        yield Extent(0, blob.seek(0, 2), 0, 1)

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the file's item."""
        if extent.stop > self.options.max_message_bytes:
            yield self.too_large(extent.first, "", 0, extent.stop)
            return
        blob.seek(0)
        try:
            item = read_msg(blob.read(), self.options.limits)
        except CompoundError as error:
            problem = Problem(ProblemCode.DAMAGED, f"the MSG file cannot be opened: {error}")
            yield Unreadable(extent.first, "", 0, extent.stop, problem)
            return
        rendered = render_item(item, limits=self.options.limits)
        yield FoundItem(
            extent.first,
            "",
            0,
            extent.stop,
            rendered.original,
            rendered.problems,
            rendered.item_class,
        )
