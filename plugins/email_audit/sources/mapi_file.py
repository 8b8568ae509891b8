"""A file that is one MAPI item: Outlook's MSG, and TNEF (winmail.dat) saved by itself."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from email_audit.mapi.eml import render_item
from email_audit.mapi.records import MapiItem
from email_audit.messages.limits import ReadLimits
from email_audit.messages.records import Problem, ProblemCode
from email_audit.sources.base import Extent, FoundItem, SingleItemSource, Unreadable


class MapiFileSource(SingleItemSource):
    """One item a file, its properties rendered as a message."""

    refusal: ClassVar[type[Exception]]
    """What `read` raises where the file is none of its kind."""

    @staticmethod
    @abstractmethod
    def read(data: bytes, limits: ReadLimits) -> MapiItem:
        """Read the file's item."""

    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Give the file's item."""
        first, stop = extent.first, extent.stop
        content = self.whole(blob, extent)
        if isinstance(content, Unreadable):
            yield content
            return
        try:
            item = self.read(content, self.options.limits)
        except self.refusal as error:
            detail = f"the {self.name.upper()} file cannot be opened: {error}"
            yield Unreadable(first, "", 0, stop, Problem(ProblemCode.DAMAGED, detail))
            return
        shown = render_item(item, limits=self.options.limits)
        yield FoundItem(first, "", 0, stop, shown.original, shown.problems, shown.item_class)
