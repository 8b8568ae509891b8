"""Parts of Lens visualizations in the shape of version 8.9.0, and a visualization made of them.

Kibana's server takes any state of a Lens object; a mistake shows only in the browser. So the parts
are few and each is built in one place. Sources: elastic/kibana, `src/platform/packages/shared/
kbn-lens-common` (operations and visualizations), and objects that Kibana exported.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from email_audit.search.kibana.data_views import view_reference
from email_audit.search.kibana.objects import Json, ObjectType, Reference, SavedObject

_RECORDS = "___records___"
_PERCENT = {"id": "percent", "params": {"decimals": 0}}

Columns = dict[str, Json]
"""Columns of a layer by their ids, buckets first."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer asks of one data view."""

    id: str
    view: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class Drawing:
    """How layers are shown: Kibana's name of the kind of visualization, and its state."""

    kind: str
    state: Json


def over_time(field: str) -> Json:
    """Bucket by time, in steps that Kibana chooses for the range shown."""
    return {
        "label": "Time",
        "customLabel": True,
        "dataType": "date",
        "operationType": "date_histogram",
        "sourceField": field,
        "isBucketed": True,
        "scale": "interval",
        "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
    }


def top_values(field: str, label: str, *, by: str, size: int) -> Json:
    """Bucket by a keyword field's most frequent values, ordered by the column `by`.

    What is not among them is shown as `Other`, and documents without a value by that name: the
    buckets leave nothing out.
    """
    return {
        "label": label,
        "customLabel": True,
        "dataType": "string",
        "operationType": "terms",
        "sourceField": field,
        "isBucketed": True,
        "scale": "ordinal",
        "params": {
            "size": size,
            "orderBy": {"type": "column", "columnId": by},
            "orderDirection": "desc",
            "otherBucket": True,
            "missingBucket": True,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        },
    }


def in_ranges(field: str, label: str, bounds: Sequence[float]) -> Json:
    """Bucket a number by ranges from each bound to the next: from included, to excluded.

    The last range has no end, so that its upper bound is counted.
    """
    ends = [*bounds[1:-1], None]
    return {
        "label": label,
        "customLabel": True,
        "dataType": "string",
        "operationType": "range",
        "sourceField": field,
        "isBucketed": True,
        "scale": "ordinal",
        "params": {
            "type": "range",
            "ranges": [
                {"from": low, "to": end, "label": f"{low:g} to {high:g}"}
                for low, high, end in zip(bounds, bounds[1:], ends, strict=False)
            ],
            "maxBars": "auto",
            "parentFormat": {
                "id": "range",
                "params": {"template": "arrow_right", "replaceInfinity": True},
            },
        },
    }


def count(label: str, kql: str = "") -> Json:
    """Count documents, those that `kql` finds."""
    column: Json = {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": "count",
        "sourceField": _RECORDS,
        "isBucketed": False,
        "scale": "ratio",
        "params": {"emptyAsNull": False},
    }
    if kql:
        column["filter"] = {"query": kql, "language": "kuery"}
    return column


def count_values(field: str, label: str) -> Json:
    """Count the different values of a field."""
    return {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": "unique_count",
        "sourceField": field,
        "isBucketed": False,
        "scale": "ratio",
        "params": {"emptyAsNull": False},
    }


def share(column_id: str, label: str, part: str, whole: str) -> Columns:
    """Give the columns of a formula: documents that `part` finds among those that `whole` finds.

    An empty expression finds everything. A formula comes with the columns that it is made of,
    named after it as Kibana names them. Where `whole` finds nothing there is no value, not zero.
    """
    formula = f"{_counting(part)} / {_counting(whole)}"
    counted, among, divided = (f"{column_id}X{number}" for number in range(3))
    part_of = f"Part of {label}"
    math: Json = {
        "label": part_of,
        "customLabel": True,
        "dataType": "number",
        "operationType": "math",
        "isBucketed": False,
        "scale": "ratio",
        "params": {
            "tinymathAst": {
                "type": "function",
                "name": "divide",
                "args": [counted, among],
                "location": {"min": 0, "max": len(formula)},
                "text": formula,
            }
        },
        "references": [counted, among],
    }
    result: Json = {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": "formula",
        "isBucketed": False,
        "scale": "ratio",
        "params": {"formula": formula, "isFormulaBroken": False, "format": _PERCENT},
        "references": [divided],
    }
    return {
        column_id: result,
        counted: count(part_of, part),
        among: count(part_of, whole),
        divided: math,
    }


def _counting(kql: str) -> str:
    """Write the function of Lens's formulas that counts what `kql` finds."""
    return f"count(kql='{kql}')" if kql else "count()"


def bars(layer: Layer, *, x: str, y: str, split: str = "", series: str = "bar_stacked") -> Drawing:
    """Draw a layer as bars, `split` into colours; series as Lens names them."""
    drawn: Json = {
        "layerId": layer.id,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": x,
        "accessors": [y],
    }
    if split:
        drawn["splitAccessor"] = split
    return Drawing(
        "lnsXY",
        {
            "preferredSeriesType": series,
            "legend": {"isVisible": bool(split), "position": "right"},
            "valueLabels": "hide" if split else "show",
            "fittingFunction": "None",
            "axisTitlesVisibilitySettings": {"x": False, "yLeft": True, "yRight": False},
            "layers": [drawn],
        },
    )


def donut(layer: Layer, *, group: str, metric: str) -> Drawing:
    """Draw a layer as shares of one whole: only for fields with one value a document."""
    drawn: Json = {
        "layerId": layer.id,
        "layerType": "data",
        "primaryGroups": [group],
        "metrics": [metric],
        "numberDisplay": "value",
        "categoryDisplay": "default",
        "legendDisplay": "show",
        "nestedLegend": False,
    }
    return Drawing("lnsPie", {"shape": "donut", "layers": [drawn]})


def table(layer: Layer, *, shown: Sequence[str], by: str, rows: int = 20) -> Drawing:
    """Show a layer's columns as a table, the highest `by` first."""
    return Drawing(
        "lnsDatatable",
        {
            "layerId": layer.id,
            "layerType": "data",
            "columns": [{"columnId": column} for column in shown],
            "sorting": {"columnId": by, "direction": "desc"},
            "paging": {"size": rows, "enabled": True},
        },
    )


def number(layer: Layer, *, metric: str, subtitle: str) -> Drawing:
    """Show one number, with what it means under its name."""
    return Drawing(
        "lnsMetric",
        {
            "layerId": layer.id,
            "layerType": "data",
            "metricAccessor": metric,
            "subtitle": subtitle,
        },
    )


def lens_object(
    object_id: str,
    title: str,
    description: str,
    layer: Layer,
    drawing: Drawing,
    tag: Reference,
) -> SavedObject:
    """Give the saved object of one visualization of one layer."""
    return SavedObject(
        ObjectType.LENS,
        object_id,
        {
            "title": title,
            "description": description,
            "visualizationType": drawing.kind,
            "state": {
                "datasourceStates": {
                    "formBased": {
                        "layers": {
                            layer.id: {
                                "columnOrder": list(layer.columns),
                                "columns": layer.columns,
                                "incompleteColumns": {},
                                "sampling": 1,
                            }
                        }
                    }
                },
                "visualization": drawing.state,
                "query": {"query": "", "language": "kuery"},
                "filters": [],
                "internalReferences": [],
                "adHocDataViews": {},
            },
        },
        (view_reference(layer.view, f"indexpattern-datasource-layer-{layer.id}"), tag),
    )
