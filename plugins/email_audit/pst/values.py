"""Property values as a heap or table row stores them (MS-PST 2.3.3)."""

from collections.abc import Callable
from itertools import pairwise
from struct import unpack, unpack_from
from typing import Final

from email_audit.mapi.records import MapiValue
from email_audit.mapi.types import (
    FIXED_BYTES,
    MULTIPLE,
    PropertyType,
    fixed_value,
    variable_value,
)


def _inline_float(stored: int) -> MapiValue:
    number: float = unpack("<f", stored.to_bytes(4, "little"))[0]
    return number


INLINE: Final[dict[int, Callable[[int], MapiValue]]] = {
    PropertyType.INTEGER16: lambda stored: ((stored & 0xFFFF) ^ 0x8000) - 0x8000,
    PropertyType.INTEGER32: lambda stored: (stored ^ 0x80000000) - 0x80000000,
    PropertyType.FLOATING32: _inline_float,
    PropertyType.ERROR: int,
    PropertyType.BOOLEAN: lambda stored: stored & 0xFFFF != 0,
}
"""What makes a value of up to 4 bytes, which stands in the place of its identifier (2.3.3.3)."""
_VARIABLE: Final = frozenset({PropertyType.STRING8, PropertyType.STRING, PropertyType.BINARY})


def fixed_size(kind: int) -> int | None:
    """Give the size in bytes of a type whose values are all of one size, else None."""
    return 1 if kind == PropertyType.BOOLEAN else FIXED_BYTES.get(kind)


def has_value(kind: int) -> bool:
    """Say whether values of that type are content: PtypNull and PtypUnspecified have none.

    What a PtypObject refers to is read by who knows what it is.
    """
    single = kind & ~MULTIPLE
    return single in FIXED_BYTES or single in _VARIABLE


def decode_value(kind: int, raw: bytes) -> MapiValue | None:
    """Make a value of its stored bytes, None where they are none of that type."""
    if kind & MULTIPLE:
        return _multiple(kind & ~MULTIPLE, raw)
    if kind in FIXED_BYTES:
        return fixed_value(kind, raw)
    return variable_value(kind, raw)


def _multiple(kind: int, raw: bytes) -> MapiValue | None:
    """Take several values apart (2.3.3.4)."""
    if kind in FIXED_BYTES:
        size = FIXED_BYTES[kind]
        parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    else:
        count = int.from_bytes(raw[:4], "little")
        if count > len(raw) // 4 - 1:
            return None
        offsets = (*unpack_from(f"<{count}I", raw, 4), len(raw))
        if any(start > end for start, end in pairwise(offsets)):
            return None
        parts = [raw[start:end] for start, end in pairwise(offsets)]
    values = tuple([value for part in parts if (value := decode_value(kind, part)) is not None])
    return values if len(values) == len(parts) else None
