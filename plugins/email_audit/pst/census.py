"""Counts the messages of a file by a walk of its own, to check the reader against.

It shares only the page layouts with `index` and `file`: it reads every page of the node tree by
itself and looks at nothing but their keys.
"""

from dataclasses import dataclass
from typing import BinaryIO, Final

from email_audit.pst.checksums import crc, signature
from email_audit.pst.header import Header, PageRef, read_header
from email_audit.pst.layout import NODE_PAGE

_MESSAGE: Final = 0x04
_ASSOCIATED: Final = 0x08
_FOLDER: Final = 0x02
_LEVELS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Census:
    """How many nodes of a kind the tree holds; `is_whole` is false where a page of it is not."""

    messages: int
    associated: int
    folders: int
    is_whole: bool


def take_census(blob: BinaryIO) -> Census:
    """Count the nodes in the node tree (MS-PST 2.2.2.1, types 4, 8 and 2)."""
    header = read_header(blob)
    counts = dict.fromkeys(range(32), 0)
    is_whole = _count(blob, header, counts)
    return Census(counts[_MESSAGE], counts[_ASSOCIATED], counts[_FOLDER], is_whole)


def _count(blob: BinaryIO, header: Header, counts: dict[int, int]) -> bool:
    """Count depth first, page after page; stops at the first page that does not hold."""
    layout = header.layout
    pending: list[tuple[PageRef, int | None]] = [(header.nodes, None)]
    last = -1
    while pending:
        ref, level_wanted = pending.pop()
        blob.seek(ref.offset)
        page = blob.read(layout.page_bytes)
        if len(page) < layout.page_bytes or not ref.offset:
            return False
        kind, again, sig, checksum, bid = layout.page_trailer(page)
        count, _, row_bytes, level = layout.counts.unpack_from(page, layout.counts_at)
        shape = layout.branch if level else layout.node
        if (
            {kind, again} != {NODE_PAGE}
            or bid != ref.bid
            or crc(page[: layout.trailer_at]) != checksum
            or not (layout.has_4k_pages or sig == signature(ref.offset, bid))
            or level > _LEVELS_MAX
            or level_wanted not in {None, level}
            or row_bytes < shape.size
            or not 0 < count * row_bytes <= layout.counts_at
        ):
            return False
        rows = [shape.unpack_from(page, number * row_bytes) for number in range(count)]
        if level:
            below = [(PageRef(row[1], row[2]), level - 1) for row in rows]
            pending.extend(reversed(below))
            continue
        for nid, *_ in rows:
            if nid <= last:
                return False
            last = nid
            counts[nid & 0x1F] += 1
    return True
