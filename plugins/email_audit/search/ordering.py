"""Puts the matches of a query in order and cuts pages from them."""

import heapq
import math
from collections.abc import Iterable, Sequence

import tantivy

from email_audit.search.interface import RELEVANCE, SortKey, SortValue
from email_audit.search.schema import ID_ORDER, id_order


class Rows:
    """The matches of a query with what they are sorted by; ties go by id."""

    def __init__(
        self,
        searcher: tantivy.Searcher,
        hits: Sequence[tuple[float, tantivy.DocAddress]],
        keys: Sequence[SortKey],
    ) -> None:
        self._hits = hits
        self._keys = keys
        addresses = [address for _, address in hits]
        self._columns: list[Sequence[float | None]] = [
            [score for score, _ in hits]
            if key.field == RELEVANCE
            else searcher.fast_field_values(key.field, addresses)
            for key in keys
        ]
        self._ids = [number or 0 for number in searcher.fast_field_values(ID_ORDER, addresses)]

    def first(
        self, size: int, after: Sequence[SortValue] | None
    ) -> list[tuple[float, tantivy.DocAddress, tuple[float | None, ...]]]:
        """Give relevance, address and sort values of the first `size` rows beyond `after`."""
        rows: Iterable[int] = range(len(self._hits))
        if after is not None:
            limit = self._limit(after)
            rows = (row for row in rows if self._order(row) > limit)
        chosen = heapq.nsmallest(size, rows, key=self._order)
        return [(*self._hits[row], self._values(row)) for row in chosen]

    def _values(self, row: int) -> tuple[float | None, ...]:
        return tuple(column[row] for column in self._columns)

    def _order(self, row: int) -> tuple[float, ...]:
        return (*self._ranks(self._values(row)), self._ids[row])

    def _limit(self, after: Sequence[SortValue]) -> tuple[float, ...]:
        *values, last_id = after
        numbers = [None if value is None else float(value) for value in values]
        return (*self._ranks(numbers), id_order(str(last_id)))

    def _ranks(self, values: Sequence[float | None]) -> list[float]:
        return [
            math.inf if value is None else -value if key.descending else value
            for key, value in zip(self._keys, values, strict=True)
        ]
