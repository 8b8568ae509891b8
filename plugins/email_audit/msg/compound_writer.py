"""Writing a compound file (MS-CFB): an OLE object taken out of an MSG file opens as one.

The same content always gives the same bytes: entries are sorted as names compare, times are zero.
"""

import struct
from dataclasses import dataclass
from typing import Union

from email_audit.msg.compound import (
    END_OF_CHAIN,
    ENTRY_BYTES,
    HEADER_BYTES,
    HEADER_FAT_SECTORS,
    MAGIC,
    NO_ENTRY,
    EntryKind,
)

_SECTOR = 512
_MINI = 64
_CUTOFF = 4096
_FAT_MARK = 0xFFFFFFFD
_DIFAT_MARK = 0xFFFFFFFC
_FREE = 0xFFFFFFFF
_IN_SECTOR = _SECTOR // 4
_BLACK = 1


@dataclass(slots=True)
class Folder:
    """A storage to write: folders and streams' bytes by name, and a class identifier."""

    entries: dict[str, Union["Folder", bytes]]
    class_id: bytes = bytes(16)


@dataclass(slots=True)
class _Row:
    name: str
    kind: EntryKind
    content: bytes = b""
    class_id: bytes = bytes(16)
    left: int = NO_ENTRY
    right: int = NO_ENTRY
    child: int = NO_ENTRY
    start: int = END_OF_CHAIN


def write_compound(root: Folder) -> bytes:
    """Give the bytes of a compound file of version 3."""
    rows = _rows(root)
    fat: list[int] = []
    sectors: list[bytes] = []
    mini_fat: list[int] = []
    mini: list[bytes] = []
    for row in rows[1:]:
        if row.kind is not EntryKind.STREAM or not row.content:
            continue
        if len(row.content) < _CUTOFF:
            row.start = _append(row.content, _MINI, mini, mini_fat)
        else:
            row.start = _append(row.content, _SECTOR, sectors, fat)
    rows[0].content = b"".join(mini)
    rows[0].start = _append(rows[0].content, _SECTOR, sectors, fat)
    packed_mini_fat = struct.pack(f"<{len(mini_fat)}I", *mini_fat)
    mini_fat_start = _append(packed_mini_fat, _SECTOR, sectors, fat, fill=b"\xff")
    directory_start = _append(b"".join(map(_packed, rows)), _SECTOR, sectors, fat)
    fat_sectors, difat_sectors = _table_sizes(len(fat))
    first = len(fat)
    fat += [_FAT_MARK] * fat_sectors + [_DIFAT_MARK] * difat_sectors
    fat += [_FREE] * (fat_sectors * _IN_SECTOR - len(fat))
    listed = list(range(first, first + fat_sectors))
    difat = listed[HEADER_FAT_SECTORS:]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        MAGIC,
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        0,
        fat_sectors,
        directory_start,
        0,
        _CUTOFF,
        mini_fat_start,
        -(-len(packed_mini_fat) // _SECTOR),
        first + fat_sectors if difat_sectors else END_OF_CHAIN,
        difat_sectors,
        0,
    )[:76]
    header += _numbers(listed[:HEADER_FAT_SECTORS], HEADER_FAT_SECTORS)
    assert len(header) == HEADER_BYTES
    return b"".join((header, *sectors, _numbers(fat, len(fat)), _difat(difat, first + fat_sectors)))


def _rows(root: Folder) -> list[_Row]:
    """List the directory: storages before what is in them, siblings as a balanced tree."""
    rows = [_Row("Root Entry", EntryKind.ROOT, class_id=root.class_id)]
    pending = [(0, root)]
    while pending:
        parent, folder = pending.pop()
        numbers: list[int] = []
        for name in sorted(folder.entries, key=lambda name: (len(name), name.upper())):
            entry = folder.entries[name]
            numbers.append(len(rows))
            if isinstance(entry, bytes):
                rows.append(_Row(name, EntryKind.STREAM, entry))
            else:
                rows.append(_Row(name, EntryKind.STORAGE, class_id=entry.class_id))
                pending.append((len(rows) - 1, entry))
        rows[parent].child = _linked(rows, numbers)
    return rows


def _linked(rows: list[_Row], numbers: list[int]) -> int:
    """Link sorted siblings as a tree; its depth is the logarithm of their count."""
    if not numbers:
        return NO_ENTRY
    middle = len(numbers) // 2
    row = rows[numbers[middle]]
    row.left = _linked(rows, numbers[:middle])
    row.right = _linked(rows, numbers[middle + 1 :])
    return numbers[middle]


def _append(
    content: bytes, unit: int, units: list[bytes], table: list[int], fill: bytes = b"\0"
) -> int:
    """Append content in whole units and chain them; give the first one's number."""
    if not content:
        return END_OF_CHAIN
    first = len(units)
    count = -(-len(content) // unit)
    units.extend(content[i * unit : (i + 1) * unit].ljust(unit, fill) for i in range(count))
    table.extend((*range(first + 1, first + count), END_OF_CHAIN))
    return first


def _table_sizes(used: int) -> tuple[int, int]:
    """Give how many sectors the FAT and the DIFAT take so that they also cover themselves."""
    fat_sectors = difat_sectors = 0
    while True:
        needed = -(-(used + fat_sectors + difat_sectors) // _IN_SECTOR)
        beyond = max(0, needed - HEADER_FAT_SECTORS)
        needed_difat = -(-beyond // (_IN_SECTOR - 1))
        if (needed, needed_difat) == (fat_sectors, difat_sectors):
            return fat_sectors, difat_sectors
        fat_sectors, difat_sectors = needed, needed_difat


def _difat(listed: list[int], first: int) -> bytes:
    step = _IN_SECTOR - 1
    sectors: list[bytes] = []
    for i in range(0, len(listed), step):
        is_last = i + step >= len(listed)
        following = END_OF_CHAIN if is_last else first + len(sectors) + 1
        sectors.append(_numbers(listed[i : i + step], step) + struct.pack("<I", following))
    return b"".join(sectors)


def _numbers(numbers: list[int], count: int) -> bytes:
    filled = numbers + [_FREE] * (count - len(numbers))
    return struct.pack(f"<{count}I", *filled)


def _packed(row: _Row) -> bytes:
    name = row.name.encode("utf-16-le")[:62]
    packed = struct.pack(
        "<64sHBBIII16s4x16xIQ",
        name,
        len(name) + 2,
        row.kind,
        _BLACK,
        row.left,
        row.right,
        row.child,
        row.class_id,
        row.start,
        len(row.content),
    )
    assert len(packed) == ENTRY_BYTES
    return packed
