"""The file's header: which layout, which encoding, where the two trees begin (MS-PST 2.2.2.6)."""

from dataclasses import dataclass
from struct import unpack_from
from typing import BinaryIO, Final, NamedTuple

from email_audit.pst.checksums import crc
from email_audit.pst.cipher import CryptMethod
from email_audit.pst.layout import ANSI, LAYOUTS, UNICODE, UNICODE_4K, Layout

MAGIC = b"!BDN"
HEAD_BYTES: Final = 0x4600
"""How much of a file tells whether it is a PST: up to the end of its first allocation map."""
_HEADER_BYTES = 564
_CHECKED_FROM = 8
_METHODS = frozenset(CryptMethod)
_MAP_PAGE = 0x84
_MAPS_AT = ((UNICODE, 0x4400), (ANSI, 0x4400), (UNICODE_4K, 0x22000))
"""Where the first allocation map lies, always (AMap page, MS-PST 2.2.2.7.2)."""


class PageRef(NamedTuple):
    """Where a page should be and which (BREF, MS-PST 2.2.2.4)."""

    bid: int
    offset: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says; `crypt` is None where its checksum does not hold."""

    layout: Layout
    crypt: CryptMethod | None
    nodes: PageRef
    blocks: PageRef


def is_pst(head: bytes) -> bool:
    """Say whether a file that begins with `head` (HEAD_BYTES) is a PST, OST or address book.

    A file that lost its header is known by its first allocation map.
    """
    return head.startswith(MAGIC) or any(
        _is_map(head[at : at + layout.page_bytes], layout) for layout, at in _MAPS_AT
    )


def read_header(blob: BinaryIO) -> Header:
    """Read the header as far as it goes; never raises: what is false shows at the first page."""
    blob.seek(0)
    raw = blob.read(_HEADER_BYTES).ljust(_HEADER_BYTES, b"\0")
    layout = LAYOUTS.get(_version(raw), UNICODE)
    is_sound = _is_sound(raw, layout)
    if not is_sound:
        layout = _layout_by_maps(blob) or layout
    if layout.is_ansi:
        node_bid, node_at, block_bid, block_at = unpack_from("<IIII", raw, 184)
    else:
        node_bid, node_at, block_bid, block_at = unpack_from("<QQQQ", raw, 216)
    crypt = CryptMethod(raw[_method_at(layout)]) if is_sound else None
    return Header(layout, crypt, PageRef(node_bid, node_at), PageRef(block_bid, block_at))


def _method_at(layout: Layout) -> int:
    return 461 if layout.is_ansi else 513


def _is_sound(raw: bytes, layout: Layout) -> bool:
    """Check dwCRCPartial, and where there is one dwCRCFull, which covers more."""
    return (
        raw.startswith(MAGIC)
        and _version(raw) in LAYOUTS
        and raw[_method_at(layout)] in _METHODS
        and _holds(raw, *((4, 471) if layout.is_ansi else (524, 516)))
    )


def _version(raw: bytes) -> int:
    return int.from_bytes(raw[10:12], "little")


def _holds(raw: bytes, at: int, size: int) -> bool:
    stored: int = unpack_from("<I", raw, at)[0]
    return crc(raw[_CHECKED_FROM : _CHECKED_FROM + size]) == stored


def _layout_by_maps(blob: BinaryIO) -> Layout | None:
    """Choose a layout by where an allocation map lies, None where none is found."""
    for layout, at in _MAPS_AT:
        blob.seek(at)
        if _is_map(blob.read(layout.page_bytes), layout):
            return layout
    return None


def _is_map(page: bytes, layout: Layout) -> bool:
    if len(page) < layout.page_bytes:
        return False
    kind, again, _, checksum, _ = layout.page_trailer(page)
    return kind == again == _MAP_PAGE and crc(page[: layout.trailer_at]) == checksum
