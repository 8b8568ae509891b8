"""Walk through all results of a query, page after page."""

from collections.abc import Iterator, Sequence

from email_audit.search.interface import SearchHit, SearchIndex, SearchPage, SortKey

_BY_DATE = (SortKey("date"),)
_PAGE_HITS = 500


def pages(
    index: SearchIndex, query: str, *, sort: Sequence[SortKey], size: int
) -> Iterator[SearchPage]:
    """Yield page after page of `size` hits until all were seen; at least one page."""
    page = index.search(query, sort=sort, size=size)
    yield page
    while len(page.hits) == size:
        page = index.search(query, sort=sort, size=size, search_after=page.hits[-1].sort)
        if page.hits:
            yield page


def every_hit(index: SearchIndex, query: str) -> Iterator[SearchHit]:
    """Yield every hit of a query by date, each once."""
    for page in pages(index, query, sort=_BY_DATE, size=_PAGE_HITS):
        yield from page.hits
