"""Compound files: a file system of storages and streams in one file (MS-CFB).

An own reader, because a hostile file must not hang or exhaust the process: every chain and tree is
walked with a stack and a bound (a tree of siblings may be a list thousands long), each entry
belongs to one storage, and all streams together give no more than a few times the file's bytes.
"""

import struct
import sys
from array import array
from dataclasses import dataclass, field
from enum import IntEnum

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEADER_BYTES = 512
ENTRY_BYTES = 128
FIRST_MARK = 0xFFFFFFFA
"""From here on a sector number is a mark: end of chain, free, of the FAT, of the DIFAT."""
END_OF_CHAIN = 0xFFFFFFFE
NO_ENTRY = 0xFFFFFFFF
HEADER_FAT_SECTORS = 109
_HEADER = struct.Struct("<26xH2xHH14xI4xII4xI")
_DIFAT_POSITION = 76
_LINKS = struct.Struct("<III")
_READ_TIMES_FILE = 4
_READ_FLOOR_BYTES = 1 << 20


class CompoundError(Exception):
    """The bytes are no compound file."""


class EntryKind(IntEnum):
    """Kinds of directory entries (MS-CFB 2.6.1)."""

    STORAGE = 1
    STREAM = 2
    ROOT = 5


@dataclass(slots=True)
class Entry:
    """A storage and its entries by name in upper case (as names compare), or a stream."""

    name: str
    kind: EntryKind
    class_id: bytes
    start: int
    size: int
    children: dict[str, "Entry"] = field(default_factory=dict)

    @property
    def is_stream(self) -> bool:
        """Whether it holds bytes."""
        return self.kind is EntryKind.STREAM

    def stream(self, name: str) -> "Entry | None":
        """Give the stream of that (upper-case) name."""
        entry = self.children.get(name)
        return entry if entry is not None and entry.is_stream else None

    def storage(self, name: str) -> "Entry | None":
        """Give the storage of that (upper-case) name."""
        entry = self.children.get(name)
        return entry if entry is not None and not entry.is_stream else None


@dataclass(frozen=True, slots=True)
class StreamData:
    """A stream's bytes; `is_whole` is false where sectors are missing or a bound was met."""

    data: bytes
    is_whole: bool


class CompoundFile:
    """The entries of a compound file held in memory, and the bytes of its streams.

    Raises `CompoundError` where there is no directory to read.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER_BYTES or not data.startswith(MAGIC):
            raise CompoundError("it does not begin as a compound file")
        self._data = data
        version, sector_shift, mini_shift, directory, self._cutoff, mini_fat, difat = (
            _HEADER.unpack_from(data)
        )
        if not 7 <= sector_shift <= 20 or not 4 <= mini_shift <= sector_shift:
            raise CompoundError("its sector size is impossible")
        self._has_wide_sizes = version >= 4
        self._sector_bytes = 1 << sector_shift
        self._mini_bytes = 1 << mini_shift
        self._budget = _READ_TIMES_FILE * len(data) + _READ_FLOOR_BYTES
        self._mini_stream = b""
        self._fat = self._read_fat(difat)
        self._mini_fat = _numbers(self._chain(mini_fat))
        self.root = self._read_directory(self._chain(directory))
        size = min(self.root.size, len(data))
        self._mini_stream = self._gather(self.root.start, size, is_mini=False).data

    def read(self, entry: Entry) -> StreamData:
        """Give a stream's bytes, as far as they are there."""
        size = min(entry.size, len(self._data))
        if size > self._budget:
            return StreamData(b"", is_whole=False)
        self._budget -= size
        found = self._gather(entry.start, size, is_mini=entry.size < self._cutoff)
        return StreamData(found.data, found.is_whole and size == entry.size)

    def _read_fat(self, difat: int) -> "array[int]":
        """Read the allocation table: its sectors are listed in the header and the DIFAT chain."""
        listed = _numbers(self._data[_DIFAT_POSITION:HEADER_BYTES])
        seen: set[int] = set()
        while difat < FIRST_MARK and difat not in seen:
            seen.add(difat)
            sector = _numbers(self._sector(difat))
            if not sector:
                break
            difat = sector.pop()
            listed.extend(sector)
        unique = dict.fromkeys(number for number in listed if number < FIRST_MARK)
        return _numbers(b"".join(map(self._sector, unique)))

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._sector_bytes
        return self._data[start : start + self._sector_bytes]

    def _chain(self, start: int) -> bytes:
        """Give the bytes of a chain that has no declared size."""
        sectors: dict[int, None] = {}
        while start < len(self._fat) and start not in sectors:
            sectors[start] = None
            start = self._fat[start]
        return b"".join(map(self._sector, sectors))

    def _gather(self, start: int, size: int, *, is_mini: bool) -> StreamData:
        """Give `size` bytes of a chain; a sector that comes twice ends it."""
        fat, unit = self._fat, self._sector_bytes
        source, offset = self._data, self._sector_bytes
        if is_mini:
            fat, unit, source, offset = self._mini_fat, self._mini_bytes, self._mini_stream, 0
        pieces: list[bytes] = []
        seen: set[int] = set()
        left = size
        while left > 0 and start < len(fat) and start not in seen:
            seen.add(start)
            begin = start * unit + offset
            piece = source[begin : begin + min(unit, left)]
            pieces.append(piece)
            left -= len(piece)
            if len(piece) < unit:
                break
            start = fat[start]
        return StreamData(b"".join(pieces), is_whole=left <= 0)

    def _read_directory(self, raw: bytes) -> Entry:
        count = len(raw) // ENTRY_BYTES
        if not count:
            raise CompoundError("its directory is missing")
        root = self._entry(raw, 0, EntryKind.ROOT)
        is_taken = bytearray(count)
        is_taken[0] = 1
        pending = [(root, self._links(raw, 0)[2])]
        while pending:
            storage, number = pending.pop()
            if number >= count or is_taken[number]:
                continue
            is_taken[number] = 1
            left, right, child = self._links(raw, number)
            pending += ((storage, right), (storage, left))
            kind = raw[number * ENTRY_BYTES + 66]
            if kind not in (EntryKind.STORAGE, EntryKind.STREAM):
                continue
            entry = self._entry(raw, number, EntryKind(kind))
            storage.children.setdefault(entry.name.upper(), entry)
            if not entry.is_stream:
                pending.append((entry, child))
        return root

    @staticmethod
    def _links(raw: bytes, number: int) -> tuple[int, int, int]:
        left, right, child = _LINKS.unpack_from(raw, number * ENTRY_BYTES + 68)
        return left, right, child

    def _entry(self, raw: bytes, number: int, kind: EntryKind) -> Entry:
        at = number * ENTRY_BYTES
        name_bytes = max(0, min(int.from_bytes(raw[at + 64 : at + 66], "little"), 64) - 2)
        start = int.from_bytes(raw[at + 116 : at + 120], "little")
        # Version 3 has 32 bits of size; some writers leave rubbish in the upper half.
        size = int.from_bytes(raw[at + 120 : at + (128 if self._has_wide_sizes else 124)], "little")
        name = raw[at : at + name_bytes].decode("utf-16-le", "replace")
        return Entry(name, kind, raw[at + 80 : at + 96], start, size)


def _numbers(data: bytes) -> "array[int]":
    found = array("I", data[: len(data) // 4 * 4])
    if sys.byteorder == "big":
        found.byteswap()
    return found
