"""The two checks that every page and block carries (MS-PST 5.3 and 5.5)."""

import zlib

_ALL_ONES = 0xFFFFFFFF


def crc(data: bytes) -> int:
    """Give MS-PST's CRC: the polynomial of CRC-32, begun at 0 and not inverted at the end."""
    return zlib.crc32(data, _ALL_ONES) ^ _ALL_ONES


def signature(offset: int, bid: int) -> int:
    """Give the signature of a page or block: it ties an identifier to the place in the file."""
    mixed = (offset ^ bid) & 0xFFFFFFFF
    return (mixed >> 16) ^ (mixed & 0xFFFF)
