"""Property contexts and table contexts: a thing's properties, a table's rows (MS-PST 2.3.3-4)."""

from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from email_audit.mapi.records import MapiValue
from email_audit.pst.blocks import Reading
from email_audit.pst.damage import DamagedError
from email_audit.pst.heap import Heap, HeapTree
from email_audit.pst.values import INLINE, decode_value, fixed_size, has_value

_PROPERTIES: Final = 0xBC
_TABLE: Final = 0x7C
_PROPERTY = Struct("<HHI")
_TABLE_HEAD = Struct("<BBHHHHIII")
_COLUMN = Struct("<IHBB")
_ROW_ID_BYTES: Final = 4
_COST_OF_CELL: Final = 16


class StoredProperty(NamedTuple):
    """A property as the context lists it: the value itself, or where it is (2.3.3.3)."""

    kind: int
    value: int


class PropertyContext:
    """The properties of a message, attachment, folder or store."""

    def __init__(self, reading: Reading, data: int, sub: int) -> None:
        """Open the context.

        Raises:
            DamagedError: where none of it can be read.
        """
        self.heap = Heap(reading, data, sub)
        if self.heap.client != _PROPERTIES:
            self.heap.fault("it is no property context")
        tree = HeapTree(self.heap, self.heap.root, key_bytes=2, value_bytes=6)
        self.stored: dict[int, StoredProperty] = {}
        try:
            for leaf in tree.leaves():
                for property_id, kind, value in _PROPERTY.iter_unpack(leaf):
                    self.stored[property_id] = StoredProperty(kind, value)
        except DamagedError:
            if not self.stored:
                raise

    def value(self, property_id: int) -> MapiValue | None:
        """Give a property's value, None where it has none or it cannot be read."""
        stored = self.stored.get(property_id)
        return None if stored is None else self._value(stored)

    def raw(self, property_id: int) -> bytes | None:
        """Give the bytes of a property of more than 4 bytes, None where there are none."""
        stored = self.stored.get(property_id)
        try:
            return None if stored is None else self.heap.value(stored.value)
        except DamagedError:
            return None

    def values(self, *, but: frozenset[int] = frozenset()) -> dict[int, MapiValue]:
        """Give every property that has a value but those named, by id."""
        found = {}
        for property_id, stored in self.stored.items():
            value = None if property_id in but else self._value(stored)
            if value is not None:
                found[property_id] = value
        return found

    def _value(self, stored: StoredProperty) -> MapiValue | None:
        kind, place = stored
        if kind in INLINE:
            return INLINE[kind](place)
        if not has_value(kind):
            return None
        try:
            return decode_value(kind, self.heap.value(place))
        except DamagedError:
            return None


class _Column(NamedTuple):
    """A table's column (TCOLDESC, 2.3.4.2).

    Its cell is at `at` in a row, with the value itself if `is_here`; the row has it where the byte
    at `byte` has the bit `mask` (the cell existence block, 2.3.4.4.1).
    """

    id: int
    kind: int
    at: int
    size: int
    is_here: bool
    byte: int
    mask: int


