"""One PST or OST file: what is in it, by node (MS-PST 2.4)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import BinaryIO, Final

from email_audit.mapi.records import MapiItem
from email_audit.messages.records import Problem, ProblemCode
from email_audit.pst.blocks import Reading
from email_audit.pst.cipher import CryptMethod
from email_audit.pst.damage import Budget, Damage, DamagedError, LimitError
from email_audit.pst.folders import Folders
from email_audit.pst.header import Header, read_header
from email_audit.pst.index import Index
from email_audit.pst.messages import MessageReader
from email_audit.pst.names import PropertyNames
from email_audit.pst.salvage import Node

MESSAGE_TYPE: Final = 0x04
"""NID_TYPE_NORMAL_MESSAGE (MS-PST 2.2.2.1)."""
TYPE_MASK: Final = 0x1F
_BOOKKEEPING_BYTES: Final = 1 << 40
"""What reading a folder, a table or the names may cost: bounded by their structure."""
_NOTHING_READ: Final = Problem(ProblemCode.DAMAGED, "its properties cannot be read")
_HEAPS_TRIED: Final = 200
_HEAP_SIGNATURE: Final = 0xEC


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message's item, or where it is None the problem that says why."""

    node: Node
    folder: str
    item: MapiItem | None
    problem: Problem = _NOTHING_READ


class PstFile:
    """An open file; reads what is asked for and nothing before."""

    def __init__(self, blob: BinaryIO, *, max_item_bytes: int, max_depth: int) -> None:
        self._blob = blob
        self._max_item_bytes = max_item_bytes
        self._max_depth = max_depth
        self.header: Header = read_header(blob)
        self.index = Index(blob, self.header)

    def messages(self, start: int = 0, stop: int = 1 << 64) -> Iterator[Node]:
        """Yield the nodes of messages from nid `start` up to before `stop`, in order."""
        for node in self.index.nodes(start, stop):
            if node.nid & TYPE_MASK == MESSAGE_TYPE:
                yield node

    def read(self, node: Node) -> ReadMessage:
        """Read a message. Never raises for bad content.

        An item with damage has it in its problems; one that no folder lists is marked deleted.
        """
        reading = self._reading(self._max_item_bytes)
        folder = self.folders.path(node.parent)
        if node.doubt:
            reading.damage.bad(node.doubt)
        try:
            item = self._messages.read(reading, node.data, node.sub)
        except DamagedError:
            problems = reading.damage.problems()
            return ReadMessage(node, folder, None, problems[0] if problems else _NOTHING_READ)
        except LimitError:
            detail = (
                f"reading the item takes more than {self._max_item_bytes} bytes, the limit "
                "(EMAIL_AUDIT_MAX_MESSAGE_BYTES); it is kept as evidence"
            )
            return ReadMessage(node, folder, None, Problem(ProblemCode.TOO_LARGE, detail))
        deleted = self._deleted(node)
        return ReadMessage(node, folder, replace(item, problems=(*item.problems, *deleted)))

    def _deleted(self, node: Node) -> tuple[Problem, ...]:
        is_listed = self.folders.lists(node.parent, node.nid)
        if is_listed is False:
            detail = "its folder no longer lists it; it was recovered"
        elif is_listed is None and not self.folders.exists(node.parent):
            detail = "the folder that held it is no longer there; it was recovered"
        else:
            return ()
        return (Problem(ProblemCode.DELETED, detail),)

    @cached_property
    def folders(self) -> Folders:
        """Give the folders."""
        return Folders(lambda: self._reading(_BOOKKEEPING_BYTES))

    @cached_property
    def _messages(self) -> MessageReader:
        names = PropertyNames(self._reading(_BOOKKEEPING_BYTES))
        return MessageReader(names, max_depth=self._max_depth)

    def _reading(self, budget_bytes: int) -> Reading:
        return Reading(
            self._blob,
            self.header.layout,
            self._crypt,
            self.index,
            Budget(budget_bytes),
            Damage(),
        )

    @cached_property
    def _crypt(self) -> CryptMethod:
        """Give the encoding; where the header does not hold, the one that shows most heaps."""
        if self.header.crypt is not None:
            return self.header.crypt
        return max(CryptMethod, key=self._heaps_shown)

    def _heaps_shown(self, method: CryptMethod) -> int:
        shown = 0
        for node in islice(self.index.nodes(), _HEAPS_TRIED):
            reading = Reading(
                self._blob, self.header.layout, method, self.index, Budget(self._max_item_bytes)
            )
            try:
                first = reading.block(reading.data_blocks(node.data)[0])
            except (DamagedError, LimitError, IndexError):
                continue
            shown += len(first) > 2 and first[2] == _HEAP_SIGNATURE
        return shown
