"""What a schema cannot say of saved objects: that they fit each other and the index.

Each check yields sentences; none means that it holds.
"""

from collections.abc import Iterable, Iterator

from email_audit.search.kibana.dashboards import GRID_COLUMNS
from email_audit.search.kibana.objects import CORE_VERSION, TYPE_VERSIONS, ObjectType
from email_audit.tagging.records import Kind
from tests.search.kibana import kql
from tests.search.kibana.index_fields import ALLOWED_VALUES, IndexField, index_fields
from tests.search.kibana.json_schema import Json
from tests.search.kibana.shapes import decoded, shape_faults

_VALUES = {**ALLOWED_VALUES, "kinds": frozenset(kind.value for kind in Kind)}
_NUMBERS = ("double", "integer")
_COUNTED = "___records___"


def all_faults(objects: list[Json]) -> list[str]:
    """Everything that is wrong with a set of objects."""
    fields = index_fields()
    faults = [fault for saved in objects for fault in shape_faults(saved)]
    if faults:
        return faults
    faults += _identity_faults(objects)
    faults += _reference_faults(objects)
    views = {saved["id"]: decoded(saved) for saved in objects if saved["type"] == "index-pattern"}
    for saved in objects:
        attributes = decoded(saved)
        found: Iterable[str] = ()
        match saved["type"]:
            case "index-pattern":
                found = _view_faults(attributes, fields)
            case "search":
                found = _search_faults(attributes, fields)
            case "lens":
                found = _lens_faults(saved, attributes, fields, views)
            case "dashboard":
                found = _dashboard_faults(attributes, fields)
        faults += [f"{saved['id']}: {fault}" for fault in found]
    return faults


def query_faults(text: str, fields: dict[str, IndexField]) -> Iterator[str]:
    """Why an expression is no question to this index."""
    try:
        tree = kql.parse(text)
    except kql.KqlError as error:
        yield str(error)
        return
    for path, leaf in kql.leaves(tree):
        if leaf.field is None:
            continue
        name = f"{path}.{leaf.field.value}" if path else leaf.field.value
        field = fields.get(name)
        if field is None:
            yield f"{name!r} in {text!r} is no field"
        elif field.nested_in != path:
            yield f"{name!r} in {text!r} must be asked within {field.nested_in!r}"
        elif isinstance(leaf, kql.Range) and field.type not in (*_NUMBERS, "date"):
            yield f"{name!r} in {text!r} is {field.type}: it has no range"
        elif not leaf.value.wildcard and leaf.value.value not in _VALUES.get(
            name, {leaf.value.value}
        ):
            yield f"{name!r} in {text!r} is never {leaf.value.value!r}"


def _identity_faults(objects: list[Json]) -> Iterator[str]:
    seen = set()
    for saved in objects:
        key = (saved["type"], saved["id"])
        if key in seen:
            yield f"{key} is there twice"
        seen.add(key)
        if saved["coreMigrationVersion"] != CORE_VERSION:
            yield f"{key} has another core version"
        if saved["typeMigrationVersion"] != TYPE_VERSIONS[ObjectType(saved["type"])]:
            yield f"{key} has another version of its type"


def _reference_faults(objects: list[Json]) -> Iterator[str]:
    """References are of use and lead somewhere; what attributes name has a reference."""
    there = {(saved["type"], saved["id"]) for saved in objects}
    for saved in objects:
        names = [link["name"] for link in saved["references"]]
        for link in saved["references"]:
            if (link["type"], link["id"]) not in there:
                yield f"{saved['id']}: {link['type']} {link['id']} is not there"
        if len(set(names)) < len(names):
            yield f"{saved['id']}: two references have one name"
        used = set(_named_references(saved))
        for name in used - set(names):
            yield f"{saved['id']}: nothing is referred to as {name}"
        for name in set(names) - used:
            if not name.startswith("tag-ref-"):
                yield f"{saved['id']}: {name} is not used"


def _named_references(saved: Json) -> Iterator[str]:
    attributes = decoded(saved)
    match saved["type"]:
        case "search":
            yield attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]["indexRefName"]
        case "lens":
            for layer in _layers(attributes):
                yield f"indexpattern-datasource-layer-{layer}"
        case "dashboard":
            for panel in attributes["panelsJSON"]:
                yield f"{panel['panelIndex']}:{panel['panelRefName']}"
            for control in attributes["controlGroupInput"]["panelsJSON"]:
                yield f"controlGroup_{control}:optionsListDataView"


