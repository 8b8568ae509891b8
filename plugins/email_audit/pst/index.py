"""Finds nodes and blocks through the file's two B-trees, page by page (MS-PST 2.2.2.7.7).

A page that does not hold is not believed: what it should lead to comes from `salvage`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO, NamedTuple

from email_audit.pst.header import Header, PageRef
from email_audit.pst.layout import BLOCK_PAGE, NODE_PAGE, RESERVED
from email_audit.pst.pages import Page, Pages
from email_audit.pst.salvage import (
    Block,
    Node,
    SalvagedNodes,
    node_of,
    salvage_blocks,
    salvage_nodes,
)

_EVERYTHING = 1 << 64
_PLACES_KEPT = 50_000
"""Blocks whose places are remembered: what belongs together mostly lies together."""


class _Branch(NamedTuple):
    """A page to visit and the keys that may lie in it: at least `low`, below `high`."""

    ref: PageRef
    level: int | None
    low: int
    high: int


class Index:
    """The nodes and blocks of one file."""

    def __init__(self, blob: BinaryIO, header: Header) -> None:
        self._blob = blob
        self._header = header
        self.size_bytes = blob.seek(0, 2)
        self._pages = Pages(blob, header.layout, self.size_bytes)
        self._places: dict[int, Block] = {}

    def node(self, nid: int) -> Node | None:
        """Find a node, None where there is none."""
        page = self._leaf(NODE_PAGE, self._header.nodes, nid)
        if page is None:
            return self._salvaged.find(nid)
        at = bisect_left(page.keys, nid)
        if at == len(page.keys) or page.keys[at] != nid:
            return None
        return node_of(page.rows[at])

    def nodes(self, start: int = 0, stop: int = _EVERYTHING) -> Iterator[Node]:
        """Yield the nodes from `start` up to before `stop`, in order."""
        stack = [_Branch(self._header.nodes, None, 0, _EVERYTHING)]
        while stack:
            branch = stack.pop()
            if branch.high <= start or branch.low >= stop:
                continue
            page = self._believed(NODE_PAGE, branch)
            if page is None:
                low, high = max(branch.low, start), min(branch.high, stop)
                yield from self._salvaged.between(low, high)
            elif page.level:
                stack.extend(reversed(list(_branches(page, branch))))
            else:
                first, last = bisect_left(page.keys, start), bisect_left(page.keys, stop)
                yield from (node_of(row) for row in page.rows[first:last])

    def block(self, bid: int) -> Block | None:
        """Find where a block lies, None where the index does not say."""
        bid &= ~RESERVED
        place = self._places.get(bid)
        if place is None:
            page = self._leaf(BLOCK_PAGE, self._header.blocks, bid)
            if page is None:
                return self._salvaged_blocks.get(bid)
            if len(self._places) > _PLACES_KEPT:
                self._places.clear()
            for row in page.rows:
                self._places[row[0]] = Block(*row[1:])
            place = self._places.get(bid)
        return place

    def lost_pages(self) -> tuple[str, ...]:
        """Name the pages of the node tree that nothing replaces: nodes may be missing with them."""
        is_damaged = any(
            self._believed(NODE_PAGE, branch) is None for branch in self._branches_of_nodes()
        )
        return self._salvaged.lost_pages if is_damaged else ()

    def _branches_of_nodes(self) -> Iterator[_Branch]:
        stack = [_Branch(self._header.nodes, None, 0, _EVERYTHING)]
        while stack:
            branch = stack.pop()
            yield branch
            page = self._believed(NODE_PAGE, branch)
            if page is not None and page.level:
                stack.extend(_branches(page, branch))

    @cached_property
    def _salvaged(self) -> SalvagedNodes:
        return salvage_nodes(self._blob, self._header, self._pages, self)

    @cached_property
    def _salvaged_blocks(self) -> dict[int, Block]:
        return salvage_blocks(self._blob, self._header.layout)

    def has_block(self, bid: int) -> bool:
        """Say whether the block can be found at all."""
        return self.block(bid) is not None

    def is_current(self, bid: int) -> bool:
        """Say whether an undamaged page of the tree lists the block."""
        bid &= ~RESERVED
        page = self._leaf(BLOCK_PAGE, self._header.blocks, bid)
        return page is not None and bid in page.keys

    def _leaf(self, kind: int, root: PageRef, key: int) -> Page | None:
        """Go down to the page where a key belongs, None where a page on the way does not hold."""
        branch = _Branch(root, None, 0, _EVERYTHING)
        while True:
            page = self._believed(kind, branch)
            if page is None or not page.level:
                return page
            at = max(bisect_right(page.keys, key) - 1, 0)
            branch = _branch(page, branch, at)

    def _believed(self, kind: int, branch: _Branch) -> Page | None:
        """Read a page if everything about it holds, its place in the tree included."""
        page = self._pages.read(kind, branch.ref)
        if (
            page.fault
            or (branch.level is not None and page.level != branch.level)
            or page.keys[0] < branch.low
            or page.keys[-1] >= branch.high
        ):
            return None
        return page


def _branches(page: Page, branch: _Branch) -> Iterator[_Branch]:
    return (_branch(page, branch, at) for at in range(len(page.rows)))


def _branch(page: Page, parent: _Branch, at: int) -> _Branch:
    _, bid, offset = page.rows[at]
    low = page.keys[at] if at else parent.low
    high = page.keys[at + 1] if at + 1 < len(page.keys) else parent.high
    return _Branch(PageRef(bid, offset), page.level - 1, low, high)
