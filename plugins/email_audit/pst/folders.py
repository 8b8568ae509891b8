"""Folders: their paths, and whether they list a message (MS-PST 2.4.4)."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from email_audit.mapi.records import AnsiText, MapiValue
from email_audit.pst.blocks import Reading
from email_audit.pst.contexts import PropertyContext, TableContext
from email_audit.pst.damage import DamagedError, LimitError

ROOT_FOLDER: Final = 0x122
_CONTENTS_TYPE: Final = 0x0E
_TYPE_MASK: Final = 0x1F
_FOLDER_TYPE: Final = 0x02
_DISPLAY_NAME: Final = 0x3001
_CONTENT_COUNT: Final = 0x3602
_DEPTH_MAX = 100
_TABLES_KEPT = 16


class Folders:
    """The folders of one file; names are kept, and the tables of those used last."""

    def __init__(self, begin_reading: Callable[[], Reading]) -> None:
        self._begin = begin_reading
        self._paths: dict[int, str] = {}
        self._tables: OrderedDict[int, TableContext | None] = OrderedDict()

    def path(self, nid: int) -> str:
        """Give the names from below the root folder down to this one, joined by "/".

        A "/" inside a name is written %2F. A folder that is not there, or whose name cannot be
        read, appears by its number.
        """
        names: list[str] = []
        chain: list[int] = []
        while nid and nid != ROOT_FOLDER and nid not in chain and len(chain) < _DEPTH_MAX:
            if nid in self._paths:
                names.append(self._paths[nid])
                break
            chain.append(nid)
            name, nid = self._name_and_parent(nid)
            names.append(name)
        for position, folder in enumerate(chain):
            self._paths[folder] = "/".join(reversed(names[position:]))
        return "/".join(reversed(names))

    def lists(self, folder: int, message: int) -> bool | None:
        """Say whether a folder lists a message, None where that cannot be told for certain."""
        table = self._table(folder)
        if table is None:
            return None
        try:
            is_listed = table.has_row(message)
        except (DamagedError, LimitError):
            return None
        return None if table.is_damaged else is_listed

    def exists(self, folder: int) -> bool:
        """Say whether the file has such a folder."""
        return self._begin().index.node(folder) is not None

    def declared_counts(self) -> Iterator[tuple[int, str, int]]:
        """Yield each folder's nid, its path and how many messages it says that it has.

        A figure of its own: Outlook keeps it beside the tables (PidTagContentCount).
        """
        for node in self._begin().index.nodes():
            if node.nid & _TYPE_MASK != _FOLDER_TYPE:
                continue
            reading = self._begin()
            try:
                count = PropertyContext(reading, node.data, node.sub).value(_CONTENT_COUNT)
            except (DamagedError, LimitError):
                continue
            if isinstance(count, int):
                yield node.nid, self.path(node.nid), count

    def _name_and_parent(self, nid: int) -> tuple[str, int]:
        reading = self._begin()
        node = reading.index.node(nid)
        if node is None:
            return f"(missing folder {nid:x})", 0
        try:
            name = PropertyContext(reading, node.data, node.sub).value(_DISPLAY_NAME)
        except (DamagedError, LimitError):
            name = None
        return _readable(name) or f"(folder {nid:x})", node.parent

    def _table(self, folder: int) -> TableContext | None:
        if folder in self._tables:
            self._tables.move_to_end(folder)
            return self._tables[folder]
        reading = self._begin()
        node = reading.index.node(folder & ~_TYPE_MASK | _CONTENTS_TYPE)
        table = None
        if node is not None and not node.doubt:
            try:
                table = TableContext(reading, node.data, node.sub)
            except (DamagedError, LimitError):
                table = None
        self._tables[folder] = table
        if len(self._tables) > _TABLES_KEPT:
            self._tables.popitem(last=False)
        return table


def _readable(name: MapiValue | None) -> str:
    if isinstance(name, AnsiText):
        name = name.data.decode("cp1252", "replace")
    text = name if isinstance(name, str) else ""
    return "".join(c if c.isprintable() else " " for c in text).replace("/", "%2F").strip()
