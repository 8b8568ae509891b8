"""Property values as stored, and as records (MS-PST 2.3.3, MS-OXCDATA 2.11.1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from struct import Struct, error, unpack_from
from typing import Final
from uuid import UUID

from email_audit.mapi.records import AnsiText, MapiValue

TYPE_OBJECT: Final = 0x000D
_MULTIPLE: Final = 0x1000
_STRING8: Final = 0x001E
_STRING: Final = 0x001F
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_OLE_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)


def _number(shape: str) -> Callable[[bytes], MapiValue]:
    struct = Struct(shape)

    def value(raw: bytes) -> MapiValue:
        number: int | float = struct.unpack_from(raw)[0]
        return number

    return value


def _time(raw: bytes) -> MapiValue:
    """Give a FILETIME, 100 ns since 1601 in UTC."""
    ticks: int = unpack_from("<Q", raw)[0]
    return _FILETIME_EPOCH + timedelta(microseconds=ticks // 10)


def _floating_time(raw: bytes) -> MapiValue:
    """Give an OLE date, days since 1899-12-30; no zone is kept with it, it is taken as UTC."""
    days: float = unpack_from("<d", raw)[0]
    return _OLE_EPOCH + timedelta(days=days)


def _text(raw: bytes) -> MapiValue:
    """Give UTF-16 text; half a character at the end, or a lone surrogate, is replaced."""
    return raw.decode("utf-16-le", "replace").rstrip("\0")


FIXED: Final[dict[int, tuple[int, Callable[[bytes], MapiValue]]]] = {
    0x0002: (2, _number("<h")),
    0x0003: (4, _number("<i")),
    0x0004: (4, _number("<f")),
    0x0005: (8, _number("<d")),
    0x0006: (8, _number("<q")),
    0x0007: (8, _floating_time),
    0x000A: (4, _number("<I")),
    0x000B: (1, lambda raw: raw[0] != 0),
    0x0014: (8, _number("<q")),
    0x0040: (8, _time),
    0x0048: (16, lambda raw: UUID(bytes_le=raw[:16])),
}
"""Types of one size: the size in bytes and what makes the value of them."""

_VARIABLE: Final[dict[int, Callable[[bytes], MapiValue]]] = {
    _STRING8: lambda raw: AnsiText(raw.rstrip(b"\0")),
    _STRING: _text,
    TYPE_OBJECT: bytes,
    0x00FB: bytes,
    0x00FD: bytes,
    0x00FE: bytes,
    0x0102: bytes,
}


def is_known(kind: int) -> bool:
    """Say whether values of that type can be read; PtypNull and PtypUnspecified have none."""
    return kind & ~_MULTIPLE in FIXED or kind & ~_MULTIPLE in _VARIABLE


def decode_value(kind: int, raw: bytes) -> MapiValue | None:
    """Make a value of its stored bytes, None where they are none of that type."""
    try:
        if kind & _MULTIPLE:
            return _multiple(kind & ~_MULTIPLE, raw)
        if kind in FIXED:
            size, make = FIXED[kind]
            return make(raw) if len(raw) >= size else None
        return _VARIABLE[kind](raw)
    except (error, OverflowError, ValueError):
        return None


def _multiple(kind: int, raw: bytes) -> MapiValue | None:
    """Take several values apart (2.3.3.4)."""
    if kind in FIXED:
        size, make = FIXED[kind]
        if len(raw) % size:
            return None
        return tuple([make(raw[at : at + size]) for at in range(0, len(raw), size)])
    make = _VARIABLE[kind]
    count = int.from_bytes(raw[:4], "little")
    if count > len(raw) // 4:
        return None
    offsets = (*unpack_from(f"<{count}I", raw, 4), len(raw))
    if any(start > end for start, end in pairwise(offsets)):
        return None
    return tuple([make(raw[start:end]) for start, end in pairwise(offsets)])
