"""Pages of the two B-trees, each verified before it is believed (MS-PST 2.2.2.7.7)."""

from collections import OrderedDict
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from email_audit.pst.checksums import crc, signature
from email_audit.pst.header import PageRef
from email_audit.pst.layout import NODE_PAGE, Layout

_CACHED_PAGES = 1024
_LEVELS_MAX = 8
Row = tuple[int, ...]


class Page(NamedTuple):
    """A page as found.

    `fault` says why it is not to be believed, empty where every check holds. `is_whole` says that
    at least its content is as it was written, though perhaps it is not the page that was meant.
    """

    level: int
    keys: tuple[int, ...]
    rows: tuple[Row, ...]
    fault: str
    is_whole: bool


class Pages:
    """Reads pages of one file and keeps the last ones."""

    def __init__(self, blob: BinaryIO, layout: Layout, size_bytes: int) -> None:
        self._blob = blob
        self._layout = layout
        self._size_bytes = size_bytes
        self._cache: OrderedDict[tuple[int, PageRef], Page] = OrderedDict()

    def read(self, kind: int, ref: PageRef) -> Page:
        """Give the page of that kind at that place."""
        place = (kind, ref)
        page = self._cache.get(place)
        if page is None:
            page = self._cache[place] = self._read(kind, ref)
            if len(self._cache) > _CACHED_PAGES:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(place)
        return page

    def _read(self, kind: int, ref: PageRef) -> Page:
        layout = self._layout
        name = f"index page 0x{ref.bid:x} at byte {ref.offset}"
        if not 0 < ref.offset <= self._size_bytes - layout.page_bytes:
            return Page(0, (), (), f"{name} lies beyond the end of the file", is_whole=False)
        self._blob.seek(ref.offset)
        return page_of(self._blob.read(layout.page_bytes), kind, ref, layout, name)


def page_of(raw: bytes, kind: int, ref: PageRef, layout: Layout, name: str) -> Page:
    """Take a page apart and check it against the reference that led to it."""
    level, rows = _rows(raw, kind, layout)
    keys = tuple([row[0] for row in rows])
    found, again, sig, checksum, bid = layout.page_trailer(raw)
    is_whole = (
        crc(raw[: layout.trailer_at]) == checksum
        and kind in {found, again}
        and bool(rows)
        and all(first < second for first, second in pairwise(keys))
    )
    if not is_whole:
        fault = "its checksum or structure does not hold"
    elif bid != ref.bid:
        fault = "it has another identifier"
    elif not layout.has_4k_pages and sig != signature(ref.offset, bid):
        fault = "its signature does not hold"
    else:
        fault = ""
    return Page(level, keys, rows, f"{name}: {fault}" if fault else "", is_whole)


def _rows(raw: bytes, kind: int, layout: Layout) -> tuple[int, tuple[Row, ...]]:
    """Give a page's level and its rows as they stand; no rows where they cannot be told."""
    count, _, row_bytes, level = layout.counts.unpack_from(raw, layout.counts_at)
    leaf = layout.node if kind == NODE_PAGE else layout.block
    shape = layout.branch if level else leaf
    if row_bytes < shape.size or count * row_bytes > layout.counts_at or level > _LEVELS_MAX:
        return level, ()
    return level, tuple([shape.unpack_from(raw, at * row_bytes) for at in range(count)])
