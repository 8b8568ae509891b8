"""Blocks, the data trees made of them, and the trees of sub-nodes (MS-PST 2.2.2.8).

What does not hold is noted in the reading's `Damage` and read all the same, as far as it goes:
damaged mail is still mail, as long as it says so.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import BinaryIO, Final, NamedTuple

from email_audit.pst.checksums import crc, signature
from email_audit.pst.cipher import CryptMethod, decode
from email_audit.pst.damage import Budget, Damage, DamagedError
from email_audit.pst.index import Index
from email_audit.pst.layout import RESERVED, Layout
from email_audit.pst.salvage import Block

_INTERNAL: Final = 2
"""Bit 1 of a block's identifier: it holds structure, is never encoded (MS-PST 2.2.2.2)."""
_DATA_TREE: Final = 1
_SUBNODE_TREE: Final = 2
_TREE_HEAD = Struct("<BBHI")
_DEPTH_MAX = 2
"""XXBLOCK over XBLOCK over data; SIBLOCK over SLBLOCK over nodes (2.2.2.8.3.2-3)."""
_COST_OF_BLOCK = 64


class Subnode(NamedTuple):
    """A node inside a node (SLENTRY, MS-PST 2.2.2.8.3.3.1.1)."""

    nid: int
    data: int
    sub: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of one thing: the file, what was wrong with it, what it may still cost."""

    blob: BinaryIO
    layout: Layout
    crypt: CryptMethod
    index: Index
    budget: Budget
    damage: Damage = field(default_factory=Damage)

    def apart(self) -> "Reading":
        """Begin the reading of a part whose damage is noted by itself; the budget is shared."""
        return Reading(self.blob, self.layout, self.crypt, self.index, self.budget)

    def block(self, bid: int) -> bytes:
        """Give a block's content in clear, verified or noted as damaged.

        Raises:
            DamagedError: where it is not there at all.
        """
        bid &= ~RESERVED
        place = self.index.block(bid)
        if place is None:
            self.damage.bad(f"block 0x{bid:x} is not in the index")
            raise DamagedError
        room = self.layout.stored_size(place.size)
        self.budget.spend(room + _COST_OF_BLOCK)
        self.blob.seek(place.offset)
        raw = self.blob.read(room)
        if len(raw) < room:
            self.damage.lost(f"{_name(bid, place)} lies beyond the end of the file")
            raise DamagedError
        data = raw[: place.size]
        if not _holds(raw, data, bid, place, self.layout):
            self.damage.bad(f"{_name(bid, place)}: its checksum does not hold")
        method = CryptMethod.NONE if bid & _INTERNAL else self.crypt
        if place.inflated in {0, place.size}:
            return decode(data, bid, method)
        return self._inflated(data, bid, place, method)

    def _inflated(self, data: bytes, bid: int, place: Block, method: CryptMethod) -> bytes:
        """Inflate what files with 4 KiB pages store deflated where that is shorter."""
        self.budget.spend(place.inflated)
        inflated = _inflate(data, place.inflated)
        if inflated is not None:
            return decode(inflated, bid, method)
        inflated = _inflate(decode(data, bid, method), place.inflated)
        if inflated is None:
            self.damage.bad(f"{_name(bid, place)}: cannot be inflated")
            raise DamagedError
        return inflated

    def data_blocks(self, bid: int) -> list[int]:
        """List the identifiers of the blocks that together are a node's data (2.2.2.8.3.2).

        A part of the tree that is not there is noted and left out.
        """
        return list(self._data_blocks(bid, _DEPTH_MAX)) if bid else []

    def _data_blocks(self, bid: int, depth: int) -> Iterator[int]:
        if not bid & _INTERNAL:
            yield bid
            return
        try:
            level, rows = self._tree_block(bid, _DATA_TREE, self.layout.bid, _TREE_HEAD.size)
        except DamagedError:
            return
        if not 1 <= level <= depth:
            self.damage.bad(f"block 0x{bid:x}: is no data tree of level {depth}")
            return
        for (below,) in rows:
            if level > 1:
                yield from self._data_blocks(below, depth - 1)
            else:
                yield below

    def data(self, bid: int) -> bytes:
        """Give a node's data; a block of it that is not there is noted and left out.

        Raises:
            DamagedError: where none of it is there.
        """
        parts = []
        below = self.data_blocks(bid)
        for block in below:
            try:
                parts.append(self.block(block))
            except DamagedError:
                continue
        if below and not parts:
            raise DamagedError
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def subnodes(self, bid: int) -> dict[int, Subnode]:
        """Give a node's sub-nodes by their nids (2.2.2.8.3.3)."""
        found: dict[int, Subnode] = {}
        if bid:
            self._gather_subnodes(bid, _DEPTH_MAX, found)
        return found

    def _gather_subnodes(self, bid: int, depth: int, found: dict[int, Subnode]) -> None:
        try:
            level, rows = self._tree_block(
                bid, _SUBNODE_TREE, self.layout.subnode, self.layout.subnodes_at
            )
        except DamagedError:
            return
        if level >= depth:
            self.damage.bad(f"block 0x{bid:x}: is no sub-node tree of level {depth - 1}")
            return
        for row in rows:
            if level:
                self._gather_subnodes(row[1], depth - 1, found)
            else:
                found[row[0]] = Subnode(*row)

    def _tree_block(
        self, bid: int, kind: int, leaf: Struct, start: int
    ) -> tuple[int, list[tuple[int, ...]]]:
        """Give the level and the rows of a block of a tree.

        Raises:
            DamagedError: where it is none.
        """
        raw = self.block(bid)
        if len(raw) < start:
            self.damage.bad(f"block 0x{bid:x}: is too short for a tree")
            raise DamagedError
        found, level, count, _ = _TREE_HEAD.unpack_from(raw.ljust(_TREE_HEAD.size, b"\0"))
        if found != kind:
            self.damage.bad(f"block 0x{bid:x}: is no tree of the kind expected")
            raise DamagedError
        shape = self.layout.subbranch if kind == _SUBNODE_TREE and level else leaf
        there = (len(raw) - start) // shape.size
        if count > there:
            self.damage.bad(f"block 0x{bid:x}: is shorter than it says")
        end = start + min(count, there) * shape.size
        return level, list(shape.iter_unpack(raw[start:end]))


def _name(bid: int, place: Block) -> str:
    return f"block 0x{bid:x} at byte {place.offset}"


def _holds(raw: bytes, data: bytes, bid: int, place: Block, layout: Layout) -> bool:
    said = layout.trailer_of_block(raw)
    return (
        said.size == place.size
        and said.bid & ~RESERVED == bid
        and (layout.has_4k_pages or said.signature == signature(place.offset, said.bid))
        and crc(data) == said.checksum
    )


def _inflate(data: bytes, size: int) -> bytes | None:
    """Inflate up to the size that the index gives, None where the data is not deflated so."""
    try:
        inflated = zlib.decompressobj().decompress(data, size + 1)
    except zlib.error:
        return None
    return inflated if len(inflated) == size else None
