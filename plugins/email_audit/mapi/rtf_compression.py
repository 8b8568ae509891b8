"""Compressed RTF, as PidTagRtfCompressed holds it (MS-OXRTFCP)."""

import struct
import zlib
from dataclasses import dataclass

COMPRESSED = 0x75465A4C
UNCOMPRESSED = 0x414C454D
HEADER_BYTES = 16
_HEADER = struct.Struct("<IIII")
_WINDOW = 4096
_INITIAL = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss "
    b"\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
    b"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the dictionary holds at the start (MS-OXRTFCP 2.1.2.1)."""
_ALL_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Decompressed:
    """RTF, and what was wrong with its container ("" if nothing)."""

    data: bytes
    fault: str = ""
    is_limited: bool = False


def decompress_rtf(data: bytes, max_bytes: int) -> Decompressed:
    """Give the RTF; never raises.

    The output is at most nine times as long as the input, and ends a little beyond `max_bytes`.
    """
    if len(data) < HEADER_BYTES:
        return Decompressed(b"", "the compressed RTF has no header")
    compressed_size, raw_size, kind, checksum = _HEADER.unpack_from(data)
    if kind == UNCOMPRESSED:
        # COMPSIZE counts from the field after it; RAWSIZE is written in two ways.
        end = compressed_size + 4
        is_whole = HEADER_BYTES <= end <= len(data)
        return Decompressed(data[HEADER_BYTES:end], "" if is_whole else "the RTF is cut off")
    if kind != COMPRESSED:
        return Decompressed(b"", "the RTF is compressed in an unknown way")
    content = data[HEADER_BYTES : max(compressed_size + 4, HEADER_BYTES)]
    raw, has_end = _inflate(content, max_bytes)
    if len(raw) > max_bytes:
        return Decompressed(raw, f"the RTF has over {max_bytes} bytes", is_limited=True)
    if rtf_checksum(content) != checksum:
        return Decompressed(raw, "the checksum of the compressed RTF does not hold")
    if not has_end and len(raw) < raw_size:
        return Decompressed(raw, "the compressed RTF is cut off")
    return Decompressed(raw)


def rtf_checksum(content: bytes) -> int:
    """Give the CRC of compressed content: CRC-32 that starts from zero, not inverted (2.1.3.2)."""
    return zlib.crc32(content, _ALL_BITS) ^ _ALL_BITS


def _inflate(content: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Undo the compression (2.1.3.1); give the bytes and whether the end mark was met."""
    out = bytearray(_INITIAL)
    position, size = 0, len(content)
    most = max_bytes + len(_INITIAL)
    while position < size and len(out) <= most:
        control = content[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                out += content[position : position + 1]
                position += 1
                continue
            token = int.from_bytes(content[position : position + 2], "big")
            position += 2
            if position > size:
                break
            back = (len(out) - (token >> 4)) % _WINDOW
            if not back:
                return bytes(out[len(_INITIAL) :]), True
            _copy(out, back, (token & 0x0F) + 2)
    return bytes(out[len(_INITIAL) :]), False


def _copy(out: bytearray, back: int, length: int) -> None:
    """Repeat bytes from the dictionary; what it has not been filled with yet is no text."""
    start = len(out) - back
    if start < 0:
        return
    piece = out[start : start + length]
    out += (piece * (length // len(piece) + 1))[:length]
