"""Heaps on nodes and the small B-trees on heaps (MS-PST 2.3.1 and 2.3.2)."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from struct import Struct, unpack_from
from typing import Final, NoReturn

from email_audit.pst.blocks import Reading, Subnode
from email_audit.pst.damage import DamagedError

_HEAP_SIGNATURE: Final = 0xEC
_TREE_SIGNATURE: Final = 0xB5
_HEAP_HEAD = Struct("<HBBI")
_TREE_HEAD = Struct("<BBBBI")
_HID_BITS = 5
_LEVELS_MAX = 8


class Heap:
    """A node's data as a heap of small items, with the sub-nodes that hold the large ones."""

    def __init__(self, reading: Reading, data: int, sub: int) -> None:
        """Open the heap.

        Raises:
            DamagedError: where the first block is missing or begins no heap.
        """
        self.reading = reading
        self._bids = reading.data_blocks(data)
        self._sub = sub
        self._subnodes: dict[int, Subnode] | None = None
        self._blocks: dict[int, tuple[bytes, tuple[int, ...]]] = {}
        bits = reading.layout.hid_index_bits
        self._index_mask, self._block_shift = (1 << bits) - 1, _HID_BITS + bits
        if not self._bids:
            reading.damage.bad(f"node data 0x{data:x}: there is none")
            raise DamagedError
        first = self._block(0)[0]
        if len(first) < _HEAP_HEAD.size or first[2] != _HEAP_SIGNATURE:
            self.fault("no heap begins here")
        _, _, self.client, self.root = _HEAP_HEAD.unpack_from(first)

    @property
    def subnodes(self) -> dict[int, Subnode]:
        """Give the sub-nodes by nid, read when first needed."""
        if self._subnodes is None:
            self._subnodes = self.reading.subnodes(self._sub)
        return self._subnodes

    def item(self, hid: int) -> bytes:
        """Give the item of an identifier (HID, 2.3.1.1); 0 stands for nothing.

        Raises:
            DamagedError: where there is no such item.
        """
        if not hid:
            return b""
        number = (hid >> _HID_BITS) & self._index_mask
        position = hid >> self._block_shift
        block, allocations = self._blocks.get(position) or self._block(position)
        if not 0 < number < len(allocations):
            self.fault("an item is not in the heap")
        start, end = allocations[number - 1], allocations[number]
        if not start <= end <= len(block):
            self.fault("an item lies outside its heap block")
        self.reading.budget.spend(end - start + _HID_BITS)
        return block[start:end]

    def value(self, hnid: int) -> bytes:
        """Give what a value's identifier stands for: an item, or the data of a sub-node (2.3.3.2).

        Raises:
            DamagedError: where there is neither.
        """
        if not hnid & 0x1F:
            return self.item(hnid)
        subnode = self.subnodes.get(hnid)
        if subnode is None:
            self.fault(f"sub-node 0x{hnid:x} is not there")
        return self.reading.data(subnode.data)

    def fault(self, what: str) -> NoReturn:
        """Note that the heap contradicts itself.

        Raises:
            DamagedError: always.
        """
        self.reading.damage.bad(f"block 0x{self._bids[0]:x}: {what}")
        raise DamagedError

    def _block(self, number: int) -> tuple[bytes, tuple[int, ...]]:
        """Read a block and where its items begin and end (HNPAGEMAP, 2.3.1.5)."""
        if number >= len(self._bids):
            self.fault("a heap block is missing")
        data = self.reading.block(self._bids[number])
        allocations: tuple[int, ...] = ()
        if len(data) >= 2:
            at = int.from_bytes(data[:2], "little")
            count = int.from_bytes(data[at : at + 2], "little")
            end = at + 4 + 2 * (count + 1)
            if count and end <= len(data):
                allocations = unpack_from(f"<{count + 1}H", data, at + 4)
        known = self._blocks[number] = (data, allocations)
        return known


class HeapTree:
    """A B-tree on a heap (BTH): records of one size, sorted by key."""

    def __init__(self, heap: Heap, hid: int, *, key_bytes: int, value_bytes: int) -> None:
        """Open the tree whose header is the heap's item `hid`, with records of that shape.

        Raises:
            DamagedError: where there is no such tree.
        """
        head = heap.item(hid)
        if len(head) < _TREE_HEAD.size or head[0] != _TREE_SIGNATURE:
            heap.fault("no tree begins where it should")
        _, key, value, self._levels, self._root = _TREE_HEAD.unpack_from(head)
        if (key, value) != (key_bytes, value_bytes) or self._levels > _LEVELS_MAX:
            heap.fault("a tree has records of another shape")
        self._key_bytes, self._value_bytes = key_bytes, value_bytes
        self._heap = heap

    def leaves(self) -> Iterator[bytes]:
        """Yield the records in order of keys, key and value of each, leaf by leaf."""
        return self._leaves(self._root, self._levels) if self._root else iter(())

    def _leaves(self, hid: int, level: int) -> Iterator[bytes]:
        size = self._key_bytes + (4 if level else self._value_bytes)
        raw = self._heap.item(hid)
        if len(raw) % size:
            self._heap.fault("a tree's records are cut off")
        if not level:
            yield raw
            return
        for end in range(size, len(raw) + 1, size):
            yield from self._leaves(int.from_bytes(raw[end - 4 : end], "little"), level - 1)

    def find(self, key: int) -> bytes | None:
        """Give the value of a key, None where it is not there."""
        hid, level = self._root, self._levels
        while hid:
            size = self._key_bytes + (4 if level else self._value_bytes)
            raw = self._heap.item(hid)
            at = bisect_right(range(len(raw) // size), key, key=self._key_in(raw, size)) - 1
            if at < 0:
                return None
            record = raw[at * size : (at + 1) * size]
            value = record[self._key_bytes :]
            if not level:
                is_there = int.from_bytes(record[: self._key_bytes], "little") == key
                return value if is_there else None
            hid, level = int.from_bytes(value, "little"), level - 1
        return None

    def _key_in(self, raw: bytes, size: int) -> Callable[[int], int]:
        width = self._key_bytes
        return lambda at: int.from_bytes(raw[at * size : at * size + width], "little")