class TableContext:
    """A table: of recipients, attachments, a folder's content or its sub-folders."""

    def __init__(self, reading: Reading, data: int, sub: int) -> None:
        """Open the table.

        Raises:
            DamagedError: where it is none.
        """
        self._reading = reading
        self._heap = heap = Heap(reading, data, sub)
        head = heap.item(heap.root)
        if heap.client != _TABLE or len(head) < _TABLE_HEAD.size or head[0] != _TABLE:
            heap.fault("it is no table")
        _, count, _, _, self._bits_at, self._row_bytes, index, self._rows, _ = (
            _TABLE_HEAD.unpack_from(head)
        )
        columns = head[_TABLE_HEAD.size :]
        if len(columns) < count * _COLUMN.size or not self._bits_at <= self._row_bytes:
            heap.fault("its columns are cut off")
        self._columns = _readable(columns[: count * _COLUMN.size], self._bits_at, self._row_bytes)
        number_bytes = reading.layout.row_number_bytes
        self._record_bytes = _ROW_ID_BYTES + number_bytes
        self._index = HeapTree(heap, index, key_bytes=_ROW_ID_BYTES, value_bytes=number_bytes)

    @property
    def is_damaged(self) -> bool:
        """Say whether anything read of the table so far was damaged."""
        return bool(self._reading.damage)

    def has_row(self, row_id: int) -> bool:
        """Say whether the table lists a row of that id.

        Raises:
            DamagedError: where it cannot be told.
        """
        return self._index.find(row_id) is not None

    def row_ids(self) -> list[int]:
        """List the ids of the rows in the order of the table's rows.

        Raises:
            DamagedError: where the index cannot be read whole.
        """
        numbers = self._row_numbers()
        return [numbers[number] for number in sorted(numbers)]

    def rows(self) -> Iterator[dict[int, MapiValue]]:
        """Yield the rows' values by property id, in order; what is damaged is noted, left out.

        Rows that the index does not name are what deleted ones left behind.
        """
        try:
            named = set(self._row_numbers())
        except DamagedError:
            yield from map(self._row, self._raw_rows())
            return
        for number, raw in enumerate(self._raw_rows()):
            if number in named:
                named.discard(number)
                yield self._row(raw)
        if named:
            self._reading.damage.bad("a table lacks rows that its index names")

    def _row_numbers(self) -> dict[int, int]:
        """Give the ids of the rows by their places in the row matrix (TCROWID, 2.3.4.3.1)."""
        numbers, size = {}, self._record_bytes
        for leaf in self._index.leaves():
            for start in range(0, len(leaf), size):
                record = leaf[start : start + size]
                number = int.from_bytes(record[_ROW_ID_BYTES:], "little")
                numbers[number] = int.from_bytes(record[:_ROW_ID_BYTES], "little")
        return numbers

    def _raw_rows(self) -> Iterator[bytes]:
        """Yield the row matrix; no row is split between two blocks (2.3.4.4)."""
        size = self._row_bytes
        if not self._rows or not size:
            return
        for block in self._matrix_blocks():
            for at in range(0, len(block) - size + 1, size):
                yield block[at : at + size]

    def _matrix_blocks(self) -> Iterator[bytes]:
        try:
            if not self._rows & 0x1F:
                yield self._heap.item(self._rows)
                return
            subnode = self._heap.subnodes.get(self._rows)
            if subnode is None:
                self._heap.fault(f"sub-node 0x{self._rows:x} is not there")
        except DamagedError:
            return
        for bid in self._reading.data_blocks(subnode.data):
            try:
                yield self._reading.block(bid)
            except DamagedError:
                continue

    def _row(self, raw: bytes) -> dict[int, MapiValue]:
        self._reading.budget.spend(_COST_OF_CELL * len(self._columns))
        values = {}
        for column in self._columns:
            if not raw[column.byte] & column.mask:
                continue
            cell = raw[column.at : column.at + column.size]
            value = (
                decode_value(column.kind, cell) if column.is_here else self._stored(cell, column)
            )
            if value is not None:
                values[column.id] = value
        return values

    def _stored(self, cell: bytes, column: _Column) -> MapiValue | None:
        try:
            stored = self._heap.value(int.from_bytes(cell, "little"))
        except DamagedError:
            return None
        return decode_value(column.kind, stored)


@lru_cache(maxsize=64)
def _readable(columns: bytes, bits_at: int, row_bytes: int) -> tuple[_Column, ...]:
    """Take the column descriptions apart; most tables of a kind have the same."""
    found = []
    for tag, at, size, bit in _COLUMN.iter_unpack(columns):
        kind = tag & 0xFFFF
        byte = bits_at + bit // 8
        if has_value(kind) and byte < row_bytes and at + size <= row_bytes:
            is_here = size == fixed_size(kind)
            found.append(_Column(tag >> 16, kind, at, size, is_here, byte, 0x80 >> bit % 8))
    return tuple(found)