def _view_faults(attributes: Json, fields: dict[str, IndexField]) -> Iterator[str]:
    for key in ("fieldAttrs", "fieldFormatMap"):
        for name in attributes[key]:
            if name not in fields:
                yield f"{key}: {name!r} is no field"
    for name in fields:
        is_known_as = attributes["fieldAttrs"].get(name, {})
        in_nested = fields[name].nested_in and not name.endswith(".text")
        if not fields[name].is_part and not in_nested and "customLabel" not in is_known_as:
            yield f"{name!r} has no label"
    time_field = attributes.get("timeFieldName")
    if time_field and fields[time_field].type != "date":
        yield f"{time_field!r} is no date"
    labels = [field["customLabel"] for field in attributes["fieldAttrs"].values()]
    if len(set(labels)) < len(labels):
        yield "two fields have one label"


def _search_faults(attributes: Json, fields: dict[str, IndexField]) -> Iterator[str]:
    source = attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]
    yield from query_faults(source["query"]["query"], fields)
    for name in (*attributes["columns"], *attributes["grid"]["columns"]):
        if name not in fields:
            yield f"column {name!r} is no field"
    for name in attributes["grid"]["columns"]:
        if name not in attributes["columns"]:
            yield f"{name!r} has a width and is not shown"
    for name, order in attributes["sort"]:
        if order not in ("asc", "desc"):
            yield f"sorted by {name!r} in the order {order!r}"
        if name not in fields or not fields[name].aggregatable:
            yield f"{name!r} cannot be sorted by"


def _layers(attributes: Json) -> Json:
    layers: Json = attributes["state"]["datasourceStates"]["formBased"]["layers"]
    return layers


def _lens_faults(
    saved: Json, attributes: Json, fields: dict[str, IndexField], views: dict[str, Json]
) -> Iterator[str]:
    view_of = {link["name"]: link["id"] for link in saved["references"]}
    for layer_id, layer in _layers(attributes).items():
        columns: dict[str, Json] = layer["columns"]
        if sorted(columns) != sorted(layer["columnOrder"]):
            yield "columnOrder names other columns than there are"
            continue
        order = [columns[name] for name in layer["columnOrder"]]
        bucketed = [column["isBucketed"] for column in order]
        if bucketed != sorted(bucketed, reverse=True):
            yield "a bucket comes after a metric"
        view = views.get(view_of.get(f"indexpattern-datasource-layer-{layer_id}", ""), {})
        for name, column in columns.items():
            yield from _column_faults(name, column, columns, fields, view)
    yield from _drawing_faults(attributes)


def _column_faults(
    name: str,
    column: Json,
    columns: dict[str, Json],
    fields: dict[str, IndexField],
    view: Json,
) -> Iterator[str]:
    if "filter" in column:
        yield from query_faults(column["filter"]["query"], fields)
    for other in column.get("references", []):
        if other not in columns:
            yield f"{name} is made of {other}, which is not there"
    operation, source = column["operationType"], column.get("sourceField")
    is_bucket = operation in ("terms", "date_histogram", "range")
    if column["isBucketed"] != is_bucket:
        yield f"{name}: {operation} is {'no' if not is_bucket else 'a'} bucket"
    if operation == "count":
        if source != _COUNTED:
            yield f"{name} counts {source!r}"
        return
    if operation == "math":
        yield from _math_faults(name, column)
    if operation == "formula":
        yield from _formula_faults(name, column, columns, fields)
    if source is None:
        return
    field = fields.get(source)
    if field is None:
        yield f"{name}: {source!r} is no field"
    elif field.nested_in or not field.aggregatable:
        yield f"{name}: {source!r} is {field.nested_in or field.type} and has no buckets"
    elif operation == "date_histogram" and field.type != "date":
        yield f"{name}: {source!r} is no date"
    elif operation == "date_histogram" and view.get("timeFieldName") != source:
        yield f"{name}: the steps follow a time range that its data view does not have"
    elif operation == "range" and field.type not in _NUMBERS:
        yield f"{name}: {source!r} is no number"
    elif operation == "terms":
        ordered_by = column["params"]["orderBy"]["columnId"]
        if columns.get(ordered_by, {"isBucketed": True})["isBucketed"]:
            yield f"{name} is ordered by {ordered_by}, which is no metric of its layer"


def _math_faults(name: str, column: Json) -> Iterator[str]:
    ast = column["params"]["tinymathAst"]
    if [argument for argument in ast["args"] if isinstance(argument, str)] != column["references"]:
        yield f"{name} calculates with other columns than it refers to"
    if ast["location"] != {"min": 0, "max": len(ast["text"])}:
        yield f"{name}: its text is not where it says"


