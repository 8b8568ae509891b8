"""Outlook's PST and OST files: the messages of the node tree, rendered from MAPI (MS-PST)."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from email_audit.mapi.eml import render_item
from email_audit.messages.records import Problem, ProblemCode
from email_audit.pst.census import take_census
from email_audit.pst.file import PstFile, ReadMessage
from email_audit.pst.header import is_pst
from email_audit.sources.base import Extent, FoundItem, Rfc5322Source, Unreadable

_INDEX_POSITION: Final = 1 << 32
"""Beyond every nid: where the row for what a damaged index may have lost stands."""
_INDEX_PATH: Final = "index of the file"


class PstSource(Rfc5322Source):
    """Items are the message nodes in order of their nids, which are the positions.

    Where pages of the node tree are damaged and nothing replaces them, one more item, unreadable,
    stands for the messages that may be lost with them.
    """

    name = "pst"
    _kept: ClassVar[tuple[BinaryIO, int, int, PstFile] | None] = None
    """The file read last: items are often read one by one, and a salvaged index costs a scan."""

    @classmethod
    def recognises(cls, head: bytes, filename: str) -> bool:  # noqa: ARG003 - bytes decide
        """Take what begins with the header of a PST, OST or personal address book."""
        return is_pst(head)

    def declared(self, blob: BinaryIO) -> int:
        """Count the message nodes by the census, which shares no path with the reader.

        In a damaged tree there is nothing to count apart: then what the salvage finds is counted.
        """
        census = take_census(blob)
        if census.is_whole:
            return census.messages
        file = self._file(blob)
        return sum(1 for _ in file.messages()) + bool(file.index.lost_pages())

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:
        """Split between messages; how many bytes one has is taken to be the file's average."""
        file = self._file(blob)
        average_bytes = file.index.size_bytes // max(take_census(blob).messages, 1) + 1
        most = max(min(max_items, max_bytes // average_bytes), 1)
        start = stop = first = items = 0
        for node in file.messages():
            if not items:
                start = node.nid
            items, stop = items + 1, node.nid + 1
            if items == most:
                yield Extent(start, stop, first, items)
                first, items = first + items, 0
        if items:
            yield Extent(start, stop, first, items)
        if file.index.lost_pages():
            yield Extent(_INDEX_POSITION, _INDEX_POSITION + 1, first + items, 1)

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Yield the messages whose nids lie in the stretch."""
        file = self._file(blob)
        if extent.start == _INDEX_POSITION:
            yield _lost(file, extent)
            return
        for ordinal, node in enumerate(file.messages(extent.start, extent.stop), extent.first):
            yield self._found(ordinal, file.read(node))

    def _found(self, ordinal: int, message: ReadMessage) -> FoundItem | Unreadable:
        start = message.node.nid
        path = f"{message.folder} #{start:x}".lstrip()
        if message.item is None:
            return Unreadable(ordinal, path, start, start + 1, message.problem)
        rendered = render_item(message.item, limits=self.options.limits)
        return FoundItem(
            ordinal,
            path,
            start,
            start + 1,
            rendered.original,
            rendered.problems,
            rendered.item_class,
        )

    def _file(self, blob: BinaryIO) -> PstFile:
        limits = self.options.max_message_bytes, self.options.limits.max_depth
        kept = PstSource._kept
        if kept is None or kept[0] is not blob or kept[1:3] != limits:
            file = PstFile(blob, max_item_bytes=limits[0], max_depth=limits[1])
            kept = PstSource._kept = (blob, *limits, file)
        return kept[3]


def _lost(file: PstFile, extent: Extent) -> Unreadable:
    pages = file.index.lost_pages()
    those = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
    detail = (
        f"{those} of the file's index cannot be read and nothing replaces what is lost: messages "
        f"may be missing; what was found without the index is listed. First: {pages[0]}"
    )
    problem = Problem(ProblemCode.DAMAGED, detail)
    return Unreadable(extent.first, _INDEX_PATH, extent.start, extent.stop, problem)
