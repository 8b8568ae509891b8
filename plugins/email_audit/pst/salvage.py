"""Finds nodes and blocks without the index, by what pages and blocks say about themselves.

Every page and block ends in a trailer with its kind, identifier, signature and checksum (MS-PST
2.2.2.7.1, 2.2.2.8.1): they can be recognised wherever they lie. Outlook writes changed pages to a
new place with a higher identifier, so that of two pages with the same node the higher is newer.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple, Protocol

import numpy as np

from email_audit.pst.checksums import crc
from email_audit.pst.header import Header, PageRef
from email_audit.pst.layout import NODE_PAGE, RESERVED, Layout
from email_audit.pst.pages import Page, Pages, Row, page_of

_STRETCH_BYTES = 1 << 24
_PAGE_STEP = 512
_REPLACED: Final = (
    "the page of the index that led to it is damaged; an older copy was used, so that this may be "
    "an earlier state of the item"
)
_NO_NID: Final = 1 << 33
_NO_KEY: Final = 1 << 64
_VISITED_MAX = 10_000_000
LONGEST_BLOCK_BYTES = 0xFFFF


class Node(NamedTuple):
    """An entry of the node tree (NBTENTRY, MS-PST 2.2.2.7.7.4).

    `doubt` says why the entry may be false, empty where its page holds.
    """

    nid: int
    data: int
    sub: int
    parent: int
    doubt: str = ""


def node_of(row: Row) -> Node:
    """Make a node of a leaf's row."""
    nid, data, sub, parent = row
    return Node(nid, data, sub, parent)


class Block(NamedTuple):
    """Where a block lies and how long it is; `inflated` is 0 but in files with 4 KiB pages."""

    offset: int
    size: int
    inflated: int = 0


class SalvagedNodes:
    """All nodes that can be found, in order, and the pages that could not be replaced."""

    def __init__(self, nodes: dict[int, Node], lost_pages: tuple[str, ...]) -> None:
        self._nids = sorted(nodes)
        self._nodes = nodes
        self.lost_pages = lost_pages

    def find(self, nid: int) -> Node | None:
        """Give a node, None where there is none."""
        return self._nodes.get(nid)

    def between(self, low: int, high: int) -> Iterator[Node]:
        """Yield the nodes from `low` up to before `high`, in order."""
        first, last = bisect_left(self._nids, low), bisect_left(self._nids, high)
        return (self._nodes[nid] for nid in self._nids[first:last])


class BlockFinder(Protocol):
    """Says what the tree of blocks knows."""

    def has_block(self, bid: int) -> bool:
        """Say whether the block can be found at all."""

    def is_current(self, bid: int) -> bool:
        """Say whether an undamaged page of the tree lists the block."""


def salvage_nodes(
    blob: BinaryIO, header: Header, pages: Pages, blocks: BlockFinder
) -> SalvagedNodes:
    """Gather the nodes of all pages that can still be reached, or else found.

    Where a page of the tree cannot be read, nodes come from leaves that nothing leads to any more,
    older copies among them, if their content is still there. A block is never changed, only
    replaced by one with another identifier: what an undamaged tree of blocks still lists is in
    use. Other nodes are in doubt, and so are those that only the damaged page itself names.
    """
    walk = _walk(pages, header.nodes)
    nodes = {row[0]: node_of(row) for page in walk.leaves for row in page.rows}
    if walk.lost or walk.is_uncertain:
        spans = sorted((page.keys[0], page.keys[-1]) for page in walk.leaves)
        for page in _stray_leaves(blob, header.layout):
            for node in map(node_of, page.rows):
                if node.nid not in nodes and not _is_within(node.nid, spans):
                    is_current = blocks.is_current(node.data) and (
                        not node.sub or blocks.is_current(node.sub)
                    )
                    if is_current or blocks.has_block(node.data):
                        nodes[node.nid] = node._replace(doubt="" if is_current else _REPLACED)
    for page in walk.doubtful:
        for node in map(node_of, page.rows):
            if nodes.get(node.nid) != node and node.nid and blocks.has_block(node.data):
                nodes[node.nid] = node._replace(doubt=page.fault)
    return SalvagedNodes(nodes, tuple(walk.lost))


def _is_within(nid: int, spans: list[tuple[int, int]]) -> bool:
    """Say whether a leaf that holds would list the node if it were still there."""
    at = bisect_right(spans, (nid, _NO_NID)) - 1
    return at >= 0 and nid <= spans[at][1]


