"""What Kibana asks of Elasticsearch for an expression and for a chart, as Kibana translates them.

Expressions: elastic/kibana, `kbn-es-query/src/kuery/functions/{is,range,nested}.ts` (commit
2adc277e; options at their defaults). Charts: the aggregations of Lens's operations, nested in the
order of the columns; a formula is worked out from the counts that it is made of.
"""

from collections.abc import Iterator
from typing import Any

from tests.search.kibana import kql
from tests.search.kibana.index_fields import IndexField
from tests.search.kibana.json_schema import Json

_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
MISSING = "__missing__"


def query_of(text: str, fields: dict[str, IndexField]) -> Json:
    """The query for an expression."""
    tree = kql.parse(text)
    return {"match_all": {}} if tree is None else _query(tree, "", fields)


def _query(node: kql.Node, path: str, fields: dict[str, IndexField]) -> Json:
    match node:
        case kql.Joined("and", parts):
            return {"bool": {"filter": [_query(part, path, fields) for part in parts]}}
        case kql.Joined("or", parts):
            return _any([_query(part, path, fields) for part in parts])
        case kql.Joined(_, (part,)):
            return {"bool": {"must_not": _query(part, path, fields)}}
        case kql.Nested(field, inner):
            full = f"{path}.{field.value}" if path else field.value
            query = _query(inner, full, fields)
            return {"nested": {"path": full, "query": query, "score_mode": "none"}}
        case kql.Range(field, operator, value):
            bound = {_OPERATORS[operator]: value.value}
            return _any([{"range": {_full(path, field.value): bound}}])
        case kql.Is(None, value):
            if value.wildcard:
                return {"query_string": {"query": value.value}}
            kind = "phrase" if value.quoted else "best_fields"
            return {"multi_match": {"type": kind, "query": value.value, "lenient": True}}
        case kql.Is(field, value):
            assert field is not None
            return _any([_is(_full(path, field.value), value, fields)])
    raise AssertionError(node)


def _is(name: str, value: kql.Literal, fields: dict[str, IndexField]) -> Json:
    kind = fields[name].type
    if value.wildcard and value.value == "*":
        return {"exists": {"field": name}}
    if value.wildcard and kind == "keyword":
        return {"wildcard": {name: {"value": value.value}}}
    if value.wildcard:
        return {"query_string": {"fields": [name], "query": value.value}}
    if kind == "date":
        return {"range": {name: {"gte": value.value, "lte": value.value}}}
    if kind == "keyword":
        return {"term": {name: {"value": value.value}}}
    return {("match_phrase" if value.quoted else "match"): {name: value.value}}


def _full(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _any(queries: list[Json]) -> Json:
    return {"bool": {"should": queries, "minimum_should_match": 1}}


def aggregations_of(layer: Json, fields: dict[str, IndexField], interval: str) -> Json:
    """The aggregations for a layer; Kibana derives the steps of time, `interval`, from a range."""
    columns = [(name, layer["columns"][name]) for name in layer["columnOrder"]]
    metrics = {
        name: _metric(column, fields)
        for name, column in columns
        if not column["isBucketed"] and column["operationType"] not in ("formula", "math")
    }
    result: Json = metrics
    for name, column in reversed(columns):
        if column["isBucketed"]:
            result = {name: {**_bucket(column, layer["columns"], interval), "aggs": result}}
    return result


def _metric(column: Json, fields: dict[str, IndexField]) -> Json:
    if column["operationType"] == "unique_count":
        return {"cardinality": {"field": column["sourceField"]}}
    return {"filter": query_of(column.get("filter", {"query": ""})["query"], fields)}


def _bucket(column: Json, columns: Json, interval: str) -> Json:
    field, params = column["sourceField"], column["params"]
    match column["operationType"]:
        case "terms":
            ordered_by = params["orderBy"]["columnId"]
            # A count of everything is the size of the bucket itself.
            order = ordered_by if "filter" in columns[ordered_by] else "_count"
            terms = {"field": field, "size": params["size"], "order": {order: "desc"}}
            return {"terms": {**terms, "missing": MISSING}}
        case "date_histogram":
            return {"date_histogram": {"field": field, "calendar_interval": interval}}
        case "range":
            ranges = [
                {key: bound[key] for key in ("from", "to") if bound[key] is not None}
                | {"key": bound["label"]}
                for bound in params["ranges"]
            ]
            return {"range": {"field": field, "ranges": ranges}}
    raise AssertionError(column["operationType"])


def rows_of(layer: Json, answer: Json) -> list[Json]:
    """The rows that a chart draws: each column's value by the column's id."""
    buckets = [name for name in layer["columnOrder"] if layer["columns"][name]["isBucketed"]]
    return [_worked_out(layer, row) for row in _rows(buckets, answer)]


def _rows(buckets: list[str], answer: Json) -> Iterator[Json]:
    if not buckets:
        yield {
            name: value.get("value", value.get("doc_count"))
            for name, value in answer.items()
            if isinstance(value, dict)
        }
        return
    name, *others = buckets
    for bucket in answer[name]["buckets"]:
        key = bucket.get("key_as_string", bucket["key"])
        for row in _rows(others, bucket):
            yield {name: key, **row}


def _worked_out(layer: Json, row: Json) -> Json:
    for name, column in layer["columns"].items():
        if column["operationType"] == "formula":
            [result] = column["references"]
            part, whole = (row[made_of] for made_of in layer["columns"][result]["references"])
            row[name] = part / whole if whole else None
    return row


def layer_of(saved: Json) -> Json:
    """The one layer of a Lens object."""
    layers: dict[str, Any] = saved["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
    [layer] = layers.values()
    assert isinstance(layer, dict)
    return layer
