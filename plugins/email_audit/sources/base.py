"""The interface of a kind of mailbox export: how to recognise, count, split and read it.

A source never decides by file name alone and never stops at a bad item: what cannot be read is
yielded as `Unreadable` with a reason, and the ledger writes the row.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, ClassVar

from email_audit.messages.extraction import TextExtractor, extract_nothing
from email_audit.messages.limits import ReadLimits
from email_audit.messages.parse import parse_message
from email_audit.messages.records import Message, Problem, ProblemCode


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How items are read: up to which size in bytes, within which limits, documents by whom."""

    max_message_bytes: int
    limits: ReadLimits = field(default_factory=ReadLimits)
    extract: TextExtractor = extract_nothing


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of a container that one task reads: `items` consecutive items.

    `start` and `stop` are the source's own positions (bytes for mbox and folder archives, node
    numbers elsewhere), opaque to everyone else; `first` is the ordinal of the first item.
    """

    start: int
    stop: int
    first: int
    items: int


@dataclass(frozen=True, slots=True)
class FoundItem:
    """One item of a container, before its content is interpreted.

    `path_in_source` is what a person needs to find it again (folder and file, or "message 12").
    `start` and `stop` are the source's own positions: `Source.items(blob, Extent(start, stop, ..))`
    yields exactly this item again. `original` is the message as RFC 5322 bytes, as transmitted
    (mbox quoting undone), or where the container holds MAPI properties instead of a message, those
    rendered as RFC 5322 bytes, always the same for the same item (`mapi/`). `item_class` is
    MS-OXCMSG's PidTagMessageClass. `problems` are those of the container, for instance a truncated
    tail.
    """

    ordinal: int
    path_in_source: str
    start: int
    stop: int
    original: bytes
    problems: tuple[Problem, ...] = ()
    item_class: str = "IPM.Note"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An item that is there but cannot be read, and why (no mail content in the reason)."""

    ordinal: int
    path_in_source: str
    start: int
    stop: int
    problem: Problem


class Source(ABC):
    """A kind of mailbox export. Stateless: every method takes the container's bytes anew."""

    name: ClassVar[str]
    """The format's name in ledger and docs, e.g. `mbox`."""

    @classmethod
    @abstractmethod
    def recognises(cls, head: bytes, filename: str) -> bool:
        """Say whether a container that begins with `head` (up to 64 KiB) is of this kind."""

    @abstractmethod
    def declared(self, blob: BinaryIO) -> int:
        """Count the items the container itself declares, by other means than `items` uses."""

    @abstractmethod
    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:
        """Split the container into consecutive stretches in one pass and constant memory."""

    @abstractmethod
    def items(self, blob: BinaryIO, extent: Extent) -> Iterator[FoundItem | Unreadable]:
        """Yield the items of one stretch in order."""

    @abstractmethod
    def parse(self, item: FoundItem) -> Message:
        """Interpret one item. Never raises for bad content: problems are in the record."""


class Rfc5322Source(Source):
    """A source whose items are RFC 5322 messages; holds the limits they are read under."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options

    def parse(self, item: FoundItem) -> Message:
        """Interpret the bytes as MIME."""
        message = parse_message(
            item.original,
            limits=self.options.limits,
            container_problems=item.problems,
            extract=self.options.extract,
        )
        return replace(message, item_class=item.item_class)

    def too_large(self, ordinal: int, path: str, start: int, stop: int) -> Unreadable:
        """Account for a message over the limit without reading it."""
        detail = (
            f"the message has {stop - start} bytes, the limit is {self.options.max_message_bytes} "
            "(EMAIL_AUDIT_MAX_MESSAGE_BYTES); it is kept as evidence"
        )
        return Unreadable(ordinal, path, start, stop, Problem(ProblemCode.TOO_LARGE, detail))


class SingleItemSource(Rfc5322Source):
    """A kind of file that is one item."""

    def declared(self, blob: BinaryIO) -> int:  # noqa: ARG002 - whatever the file holds
        """Give 1: the file is the item."""
        return 1

    def extents(self, blob: BinaryIO, *, max_items: int, max_bytes: int) -> Iterator[Extent]:  # noqa: ARG002
        """Give the one stretch there is."""
        yield Extent(0, blob.seek(0, 2), 0, 1)

    def whole(self, blob: BinaryIO, extent: Extent) -> bytes | Unreadable:
        """Read the file, unless it is over the limit."""
        if extent.stop > self.options.max_message_bytes:
            return self.too_large(extent.first, "", 0, extent.stop)
        blob.seek(0)
        return blob.read()