class _Walk(NamedTuple):
    """What is left of the tree: leaves whose content holds, leaves in doubt, what is lost."""

    leaves: list[Page]
    doubtful: list[Page]
    lost: list[str]
    is_uncertain: bool


def _walk(pages: Pages, root: PageRef) -> _Walk:
    """Follow the tree as far as it leads, through damaged branches too."""
    leaves, doubtful, lost = [], [], []
    is_uncertain = False
    stack: list[tuple[PageRef, int | None, int, int]] = [(root, None, 0, _NO_KEY)]
    visited: set[int] = set()
    while stack:
        ref, level, low, high = stack.pop()
        page = pages.read(NODE_PAGE, ref)
        is_misplaced = (
            ref.offset in visited
            or level not in {None, page.level}
            or (page.is_whole and not low <= page.keys[0] <= page.keys[-1] < high)
        )
        is_uncertain = is_uncertain or is_misplaced or bool(page.fault)
        if is_misplaced:
            lost.append(page.fault or f"index page at byte {ref.offset} stands in a wrong place")
        if ref.offset in visited or len(visited) >= _VISITED_MAX:
            continue
        visited.add(ref.offset)
        if page.level and page.rows and level in {None, page.level}:
            bounds = (*page.keys, high) if page.is_whole else ()
            for at, (_, bid, offset) in enumerate(page.rows):
                span = (bounds[at] if at else low, bounds[at + 1]) if bounds else (0, _NO_KEY)
                stack.append((PageRef(bid, offset), page.level - 1, *span))
        elif page.is_whole and not page.level:
            leaves.append(page)
        else:
            lost.append(page.fault)
            if not page.level:
                doubtful.append(page)
    return _Walk(leaves, doubtful, [name for name in lost if name], is_uncertain)


def _stray_leaves(blob: BinaryIO, layout: Layout) -> list[Page]:
    """Find every leaf of a node tree, current or not, whose content holds; the newest first."""
    found = []
    at = layout.trailer_at
    for base, stretch in _stretches(blob, layout.page_bytes):
        octets = np.frombuffer(stretch, np.uint8)
        starts = np.arange(0, len(stretch) - layout.page_bytes + 1, _PAGE_STEP)
        here = (octets[starts + at] == NODE_PAGE) & (octets[starts + at + 1] == NODE_PAGE)
        for start in starts[here].tolist():
            raw = stretch[start : start + layout.page_bytes]
            bid = layout.page_trailer(raw)[4]
            page = page_of(raw, NODE_PAGE, PageRef(bid, base + start), layout, "")
            if page.is_whole and not page.level:
                found.append((bid, base + start, page))
    return [page for _, _, page in sorted(found, key=lambda item: item[:2], reverse=True)]


def salvage_blocks(blob: BinaryIO, layout: Layout) -> dict[int, Block]:
    """Find every block whose signature and checksum hold."""
    found: dict[int, Block] = {}
    trailer = layout.block_trailer.size
    longest = layout.stored_size(LONGEST_BLOCK_BYTES)
    for base, stretch in _stretches(blob, longest):
        for start, end in _block_spans(stretch, base, layout):
            said = layout.trailer_of_block(stretch[end - trailer : end])
            if crc(stretch[start : start + said.size]) == said.checksum:
                found[said.bid & ~RESERVED] = Block(base + start, said.size, said.inflated)
    return found


def _block_spans(stretch: bytes, base: int, layout: Layout) -> list[tuple[int, int]]:
    """Find where something ends in what may be a block's trailer, and where it would begin."""
    trailer, step = layout.block_trailer.size, layout.block_step
    words = np.frombuffer(stretch, "<u2", len(stretch) // 2).astype(np.int64)
    ends = np.arange(step, len(stretch) + 1, step)
    at = (ends - trailer) // 2
    starts = ends - (words[at] + trailer + step - 1) // step * step
    here = (words[at] > 0) & (starts >= 0)
    if not layout.has_4k_pages:
        low, high = (2, 3) if layout.is_ansi else (4, 5)
        place = starts + base
        here &= words[at + 1] == (
            (place & 0xFFFF) ^ (place >> 16 & 0xFFFF) ^ words[at + low] ^ words[at + high]
        )
    return list(zip(starts[here].tolist(), ends[here].tolist(), strict=True))


def _stretches(blob: BinaryIO, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield the file in stretches that overlap, each with where it begins."""
    size = blob.seek(0, 2)
    for base in range(0, size, _STRETCH_BYTES):
        blob.seek(base)
        yield base, blob.read(_STRETCH_BYTES + overlap)
