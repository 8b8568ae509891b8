"""Checks the files of a tantivy index, which tantivy itself does not do when it opens one.

A flipped bit in the postings would otherwise give a wrong answer without an error. Every segment
file ends in a JSON footer with the CRC-32 of what comes before it, the footer's length and a magic
number, both 32-bit little-endian (tantivy `directory/footer.rs`, index format 7).
"""

import json
import struct
import zlib
from pathlib import Path

_TAIL = struct.Struct("<II")
_MAGIC = 1337
_PARTS = frozenset({".fast", ".fieldnorm", ".idx", ".pos", ".store", ".term"})
_BLOCK_BYTES = 1 << 20


def verify(folder: Path) -> None:
    """Read every file of the committed segments in `folder` and compare its checksum.

    Raises:
        ValueError: for a file that is not what was written.
        OSError: for one that cannot be read.
    """
    meta = json.loads((folder / "meta.json").read_bytes())
    for segment in meta["segments"]:
        prefix = segment["segment_id"].replace("-", "")
        present = {path.suffix: path for path in folder.glob(f"{prefix}.*")}
        if missing := _PARTS - present.keys():
            raise ValueError(f"{prefix}{min(missing)} is missing")
        for path in present.values():
            _verify_file(path)


def _verify_file(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL.size))
        tail = file.read(_TAIL.size)
        length, magic = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, 0)
        body_size = size - _TAIL.size - length
        if magic != _MAGIC or body_size < 0:
            raise ValueError(f"{path.name} is cut short or overwritten")
        file.seek(body_size)
        footer = file.read(length)
        file.seek(0)
        crc = 0
        left = body_size
        while left:
            block = file.read(min(_BLOCK_BYTES, left))
            if not block:
                raise ValueError(f"{path.name} is cut short")
            crc = zlib.crc32(block, crc)
            left -= len(block)
    try:
        expected = json.loads(footer)["crc"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} has no readable checksum") from error
    if crc != expected:
        raise ValueError(f"the checksum of {path.name} is wrong")
