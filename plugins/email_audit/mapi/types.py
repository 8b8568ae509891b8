"""Property values from their bytes, by property type (MS-OXCDATA 2.11.1)."""

import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final
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
# Plain numbers as keys: making a member of the enumeration costs more than reading the value.
_FORMATS: Final[dict[int, struct.Struct]] = {
    int(kind): struct.Struct(form)
    for kind, form in (
        (PropertyType.INTEGER16, "<h"),
        (PropertyType.INTEGER32, "<i"),
        (PropertyType.FLOATING32, "<f"),
        (PropertyType.FLOATING64, "<d"),
        (PropertyType.CURRENCY, "<q"),
        (PropertyType.FLOATING_TIME, "<d"),
        (PropertyType.ERROR, "<I"),
        (PropertyType.BOOLEAN, "<H"),
        (PropertyType.INTEGER64, "<q"),
        (PropertyType.TIME, "<Q"),
    )
}
FIXED_BYTES: Final[dict[int, int]] = {
    **{kind: form.size for kind, form in _FORMATS.items()},
    int(PropertyType.GUID): 16,
}
"""How many bytes a value of a fixed length has."""


def fixed_value(kind: int, data: bytes) -> MapiValue | None:
    """Give a value of a fixed length from its first bytes; None where there is no such value.

    A time outside of what a calendar can hold is no value.
    """
    if len(data) < FIXED_BYTES.get(kind, sys.maxsize):
        return None
    if kind == PropertyType.GUID:
        return UUID(bytes_le=bytes(data[:16]))
    value: int | float = _FORMATS[kind].unpack_from(data)[0]
    convert = _CONVERTED.get(kind)
    return value if convert is None else convert(value)


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


_CONVERTED: Final[dict[int, Callable[[Any], MapiValue | None]]] = {
    int(PropertyType.TIME): filetime,
    int(PropertyType.FLOATING_TIME): _ole_time,
    int(PropertyType.BOOLEAN): bool,
}
