"""Pages of results: what one may ask for, and walking through all of them."""

from collections.abc import Iterator, Sequence

from email_audit.errors import UserError
from email_audit.search.fields import FIELDS
from email_audit.search.interface import (
    RELEVANCE,
    SearchHit,
    SearchIndex,
    SearchPage,
    SortKey,
    SortValue,
)
from email_audit.search.query import parse

SORTABLE = frozenset({RELEVANCE, *(field.name for field in FIELDS if field.sortable)})

_BY_DATE = (SortKey("date"),)
_PAGE_HITS = 500


def pages(
    index: SearchIndex, query: str, *, sort: Sequence[SortKey], size: int
) -> Iterator[SearchPage]:
    """Yield page after page of `size` hits until all were seen; at least one page.

    All are of the index as it was at the first.

    Raises:
        UserError: for a query or an order that is not valid, before the index is opened.
        RunError: when the index cannot be read.
    """
    check_page(sort, size, None)
    parse(query)
    with index.snapshot() as snapshot:
        page = snapshot.search(query, sort=sort, size=size)
        yield page
        while len(page.hits) == size:
            page = snapshot.search(query, sort=sort, size=size, search_after=page.hits[-1].sort)
            if page.hits:
                yield page


def every_hit(index: SearchIndex, query: str) -> Iterator[SearchHit]:
    """Yield every hit of a query by date, each once."""
    for page in pages(index, query, sort=_BY_DATE, size=_PAGE_HITS):
        yield from page.hits


def check_page(
    keys: Sequence[SortKey], size: int, search_after: Sequence[SortValue] | None
) -> None:
    """Refuse a page that no index can give.

    Raises:
        UserError: for a field that cannot be sorted by, a size or a place that is none.
    """
    for key in keys:
        if key.field not in SORTABLE:
            raise UserError(
                f"results cannot be sorted by {key.field!r}; only by {', '.join(sorted(SORTABLE))}"
            )
    if size < 0:
        raise UserError(f"size is {size}; a page cannot have fewer than 0 hits")
    if search_after is None:
        return
    if len(search_after) != len(keys) + 1:
        raise UserError(
            f"search_after has {len(search_after)} values; this order needs {len(keys) + 1}, "
            "as in `sort` of the last hit before"
        )
    if not _is_place(search_after):
        raise UserError(f"search_after {list(search_after)!r} is no place in this order")


def _is_place(search_after: Sequence[SortValue]) -> bool:
    *values, last_id = search_after
    try:
        numbers = [float(value) for value in values if value is not None]
        int(str(last_id), 16)
    except ValueError:
        return False
    return all(abs(number) < float("inf") for number in numbers)
