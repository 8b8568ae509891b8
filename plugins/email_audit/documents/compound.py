"""A compound file (MS-CFB) of one stream: the wrapping that a library asks of an inner document."""

import struct

_SECTOR = 512
_MINI_STREAM_BELOW = 4096
_FREE, _END, _FAT_SECTOR, _DIFAT_SECTOR, _NONE = (
    0xFFFFFFFF,
    0xFFFFFFFE,
    0xFFFFFFFD,
    0xFFFFFFFC,
    0xFFFFFFFF,
)
_IN_HEADER, _PER_SECTOR = 109, 128
_ROOT, _STREAM = 5, 2


def compound_file(name: str, data: bytes) -> bytes:
    """Give a version 3 compound file whose root holds `data` under `name`.

    The stream is padded with zeros to the length from which it needs no mini stream: BIFF readers
    stop at the end-of-file record.
    """
    data = data.ljust(_MINI_STREAM_BELOW, b"\0")
    content = -(-len(data) // _SECTOR)
    # Sectors: the content, the directory, the FAT, and where that is long, its own list (DIFAT).
    fat = difat = 0
    while True:
        total = content + 1 + fat + difat
        needed = -(-total // _PER_SECTOR)
        needed_difat = -(-max(needed - _IN_HEADER, 0) // (_PER_SECTOR - 1))
        if (needed, needed_difat) == (fat, difat):
            break
        fat, difat = needed, needed_difat
    first_fat, first_difat = content + 1, content + 1 + fat
    chain = [*range(1, content), _END, _END, *[_FAT_SECTOR] * fat, *[_DIFAT_SECTOR] * difat]
    chain += [_FREE] * (fat * _PER_SECTOR - len(chain))
    fat_sectors = list(range(first_fat, first_fat + fat))
    in_header = fat_sectors[:_IN_HEADER]
    header = struct.pack(
        "<8s16s6H10I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        bytes(16),
        *(0x3E, 3, 0xFFFE, 9, 6, 0),
        *(0, 0, fat, content, 0, _MINI_STREAM_BELOW, _END, 0),
        *(first_difat if difat else _END, difat),
    ) + struct.pack(f"<{_IN_HEADER}I", *in_header, *[_FREE] * (_IN_HEADER - len(in_header)))
    lists = bytearray()
    rest = fat_sectors[_IN_HEADER:]
    for number in range(difat):
        part = rest[number * (_PER_SECTOR - 1) : (number + 1) * (_PER_SECTOR - 1)]
        following = first_difat + number + 1 if number + 1 < difat else _END
        lists += struct.pack(
            f"<{_PER_SECTOR}I", *part, *[_FREE] * (_PER_SECTOR - 1 - len(part)), following
        )
    directory = (
        _entry("Root Entry", _ROOT, child=1, start=_END, size=0)
        + _entry(name, _STREAM, child=_NONE, start=0, size=len(data))
    ).ljust(_SECTOR, b"\0")
    padded = data.ljust(content * _SECTOR, b"\0")
    return b"".join((header, padded, directory, struct.pack(f"<{len(chain)}I", *chain), lists))


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    """Give a directory entry (MS-CFB 2.6.1)."""
    raw = name.encode("utf-16-le") + b"\0\0"
    return (
        raw.ljust(64, b"\0")
        + struct.pack("<HBB3I", len(raw), kind, 1, _NONE, _NONE, child)
        + bytes(16 + 4 + 8 + 8)
        + struct.pack("<IQ", start, size)
    )
