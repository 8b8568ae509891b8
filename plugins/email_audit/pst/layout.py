"""The three ways a file is laid out: ANSI, Unicode (MS-PST 2.2.2) and Unicode with 4 KiB pages.

The last is Outlook 2013's OST, which MS-PST leaves out; its structures are described in libpff's
"Personal Folder File (PFF) format" and at mythicsoft.com ("OST 2013 file format: the missing
documentation").
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

BLOCK_PAGE: Final = 0x80
"""ptypeBBT: a page of the tree that finds blocks."""
NODE_PAGE: Final = 0x81
"""ptypeNBT: a page of the tree that finds nodes."""

RESERVED: Final = 1
"""Bit 0 of a block's identifier is to be ignored; trees of data set it (2.2.2.2)."""


class BlockTrailer(NamedTuple):
    """What a block says about itself (BLOCKTRAILER, MS-PST 2.2.2.8.1)."""

    size: int
    signature: int
    checksum: int
    bid: int
    inflated: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes and structures of one way.

    Pages: `counts` are cEnt, cEntMax, cbEnt and cLevel, at `counts_at`; the checksum covers what
    lies before `trailer_at`. Blocks end in `block_trailer`, after padding to `block_step` bytes.
    """

    name: str
    page_bytes: int
    counts_at: int
    counts: Struct
    trailer_at: int
    branch: Struct
    """BTENTRY (2.2.2.7.7.2): key, page identifier, offset."""
    node: Struct
    """NBTENTRY (2.2.2.7.7.4): nid, data bid, sub-node bid, parent nid."""
    block: Struct
    """BBTENTRY (2.2.2.7.7.3): bid, offset, stored size and, with 4 KiB pages, inflated size."""
    block_trailer: Struct
    block_step: int
    bid: Struct
    subnode: Struct
    """SLENTRY (2.2.2.8.3.3.1): nid, data bid, sub-node bid."""
    subbranch: Struct
    """SIENTRY (2.2.2.8.3.3.2): nid, bid."""
    subnodes_at: int
    hid_index_bits: int
    row_number_bytes: int
    """TCROWID's second half (2.3.4.3.1)."""
    is_ansi: bool = False
    has_4k_pages: bool = False

    def page_trailer(self, page: bytes) -> tuple[int, int, int, int, int]:
        """Give type, its repetition, signature, checksum and identifier (2.2.2.7.1)."""
        at = self.trailer_at
        kind, again, sig, first, second = self._page_trailer.unpack_from(page, at)
        return (
            (kind, again, sig, second, first) if self.is_ansi else (kind, again, sig, first, second)
        )

    @property
    def _page_trailer(self) -> Struct:
        return _ANSI_PAGE_TRAILER if self.is_ansi else _PAGE_TRAILER

    def trailer_of_block(self, raw: bytes) -> BlockTrailer:
        """Read the trailer at a block's end."""
        fields = self.block_trailer.unpack_from(raw, len(raw) - self.block_trailer.size)
        if self.is_ansi:
            size, sig, bid, checksum = fields
            return BlockTrailer(size, sig, checksum, bid)
        return BlockTrailer(*fields)

    def stored_size(self, data_bytes: int) -> int:
        """Give how much room a block takes in the file: data, padding and trailer."""
        step = self.block_step
        return (data_bytes + self.block_trailer.size + step - 1) // step * step


_PAGE_TRAILER = Struct("<BBHIQ")
_ANSI_PAGE_TRAILER = Struct("<BBHII")

ANSI = Layout(
    name="ANSI",
    page_bytes=512,
    counts_at=496,
    counts=Struct("<BBBB"),
    trailer_at=500,
    branch=Struct("<III"),
    node=Struct("<IIII"),
    block=Struct("<IIH2x"),
    block_trailer=Struct("<HHII"),
    block_step=64,
    bid=Struct("<I"),
    subnode=Struct("<III"),
    subbranch=Struct("<II"),
    subnodes_at=4,
    hid_index_bits=11,
    row_number_bytes=2,
    is_ansi=True,
)
UNICODE = Layout(
    name="Unicode",
    page_bytes=512,
    counts_at=488,
    counts=Struct("<BBBB"),
    trailer_at=496,
    branch=Struct("<QQQ"),
    node=Struct("<I4xQQI4x"),
    block=Struct("<QQH6x"),
    block_trailer=Struct("<HHIQ"),
    block_step=64,
    bid=Struct("<Q"),
    subnode=Struct("<I4xQQ"),
    subbranch=Struct("<I4xQ"),
    subnodes_at=8,
    hid_index_bits=11,
    row_number_bytes=4,
)
UNICODE_4K = Layout(
    name="Unicode with 4 KiB pages",
    page_bytes=4096,
    counts_at=4056,
    counts=Struct("<HHBB"),
    trailer_at=4072,
    branch=UNICODE.branch,
    node=UNICODE.node,
    block=Struct("<QQHH4x"),
    block_trailer=Struct("<HHIQ2xH4x"),
    block_step=512,
    bid=UNICODE.bid,
    subnode=UNICODE.subnode,
    subbranch=UNICODE.subbranch,
    subnodes_at=8,
    hid_index_bits=14,
    row_number_bytes=4,
    has_4k_pages=True,
)
LAYOUTS: Final = {14: ANSI, 15: ANSI, 21: UNICODE, 23: UNICODE, 36: UNICODE_4K}
"""By wVer (MS-PST 2.2.2.6); 21 is written by a recovery program, 36 by Outlook 2013 and later."""
