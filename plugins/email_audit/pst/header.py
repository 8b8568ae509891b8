"""The file's header: which layout, which encoding, where the two trees begin (MS-PST 2.2.2.6)."""

from dataclasses import dataclass
from struct import unpack_from
from typing import BinaryIO, NamedTuple

from email_audit.pst.checksums import crc
from email_audit.pst.cipher import CryptMethod
from email_audit.pst.layout import ANSI, LAYOUTS, UNICODE, Layout

MAGIC = b"!BDN"
_CLIENTS = frozenset({b"SM", b"SO", b"AB"})
"""wMagicClient: PST, OST, personal address book."""
HEAD_BYTES = 564
"""How much of the file the header takes, in the longer of its forms."""
_METHODS = frozenset(CryptMethod)


class PageRef(NamedTuple):
    """Where a page should be and which (BREF, MS-PST 2.2.2.4)."""

    bid: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says; where `is_sound` is false a checksum of it does not hold."""

    layout: Layout
    crypt: CryptMethod | None
    nodes: PageRef
    blocks: PageRef
    is_sound: bool


def is_pst(head: bytes) -> bool:
    """Say whether a file that begins with `head` is a PST, OST or address book."""
    return head[:4] == MAGIC and (head[8:10] in _CLIENTS or _version(head) in LAYOUTS)


def read_header(blob: BinaryIO) -> Header:
    """Read the header as far as it goes; never raises: what is false shows at the first page."""
    blob.seek(0)
    raw = blob.read(HEAD_BYTES).ljust(HEAD_BYTES, b"\0")
    layout = LAYOUTS.get(_version(raw)) or _guess(raw)
    if layout.is_ansi:
        node_bid, node_at, block_bid, block_at = unpack_from("<IIII", raw, 184)
        method = raw[461]
        is_sound = _holds(raw, 4, 8, 471)
    else:
        node_bid, node_at, block_bid, block_at = unpack_from("<QQQQ", raw, 216)
        method = raw[513]
        is_sound = _holds(raw, 524, 8, 516)
    is_sound = is_sound and _version(raw) in LAYOUTS and method in _METHODS
    crypt = CryptMethod(method) if is_sound else None
    return Header(layout, crypt, PageRef(node_bid, node_at), PageRef(block_bid, block_at), is_sound)


def _version(raw: bytes) -> int:
    return int.from_bytes(raw[10:12], "little")


def _holds(raw: bytes, at: int, start: int, size: int) -> bool:
    stored: int = unpack_from("<I", raw, at)[0]
    return crc(raw[start : start + size]) == stored


def _guess(raw: bytes) -> Layout:
    """Choose a layout where the version is no known one: the sentinel stands before the method."""
    return ANSI if raw[460] == 0x80 and raw[512] != 0x80 else UNICODE
