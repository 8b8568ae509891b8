"""Encapsulated MAPI properties inside a TNEF attribute (MS-OXTNEF 2.1.3.4)."""

from typing import NamedTuple
from uuid import UUID

from email_audit.mapi.records import MapiValue, NamedProperty
from email_audit.mapi.types import (
    FIXED_BYTES,
    MULTIPLE,
    PropertyType,
    fixed_value,
    variable_value,
)

_FIRST_NAMED = 0x8000
_VARIABLE = frozenset(
    {PropertyType.STRING8, PropertyType.STRING, PropertyType.BINARY, PropertyType.OBJECT}
)
_UNIT = 4
_LONGEST_TAIL = 8


class TnefError(Exception):
    """The bytes are no TNEF, or end before what they announce."""


class PropertyList(NamedTuple):
    """Standard and named values; `objects` are ids whose value begins with an interface id."""

    standard: dict[int, MapiValue]
    named: dict[NamedProperty, MapiValue]
    objects: frozenset[int]


class Cursor:
    """Reads little-endian numbers and padded values; raises `TnefError` at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left, or no more than a line end that a mail program added."""
        left = self._data[self._position : self._position + _LONGEST_TAIL + 1]
        return len(left) <= _LONGEST_TAIL and not left.strip(b"\r\n\0")

    def take(self, size: int) -> bytes:
        """Give the next `size` bytes."""
        end = self._position + size
        if size < 0 or end > len(self._data):
            raise TnefError("it ends in the middle of a value")
        piece = self._data[self._position : end]
        self._position = end
        return piece

    def number(self, size: int = 4) -> int:
        """Give the next unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def padded(self, size: int) -> bytes:
        """Give the next `size` bytes and skip what fills the last four up."""
        piece = self.take(size)
        self._position = min(self._position + (-size) % _UNIT, len(self._data))
        return piece


def read_rows(data: bytes) -> tuple[list[PropertyList], str]:
    """Give the rows of attRecipTable, and what was wrong ("" if nothing)."""
    cursor = Cursor(data)
    rows: list[PropertyList] = []
    try:
        for _ in range(cursor.number()):
            row, fault = _read(cursor)
            rows.append(row)
            if fault:
                return rows, fault
    except TnefError as error:
        return rows, str(error)
    return rows, ""


def read_properties(data: bytes) -> tuple[PropertyList, str]:
    """Give the properties of attMsgProps or attAttachment, and what was wrong ("" if nothing)."""
    return _read(Cursor(data))


def _read(cursor: Cursor) -> tuple[PropertyList, str]:
    standard: dict[int, MapiValue] = {}
    named: dict[NamedProperty, MapiValue] = {}
    objects: set[int] = set()
    fault = ""
    try:
        for _ in range(cursor.number()):
            kind, tag = cursor.number(2), cursor.number(2)
            name = _name(cursor) if tag >= _FIRST_NAMED else None
            value = _value(cursor, kind)
            if value is None:
                continue
            if name is not None:
                named[name] = value
            else:
                standard[tag] = value
                if kind == PropertyType.OBJECT:
                    objects.add(tag)
    except TnefError as error:
        fault = str(error)
    return PropertyList(standard, named, frozenset(objects)), fault


def _name(cursor: Cursor) -> NamedProperty:
    guid = UUID(bytes_le=cursor.take(16))
    if not cursor.number():
        return NamedProperty(guid, cursor.number())
    text = cursor.padded(cursor.number()).decode("utf-16-le", "replace")
    return NamedProperty(guid, text.rstrip("\0"))


def _value(cursor: Cursor, kind: int) -> MapiValue | None:
    """Read a value; variable ones are counted even if single, fixed ones fill four bytes up."""
    base = kind & ~MULTIPLE
    if base in _VARIABLE:
        values = [
            variable_value(base, cursor.padded(cursor.number())) for _ in range(cursor.number())
        ]
    elif base in FIXED_BYTES:
        size = FIXED_BYTES[base]
        count = cursor.number() if kind & MULTIPLE else 1
        values = [fixed_value(base, cursor.padded(size)) for _ in range(count)]
    elif base in (0, 1):
        values = [None]
    else:
        raise TnefError("a property has an unknown type")
    found = tuple(value for value in values if value is not None)
    if kind & MULTIPLE:
        return found
    return found[0] if found else None
