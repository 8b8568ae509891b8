"""Property values from their bytes, by property type (MS-OXCDATA 2.11.1)."""

import struct
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from email_audit.mapi.records import AnsiText, MapiValue

_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_OLE_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_TICKS_PER_MICROSECOND = 10


class PropertyType(IntEnum):
    """Types of property values; a multi-valued one has `MULTIPLE` added."""

    INTEGER16 = 0x0002
    INTEGER32 = 0x0003
    FLOATING32 = 0x0004
    FLOATING64 = 0x0005
    CURRENCY = 0x0006
    FLOATING_TIME = 0x0007
    ERROR = 0x000A
    BOOLEAN = 0x000B
    OBJECT = 0x000D
    INTEGER64 = 0x0014
    STRING8 = 0x001E
    STRING = 0x001F
    TIME = 0x0040
    GUID = 0x0048
    BINARY = 0x0102


MULTIPLE = 0x1000
_FORMATS = {
    PropertyType.INTEGER16: struct.Struct("<h"),
    PropertyType.INTEGER32: struct.Struct("<i"),
    PropertyType.FLOATING32: struct.Struct("<f"),
    PropertyType.FLOATING64: struct.Struct("<d"),
    PropertyType.CURRENCY: struct.Struct("<q"),
    PropertyType.FLOATING_TIME: struct.Struct("<d"),
    PropertyType.ERROR: struct.Struct("<I"),
    PropertyType.BOOLEAN: struct.Struct("<H"),
    PropertyType.INTEGER64: struct.Struct("<q"),
    PropertyType.TIME: struct.Struct("<Q"),
}
FIXED_BYTES = {
    **{kind: form.size for kind, form in _FORMATS.items()},
    PropertyType.GUID: 16,
}
"""How many bytes a value of a fixed length has."""


def fixed_value(kind: int, data: bytes) -> MapiValue | None:
    """Give a value of a fixed length from its first bytes; None where there is no such value.

    A time outside of what a calendar can hold is no value.
    """
    if kind == PropertyType.GUID:
        return UUID(bytes_le=bytes(data[:16])) if len(data) >= 16 else None
    if kind not in FIXED_BYTES or len(data) < FIXED_BYTES[PropertyType(kind)]:
        return None
    (value,) = _FORMATS[PropertyType(kind)].unpack_from(data)
    if kind == PropertyType.TIME:
        return filetime(value)
    if kind == PropertyType.FLOATING_TIME:
        return _ole_time(value)
    if kind == PropertyType.BOOLEAN:
        return bool(value)
    return value if isinstance(value, int | float) else None


def variable_value(kind: int, data: bytes) -> MapiValue | None:
    """Give text or bytes; the closing NUL of text is dropped."""
    if kind == PropertyType.STRING:
        text = data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
        return text.removesuffix("\0")
    if kind == PropertyType.STRING8:
        return AnsiText(data.removesuffix(b"\0"))
    if kind in (PropertyType.BINARY, PropertyType.OBJECT):
        return data
    return None


def filetime(ticks: int) -> datetime | None:
    """Give the time of a FILETIME, 100 ns since 1601 (MS-DTYP 2.3.3); 0 is none."""
    if ticks <= 0:
        return None
    try:
        return _FILETIME_EPOCH + timedelta(microseconds=ticks // _TICKS_PER_MICROSECOND)
    except OverflowError:
        return None


def _ole_time(days: float) -> datetime | None:
    try:
        return _OLE_EPOCH + timedelta(days=days)
    except (OverflowError, ValueError):
        return None
