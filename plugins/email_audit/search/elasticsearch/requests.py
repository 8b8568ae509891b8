"""The requests of a search, and the sort values of its answers."""

from collections.abc import Sequence
from types import MappingProxyType

from email_audit.search.elasticsearch.mapping import JsonObject
from email_audit.search.elasticsearch.translate import Found, query_dsl
from email_audit.search.fields import FieldType, field_named
from email_audit.search.interface import RELEVANCE, SortKey, SortValue
from email_audit.search.nodes import Node

ID = "content_sha256"
"""The field that breaks ties: `_id` itself cannot be sorted by."""

_MISSING = frozenset({-(2**63), 2**63 - 1})
"""What Elasticsearch gives as the sort value of a document without a date, put last."""


def search_request(
    node: Node | None,
    keys: Sequence[SortKey],
    size: int,
    after: Sequence[SortValue] | None,
    found: Found = MappingProxyType({}),
) -> JsonObject:
    """Give the request for a page, without where it is asked; None for `node` finds nothing.

    `found` is what `query_dsl` takes.
    """
    request: JsonObject = {
        "query": {"match_none": {}} if node is None else query_dsl(node, found),
        "sort": [*(_order(key) for key in keys), {ID: {"order": "asc"}}],
        "size": size,
        "track_scores": True,
        "track_total_hits": True,
    }
    if after is not None:
        *values, last_id = after
        request["search_after"] = [
            *(_as_sent(key, value) for key, value in zip(keys, values, strict=True)),
            last_id,
        ]
    return request


def _order(key: SortKey) -> JsonObject:
    direction = "desc" if key.descending else "asc"
    if key.field == RELEVANCE:
        return {RELEVANCE: {"order": direction}}
    return {key.field: {"order": direction, "missing": "_last"}}


def _as_sent(key: SortKey, value: SortValue) -> SortValue:
    if value is None:
        return min(_MISSING) if key.descending else max(_MISSING)
    is_date = key.field != RELEVANCE and field_named(key.field).type is FieldType.DATE
    return int(value) if is_date else float(value)


def sort_values(keys: Sequence[SortKey], hit: JsonObject) -> tuple[SortValue, ...]:
    """Give a hit's place in the order; over a point in time the server adds one of its own."""
    values = [None if value in _MISSING else value for value in hit["sort"][: len(keys)]]
    return (*values, hit["sort"][len(keys)])