def _formula_faults(
    name: str, column: Json, columns: dict[str, Json], fields: dict[str, IndexField]
) -> Iterator[str]:
    """The formula that people edit and the columns that are calculated say the same."""
    [result] = column["references"]
    counted = [columns[part] for part in columns[result]["references"]]
    written = [
        f"count(kql='{part['filter']['query']}')" if "filter" in part else "count()"
        for part in counted
    ]
    if column["params"]["formula"] != " / ".join(written):
        yield f"{name} says {column['params']['formula']} and calculates {' / '.join(written)}"
    if columns[result]["params"]["tinymathAst"]["text"] != column["params"]["formula"]:
        yield f"{name}: its formula was parsed from another text"
    yield from (
        f"{name}: a quotation mark ends the expression early"
        for part in counted
        if "'" in part.get("filter", {}).get("query", "")
    )


def _drawing_faults(attributes: Json) -> Iterator[str]:
    """Every column drawn is there and fits its place, and every bucket is drawn."""
    layers = _layers(attributes)
    drawn: dict[str, set[str]] = {layer: set() for layer in layers}
    for layer_id, column, must_be_bucket in _accessors(attributes):
        if layer_id not in layers:
            yield f"layer {layer_id} is not there"
            continue
        columns = layers[layer_id]["columns"]
        if column not in columns:
            yield f"{column} is drawn and not there"
            continue
        drawn[layer_id].add(column)
        if must_be_bucket is not None and columns[column]["isBucketed"] != must_be_bucket:
            yield f"{column} is drawn as {'a bucket' if must_be_bucket else 'a metric'}"
    for layer_id, layer in layers.items():
        for name, column in layer["columns"].items():
            if column["isBucketed"] and name not in drawn[layer_id]:
                yield f"{name} divides what is drawn and is not shown"


def _accessors(attributes: Json) -> Iterator[tuple[str, str, bool | None]]:
    """Yield layer, column and whether the place is a bucket's, None where either will do."""
    drawing = attributes["state"]["visualization"]
    match attributes["visualizationType"]:
        case "lnsXY":
            for layer in drawing["layers"]:
                yield layer["layerId"], layer["xAccessor"], True
                if "splitAccessor" in layer:
                    yield layer["layerId"], layer["splitAccessor"], True
                for accessor in layer["accessors"]:
                    yield layer["layerId"], accessor, False
        case "lnsPie":
            for layer in drawing["layers"]:
                for accessor in layer["primaryGroups"]:
                    yield layer["layerId"], accessor, True
                for accessor in layer["metrics"]:
                    yield layer["layerId"], accessor, False
        case "lnsDatatable":
            shown = [column["columnId"] for column in drawing["columns"]]
            for accessor in shown:
                yield drawing["layerId"], accessor, None
            if drawing["sorting"]["columnId"] not in shown:
                yield drawing["layerId"], f"sorting by {drawing['sorting']['columnId']}", None
        case "lnsMetric":
            yield drawing["layerId"], drawing["metricAccessor"], False


def _dashboard_faults(attributes: Json, fields: dict[str, IndexField]) -> Iterator[str]:
    yield from query_faults(
        attributes["kibanaSavedObjectMeta"]["searchSourceJSON"]["query"]["query"], fields
    )
    taken: dict[tuple[int, int], str] = {}
    for panel in attributes["panelsJSON"]:
        place, index = panel["gridData"], panel["panelIndex"]
        if place["i"] != index:
            yield f"panel {index} lies in the place of {place['i']}"
        if place["x"] + place["w"] > GRID_COLUMNS:
            yield f"panel {index} reaches beyond column {GRID_COLUMNS}"
        overlapped = set()
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if taken.setdefault((x, y), index) != index:
                    overlapped.add(taken[x, y])
        for other in sorted(overlapped):
            yield f"panel {index} lies over {other}"
    indices = [panel["panelIndex"] for panel in attributes["panelsJSON"]]
    if len(set(indices)) < len(indices):
        yield "two panels have one index"
    if attributes["timeRestore"] != ("timeFrom" in attributes and "timeTo" in attributes):
        yield "a time range is restored that is not there, or kept and not restored"
    controls = attributes["controlGroupInput"]["panelsJSON"]
    for name, control in controls.items():
        field = fields.get(control["explicitInput"]["fieldName"])
        if control["explicitInput"]["id"] != name:
            yield f"control {name} is called {control['explicitInput']['id']}"
        if field is None or field.type != "keyword" or field.nested_in:
            yield f"control {name}: {control['explicitInput']['fieldName']!r} lists no values"
    if sorted(control["order"] for control in controls.values()) != list(range(len(controls))):
        yield "the controls are not in one order"
