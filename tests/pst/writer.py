"""Writes small PST and OST files in each layout, to put into them what no real file has."""

import struct
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from email_audit.pst.checksums import crc, signature
from email_audit.pst.cipher import CryptMethod, decode
from email_audit.pst.layout import ANSI, BLOCK_PAGE, NODE_PAGE, UNICODE, UNICODE_4K, Layout

VERSIONS = {ANSI.name: 14, UNICODE.name: 23, UNICODE_4K.name: 36}
_INTERNAL = 2
_FIRST_BLOCK_AT = 0x4600
INT32, BOOLEAN, STRING8, STRING, TIME, BINARY, OBJECT = 3, 0xB, 0x1E, 0x1F, 0x40, 0x102, 0xD
Property = tuple[int, int, bytes | int]
"""Id, type and stored bytes, or the nid of the sub-node that holds them."""


@dataclass
class PstWriter:
    """Gathers blocks and nodes, then lays them out with every checksum right."""

    layout: Layout = UNICODE
    crypt: CryptMethod = CryptMethod.PERMUTE
    blocks: dict[int, bytes] = field(default_factory=dict)
    nodes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    _next: int = 4

    def block(self, data: bytes, *, is_internal: bool = False) -> int:
        bid = self._next | (_INTERNAL if is_internal else 0)
        self._next += 4
        self.blocks[bid] = data
        return bid

    def data(self, data: bytes, block_bytes: int = 8000) -> int:
        """Store data of any size: in one block, or in several under an XBLOCK."""
        parts = [data[at : at + block_bytes] for at in range(0, len(data), block_bytes)]
        bids = [self.block(part) for part in parts]
        return bids[0] if len(bids) == 1 else self.tree(bids, len(data))

    def tree(self, bids: Sequence[int], size: int, level: int = 1) -> int:
        head = struct.pack("<BBHI", 1, level, len(bids), size & 0xFFFFFFFF)
        return self.block(head + b"".join(map(self.layout.bid.pack, bids)), is_internal=True)

    def subnodes(self, rows: Sequence[tuple[int, int, int]]) -> int:
        head = struct.pack("<BBH", 2, 0, len(rows)).ljust(self.layout.subnodes_at, b"\0")
        body = b"".join(self.layout.subnode.pack(*row) for row in sorted(rows))
        return self.block(head + body, is_internal=True)

    def node(self, nid: int, data: int, sub: int = 0, parent: int = 0) -> None:
        self.nodes[nid] = (data, sub, parent)

    def to_bytes(self) -> bytes:
        layout = self.layout
        file = bytearray(max(_FIRST_BLOCK_AT, 4096 * 6))
        rows = []
        for bid, data in self.blocks.items():
            rows.append((bid, *self._put_block(file, bid, data)))
        block_row = layout.block.pack
        blocks = self._put_tree(
            file, BLOCK_PAGE, [(row[0], block_row(*self._shaped(row))) for row in sorted(rows)]
        )
        nodes = self._put_tree(
            file,
            NODE_PAGE,
            [(nid, layout.node.pack(nid, *rest)) for nid, rest in sorted(self.nodes.items())],
        )
        self._put_header(file, nodes, blocks)
        return bytes(file)

    def _shaped(self, row: tuple[int, int, int, int]) -> tuple[int, ...]:
        return row if self.layout.has_4k_pages else row[:3]

    def _put_block(self, file: bytearray, bid: int, data: bytes) -> tuple[int, int, int]:
        stored = data if bid & _INTERNAL else encode(data, bid, self.crypt)
        inflated = len(data)
        if self.layout.has_4k_pages and len(deflated := zlib.compress(stored)) < len(stored):
            stored = deflated
        file.extend(b"\0" * (-len(file) % self.layout.block_step))
        at = len(file)
        room = self.layout.stored_size(len(stored)) - self.layout.block_trailer.size
        fields = (len(stored), signature(at, bid), crc(stored), bid)
        if self.layout.is_ansi:
            fields = (fields[0], fields[1], fields[3], fields[2])
        elif self.layout.has_4k_pages:
            fields = (*fields, inflated)
        file.extend(stored.ljust(room, b"\0") + self.layout.block_trailer.pack(*fields))
        return at, len(stored), inflated

    def _put_tree(
        self, file: bytearray, kind: int, rows: list[tuple[int, bytes]]
    ) -> tuple[int, int]:
        level = 0
        while True:
            size = len(rows[0][1])
            fit = min(self.layout.counts_at // size, 255)
            pages = [rows[at : at + fit] for at in range(0, len(rows), fit)]
            placed = [(page[0][0], *self._put_page(file, kind, page, level)) for page in pages]
            if len(placed) == 1:
                return placed[0][1:]
            rows = [(row[0], self.layout.branch.pack(*row)) for row in placed]
            level += 1

    def _put_page(
        self, file: bytearray, kind: int, rows: list[tuple[int, bytes]], level: int
    ) -> tuple[int, int]:
        layout = self.layout
        bid, self._next = self._next, self._next + 4
        file.extend(b"\0" * (-len(file) % 512))
        at, size = len(file), len(rows[0][1])
        body = b"".join(row for _, row in rows).ljust(layout.counts_at, b"\0")
        body += layout.counts.pack(len(rows), layout.counts_at // size & 0xFF, size, level)
        body = body.ljust(layout.trailer_at, b"\0")
        tail = (bid, crc(body)) if layout.is_ansi else (crc(body), bid)
        shape = "<BBHII" if layout.is_ansi else "<BBHIQ"
        trailer = struct.pack(shape, kind, kind, signature(at, bid), *tail)
        file.extend((body + trailer).ljust(layout.page_bytes, b"\0"))
        return bid, at

    def _put_header(self, file: bytearray, nodes: tuple[int, int], blocks: tuple[int, int]) -> None:
        file[0:4] = b"!BDN"
        file[8:12] = b"SM" + struct.pack("<H", VERSIONS[self.layout.name])
        if self.layout.is_ansi:
            struct.pack_into("<IIII", file, 184, *nodes, *blocks)
            file[460:462] = bytes((0x80, self.crypt))
        else:
            struct.pack_into("<QQQQ", file, 216, *nodes, *blocks)
            file[512:514] = bytes((0x80, self.crypt))
            struct.pack_into("<I", file, 524, crc(bytes(file[8:524])))
        struct.pack_into("<I", file, 4, crc(bytes(file[8:479])))


def encode(data: bytes, bid: int, crypt: CryptMethod) -> bytes:
    """Undo `decode`: the cyclic method undoes itself, the permutation has 256 values to try."""
    if crypt is not CryptMethod.PERMUTE:
        return decode(data, bid, crypt)
    table = decode(bytes(range(256)), bid, crypt)
    return bytes(map(table.index, data))


def heap(client: int, items: Sequence[bytes], root: int) -> bytes:
    """Write a heap of one block; item n has the identifier `hid(n)`."""
    body, offsets = b"", [12]
    for item in items:
        body += item
        offsets.append(12 + len(body))
    page_map = struct.pack(f"<HH{len(offsets)}H", len(items), 0, *offsets)
    return struct.pack("<HBBII", 12 + len(body), 0xEC, client, root, 0) + body + page_map


def hid(number: int) -> int:
    return number << 5


def property_context(properties: Sequence[Property]) -> bytes:
    """Write properties in a heap of one block."""
    items = [b"", b""]
    records = b""
    for property_id, kind, stored in sorted(properties):
        if isinstance(stored, int):
            value = stored
        elif kind in {INT32, BOOLEAN}:
            value = int.from_bytes(stored[:4], "little")
        else:
            items.append(stored)
            value = hid(len(items))
        records += struct.pack("<HHI", property_id, kind, value)
    items[0] = struct.pack("<BBBBI", 0xB5, 2, 6, 0, hid(2))
    items[1] = records
    return heap(0xBC, items, hid(1))


def table(
    layout: Layout, row_ids: Sequence[int], *, unnamed: Collection[int] = frozenset()
) -> bytes:
    """Write a table with nothing but rows' ids (PidTagLtpRowId); its index leaves some out."""
    size = layout.row_number_bytes
    columns = struct.pack("<IHBB", 0x67F20003, 0, 4, 0)
    rows = b"".join(struct.pack("<IB", row_id, 0x80) for row_id in row_ids)
    index = b"".join(
        struct.pack("<I", row_id) + position.to_bytes(size, "little")
        for row_id, position in sorted(
            (row_id, at) for at, row_id in enumerate(row_ids) if row_id not in unnamed
        )
    )
    info = struct.pack("<BBHHHHIII", 0x7C, 1, 4, 4, 4, 5, hid(2), hid(4) if rows else 0, 0)
    tree = struct.pack("<BBBBI", 0xB5, 4, size, 0, hid(3) if index else 0)
    return heap(0x7C, [info + columns, tree, index, rows], hid(1))


def text(property_id: int, value: str) -> Property:
    return property_id, STRING, value.encode("utf-16-le")


def with_folder(writer: PstWriter, listed: Sequence[int], name: str = "Inbox") -> PstWriter:
    """Add a root folder, and in it one folder that lists these messages."""
    root = writer.block(property_context([text(0x3001, "")]))
    writer.node(0x122, root, parent=0x122)
    properties = [text(0x3001, name), (0x3602, INT32, struct.pack("<I", len(listed)))]
    writer.node(0x8022, writer.block(property_context(properties)), parent=0x122)
    writer.node(0x802E, writer.block(table(writer.layout, listed)), parent=0)
    return writer


def message_properties(subject: str, *more: Property) -> bytes:
    return property_context([text(0x1A, "IPM.Note"), text(0x37, subject), *more])


def resealed(content: bytes, page: int, layout: Layout = UNICODE) -> bytes:
    """Give the page at that place a checksum that holds again."""
    end = page + layout.trailer_at
    at = end + (8 if layout.is_ansi else 4)
    return content[:at] + struct.pack("<I", crc(content[page:end])) + content[at + 4 :]
