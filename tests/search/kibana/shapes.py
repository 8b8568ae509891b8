"""The shapes of saved objects as JSON schemas, for the versions that we write.

Kibana publishes none. These are written from its sources (elastic/kibana; AGPL/Elastic licence, so
facts only): the strict server-side schemas for data views, searches (model version 5) and
dashboards (version 2), and for Lens, whose state the server does not check, the types that the
browser reads it by (`kbn-lens-common`), with the older names that exported objects of these
versions carry. `test_published.py` runs them over objects that Kibana itself exported.
"""

import json
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]

STRING: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
INTEGER: Json = {"type": "integer"}
BOOLEAN: Json = {"type": "boolean"}
ANY: Json = {}
OBJECT: Json = {"type": "object"}


def strict(required: Json, **optional: Json) -> Json:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def some(**optional: Json) -> Json:
    return strict({}, **optional)


def array(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


def mapping(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def one_of(*values: object) -> Json:
    return {"enum": list(values)}


QUERY = strict({"query": {"type": ["string", "object"]}, "language": one_of("kuery", "lucene")})
FILTERS = array(some(meta=OBJECT, query=OBJECT, **{"$state": OBJECT}))
REFRESH = strict({"pause": BOOLEAN, "value": NUMBER}, display=STRING, section=NUMBER)

TAG = strict({"name": STRING, "description": STRING, "color": STRING})

FIELD_FORMAT = {
    "oneOf": [
        strict(
            {
                "id": {"const": "url"},
                "params": strict(
                    {"type": one_of("a", "img", "audio"), "urlTemplate": STRING},
                    labelTemplate=STRING,
                    width=NUMBER,
                    height=NUMBER,
                    openLinkInCurrentTab=BOOLEAN,
                ),
            }
        ),
        strict(
            {"id": one_of("number", "percent", "bytes")},
            params=some(pattern=STRING),
        ),
    ]
}

DATA_VIEW = strict(
    {"title": STRING},
    name=STRING,
    type=STRING,
    timeFieldName=STRING,
    fields=array(OBJECT),
    sourceFilters=array(strict({"value": STRING}, clientId={"type": ["string", "number"]})),
    fieldAttrs=mapping(
        some(
            customLabel=STRING,
            customDescription={"type": "string", "maxLength": 300},
            count=NUMBER,
        )
    ),
    fieldFormatMap=mapping(FIELD_FORMAT),
    runtimeFieldMap=OBJECT,
    typeMeta=OBJECT,
    allowNoIndex=BOOLEAN,
    allowHidden=BOOLEAN,
)

SEARCH_SOURCE = strict(
    {"query": QUERY, "filter": FILTERS},
    indexRefName=STRING,
    highlightAll=BOOLEAN,
    version=BOOLEAN,
    sort=array(OBJECT),
)

SEARCH = strict(
    {
        "title": STRING,
        "kibanaSavedObjectMeta": strict({"searchSourceJSON": SEARCH_SOURCE}),
    },
    description=STRING,
    columns=array(STRING),
    sort={
        "oneOf": [array(array(STRING, maxItems=2), minItems=1), array(STRING, maxItems=2)],
    },
    grid=some(columns=mapping(some(width=NUMBER))),
    rowHeight=NUMBER,
    headerRowHeight=NUMBER,
    rowsPerPage=NUMBER,
    sampleSize={"type": "number", "minimum": 10, "maximum": 10000},
    hideChart=BOOLEAN,
    breakdownField=STRING,
    isTextBasedQuery=BOOLEAN,
    usesAdHocDataView=BOOLEAN,
    timeRestore=BOOLEAN,
    timeRange=strict({"from": STRING, "to": STRING}),
    refreshInterval=REFRESH,
    viewMode=one_of("documents", "patterns", "aggregated"),
    hideAggregatedPreview=BOOLEAN,
    density=one_of("compact", "normal", "expanded"),
    visContext=OBJECT,
    hits=NUMBER,
    version=NUMBER,
)

# Lens: the operations of a form-based layer.

FORMAT = strict({"id": STRING}, params=OBJECT)
_METRIC = some(emptyAsNull=BOOLEAN, format=FORMAT)
_ORDER_BY = {
    "oneOf": [
        strict({"type": {"const": "column"}, "columnId": STRING}),
        strict({"type": {"const": "alphabetical"}}, fallback=BOOLEAN),
        strict({"type": {"const": "rare"}, "maxDocCount": NUMBER}),
        strict({"type": one_of("significant", "custom")}),
    ]
}
_VALUES = array({"type": ["string", "number"]})
_BOUND = {"type": ["number", "null"]}
_PARAMS: Json = {
    "count": _METRIC,
    "unique_count": _METRIC,
    **dict.fromkeys(("sum", "average", "min", "max", "median", "standard_deviation"), _METRIC),
    "terms": strict(
        {"size": INTEGER, "orderBy": _ORDER_BY, "orderDirection": one_of("asc", "desc")},
        otherBucket=BOOLEAN,
        missingBucket=BOOLEAN,
        include=_VALUES,
        exclude=_VALUES,
        includeIsRegex=BOOLEAN,
        excludeIsRegex=BOOLEAN,
        accuracyMode=BOOLEAN,
        secondaryFields=array(STRING),
        orderAgg=OBJECT,
        format=FORMAT,
        parentFormat=strict({"id": one_of("terms", "multi_terms")}),
    ),
    "date_histogram": strict(
        {"interval": STRING},
        includeEmptyRows=BOOLEAN,
        dropPartials=BOOLEAN,
        ignoreTimeRange=BOOLEAN,
    ),
    "range": strict(
        {
            "type": one_of("range", "histogram"),
            "maxBars": {"oneOf": [NUMBER, {"const": "auto"}]},
            "ranges": array(strict({"from": _BOUND, "to": _BOUND, "label": STRING})),
        },
        includeEmptyRows=BOOLEAN,
        format=FORMAT,
        parentFormat=strict(
            {"id": STRING}, params=some(id=STRING, template=STRING, replaceInfinity=BOOLEAN)
        ),
    ),
    "filters": strict(
        {"filters": array(strict({"input": QUERY, "label": STRING}))},
    ),
    "last_value": strict({"sortField": STRING}, showArrayValues=BOOLEAN, format=FORMAT),
    "percentile": strict({"percentile": NUMBER}, format=FORMAT),
    "static_value": some(value=STRING, format=FORMAT),
    "moving_average": strict({"window": NUMBER}, format=FORMAT),
    **{
        name: some(format=FORMAT)
        for name in (
            "counter_rate",
            "cumulative_sum",
            "differences",
            "overall_average",
            "overall_max",
            "overall_min",
            "overall_sum",
        )
    },
    "formula": some(formula=STRING, isFormulaBroken=BOOLEAN, format=FORMAT),
    "math": strict({"tinymathAst": {"type": ["object", "string"]}}, format=FORMAT),
}
_COMMON_COLUMN: Json = {
    "label": STRING,
    "dataType": one_of("string", "number", "date", "boolean", "ip", "document"),
    "isBucketed": BOOLEAN,
}
_OPTIONAL_COLUMN: Json = {
    "scale": one_of("ordinal", "interval", "ratio"),
    "customLabel": BOOLEAN,
    "filter": QUERY,
    "timeScale": one_of("s", "m", "h", "d"),
    "timeShift": STRING,
    "reducedTimeRange": STRING,
}
_OF_OTHER_COLUMNS = (
    "formula",
    "math",
    "static_value",
    "counter_rate",
    "cumulative_sum",
    "differences",
    "moving_average",
    "overall_average",
    "overall_max",
    "overall_min",
    "overall_sum",
)
_NEED_PARAMS = ("formula", "math")


def _column(operation: str) -> Json:
    own: Json = {"sourceField": STRING}
    if operation in _OF_OTHER_COLUMNS:
        own = {"references": array(STRING)}
    elif operation == "filters":
        own = {}
    required = {**_COMMON_COLUMN, "operationType": {"const": operation}, **own}
    optional = {**_OPTIONAL_COLUMN, "isStaticValue": BOOLEAN}
    params = _PARAMS[operation]
    needed = params["required"] or operation in _NEED_PARAMS
    (required if needed else optional)["params"] = params
    return strict(required, **optional)


COLUMN = {"oneOf": [_column(operation) for operation in _PARAMS]}
LAYER = strict(
    {"columnOrder": array(STRING), "columns": mapping(COLUMN)},
    incompleteColumns=OBJECT,
    sampling=NUMBER,
    ignoreGlobalFilters=BOOLEAN,
    linkToLayers=array(STRING),
    indexPatternId=STRING,
)

# Lens: the visualizations.

_AXES = some(x=BOOLEAN, yLeft=BOOLEAN, yRight=BOOLEAN)
_EXTENT = some(
    mode=STRING, lowerBound=NUMBER, upperBound=NUMBER, enforce=BOOLEAN, niceValues=BOOLEAN
)
_SERIES = one_of(
    "bar",
    "line",
    "area",
    "bar_stacked",
    "area_stacked",
    "bar_horizontal",
    "bar_percentage_stacked",
    "bar_horizontal_stacked",
    "area_percentage_stacked",
    "bar_horizontal_percentage_stacked",
)
_SIDE = one_of("top", "right", "bottom", "left")
_XY_LEGEND = strict(
    {"isVisible": BOOLEAN, "position": _SIDE},
    isInside=BOOLEAN,
    showSingleSeries=BOOLEAN,
    legendSize=STRING,
    legendStats=array(STRING),
    verticalAlignment=STRING,
    horizontalAlignment=STRING,
    floatingColumns=NUMBER,
    maxLines=NUMBER,
    shouldTruncate=BOOLEAN,
    title=STRING,
    isTitleVisible=BOOLEAN,
)
_Y_CONFIG = strict(
    {"forAccessor": STRING},
    color=STRING,
    icon=STRING,
    lineWidth=NUMBER,
    lineStyle=STRING,
    fill=STRING,
    iconPosition=STRING,
    textVisibility=BOOLEAN,
    axisMode=one_of("auto", "left", "right", "bottom"),
)
_XY_DATA = strict(
    {
        "layerId": STRING,
        "layerType": {"const": "data"},
        "seriesType": _SERIES,
        "accessors": array(STRING),
    },
    xAccessor=STRING,
    splitAccessor=STRING,
    yConfig=array(_Y_CONFIG),
    simpleView=BOOLEAN,
    palette=OBJECT,
    colorMapping=OBJECT,
    collapseFn=STRING,
    xScaleType=STRING,
    isHistogram=BOOLEAN,
    columnToLabel=STRING,
    position=_SIDE,
    showGridlines=BOOLEAN,
)
_XY_REFERENCE_LINE = strict(
    {"layerId": STRING, "layerType": {"const": "referenceLine"}, "accessors": array(STRING)},
    yConfig=array(_Y_CONFIG),
)
_XY = strict(
    {
        "preferredSeriesType": _SERIES,
        "legend": _XY_LEGEND,
        "layers": array({"oneOf": [_XY_DATA, _XY_REFERENCE_LINE]}, minItems=1),
    },
    valueLabels=one_of("hide", "show", "inside"),
    fittingFunction=one_of("None", "Zero", "Linear", "Carry", "Lookahead", "Average", "Nearest"),
    emphasizeFitting=BOOLEAN,
    endValue=STRING,
    xExtent=_EXTENT,
    yLeftExtent=_EXTENT,
    yRightExtent=_EXTENT,
    xTitle=STRING,
    yTitle=STRING,
    yRightTitle=STRING,
    yLeftScale=STRING,
    yRightScale=STRING,
    axisTitlesVisibilitySettings=_AXES,
    tickLabelsVisibilitySettings=_AXES,
    gridlinesVisibilitySettings=_AXES,
    labelsOrientation=some(x=NUMBER, yLeft=NUMBER, yRight=NUMBER),
    curveType=STRING,
    fillOpacity=NUMBER,
    minBarHeight=NUMBER,
    hideEndzones=BOOLEAN,
    showCurrentTimeMarker=BOOLEAN,
    valuesInLegend=BOOLEAN,
    title=STRING,
)
_PIE = strict(
    {
        "shape": one_of("pie", "donut", "treemap", "mosaic", "waffle"),
        "layers": array(
            strict(
                {
                    "layerId": STRING,
                    "layerType": {"const": "data"},
                    "primaryGroups": array(STRING),
                    "metrics": array(STRING),
                    "numberDisplay": one_of("hidden", "percent", "value"),
                    "categoryDisplay": one_of("default", "inside", "hide"),
                    "legendDisplay": one_of("default", "show", "hide"),
                },
                secondaryGroups=array(STRING),
                allowMultipleMetrics=BOOLEAN,
                colorsByDimension=OBJECT,
                collapseFns=OBJECT,
                legendPosition=_SIDE,
                legendStats=array(STRING),
                showValuesInLegend=BOOLEAN,
                nestedLegend=BOOLEAN,
                percentDecimals=NUMBER,
                emptySizeRatio=NUMBER,
                legendMaxLines=NUMBER,
                legendSize=STRING,
                truncateLegend=BOOLEAN,
                colorMapping=OBJECT,
            ),
            minItems=1,
        ),
    },
    palette=OBJECT,
)
_TABLE = strict(
    {
        "layerId": STRING,
        "layerType": {"const": "data"},
        "columns": array(
            strict(
                {"columnId": STRING},
                width=NUMBER,
                hidden=BOOLEAN,
                oneClickFilter=BOOLEAN,
                isTransposed=BOOLEAN,
                isMetric=BOOLEAN,
                alignment=one_of("left", "right", "center"),
                palette=OBJECT,
                colorMapping=OBJECT,
                colorMode=one_of("none", "cell", "text"),
                summaryRow=one_of("none", "sum", "avg", "count", "min", "max"),
                summaryLabel=STRING,
                collapseFn=STRING,
            ),
            minItems=1,
        ),
    },
    sorting=strict(
        {"columnId": STRING, "direction": one_of("asc", "desc", "none")},
    ),
    paging=strict({"size": INTEGER, "enabled": BOOLEAN}),
    rowHeight=STRING,
    headerRowHeight=STRING,
    rowHeightLines=NUMBER,
    headerRowHeightLines=NUMBER,
    density=STRING,
)
_METRIC_CHART = strict(
    {"layerId": STRING, "layerType": {"const": "data"}, "metricAccessor": STRING},
    secondaryMetricAccessor=STRING,
    maxAccessor=STRING,
    breakdownByAccessor=STRING,
    collapseFn=STRING,
    subtitle=STRING,
    secondaryPrefix=STRING,
    progressDirection=STRING,
    showBar=BOOLEAN,
    titlesTextAlign=STRING,
    valuesTextAlign=STRING,
    valueFontMode=STRING,
    iconAlign=STRING,
    color=STRING,
    icon=STRING,
    palette=OBJECT,
    maxCols=NUMBER,
)
VISUALIZATIONS: Json = {
    "lnsXY": _XY,
    "lnsPie": _PIE,
    "lnsDatatable": _TABLE,
    "lnsMetric": _METRIC_CHART,
}


def _lens(kind: str, **by_value: Json) -> Json:
    return strict(
        {
            "title": STRING,
            "visualizationType": {"const": kind},
            "state": strict(
                {
                    "datasourceStates": strict(
                        {
                            "formBased": strict(
                                {"layers": mapping(LAYER)}, currentIndexPatternId=ANY
                            )
                        },
                        textBased=OBJECT,
                        indexpattern=OBJECT,
                    ),
                    "visualization": VISUALIZATIONS[kind],
                    "query": QUERY,
                    "filters": FILTERS,
                },
                internalReferences=array(OBJECT),
                adHocDataViews=OBJECT,
            ),
        },
        description=STRING,
        **by_value,
    )


LENS = {kind: _lens(kind) for kind in VISUALIZATIONS}
REFERENCE = strict({"type": STRING, "id": STRING, "name": STRING})
LENS_BY_VALUE = {
    kind: _lens(kind, type={"const": "lens"}, references=array(REFERENCE), version=INTEGER)
    for kind in VISUALIZATIONS
}

GRID_DATA = strict(
    {
        "i": STRING,
        **{key: {"type": "integer", "minimum": 0} for key in "xy"},
        **{key: {"type": "integer", "minimum": 1} for key in "wh"},
    }
)
PANEL = strict(
    {"type": STRING, "panelIndex": STRING, "gridData": GRID_DATA, "embeddableConfig": OBJECT},
    panelRefName=STRING,
    title=STRING,
    version=STRING,
)
_CONTROL_INPUT = strict(
    {"id": STRING},
    fieldName=STRING,
    title=STRING,
    width=STRING,
    grow=BOOLEAN,
    searchTechnique=one_of("prefix", "wildcard", "exact"),
    singleSelect=BOOLEAN,
    selectedOptions=_VALUES,
    existsSelected=BOOLEAN,
    exclude=BOOLEAN,
    hideActionBar=BOOLEAN,
    hideExclude=BOOLEAN,
    hideExists=BOOLEAN,
    hideSort=BOOLEAN,
    runPastTimeout=BOOLEAN,
    placeholder=STRING,
    sort=OBJECT,
    enhancements=OBJECT,
    timesliceStartAsPercentageOfTimeRange=NUMBER,
    timesliceEndAsPercentageOfTimeRange=NUMBER,
)
CONTROL = strict(
    {
        "type": one_of("optionsListControl", "rangeSliderControl", "timeSlider"),
        "order": INTEGER,
        "explicitInput": _CONTROL_INPUT,
    },
    width=one_of("small", "medium", "large"),
    grow=BOOLEAN,
)
DASHBOARD = strict(
    {
        "title": STRING,
        "panelsJSON": array(PANEL),
        "optionsJSON": some(
            useMargins=BOOLEAN,
            hidePanelTitles=BOOLEAN,
            syncColors=BOOLEAN,
            syncCursor=BOOLEAN,
            syncTooltips=BOOLEAN,
        ),
        "kibanaSavedObjectMeta": strict({"searchSourceJSON": SEARCH_SOURCE}),
    },
    description=STRING,
    timeRestore=BOOLEAN,
    timeFrom=STRING,
    timeTo=STRING,
    refreshInterval=REFRESH,
    controlGroupInput=strict(
        {"panelsJSON": mapping(CONTROL)},
        controlStyle=one_of("oneLine", "twoLine"),
        chainingSystem=one_of("HIERARCHICAL", "NONE"),
        ignoreParentSettingsJSON=some(
            ignoreFilters=BOOLEAN,
            ignoreQuery=BOOLEAN,
            ignoreTimerange=BOOLEAN,
            ignoreValidations=BOOLEAN,
        ),
        showApplySelections=BOOLEAN,
    ),
    hits=NUMBER,
    version=NUMBER,
)

SCHEMAS: Json = {
    "tag": TAG,
    "index-pattern": DATA_VIEW,
    "search": SEARCH,
    "dashboard": DASHBOARD,
}

_IN_STRINGS = {
    "index-pattern": (
        "fields",
        "sourceFilters",
        "fieldAttrs",
        "fieldFormatMap",
        "runtimeFieldMap",
        "typeMeta",
    ),
    "search": ("kibanaSavedObjectMeta.searchSourceJSON",),
    "dashboard": (
        "panelsJSON",
        "optionsJSON",
        "kibanaSavedObjectMeta.searchSourceJSON",
        "controlGroupInput.panelsJSON",
        "controlGroupInput.ignoreParentSettingsJSON",
    ),
}


def decoded(saved: Json) -> Json:
    """The object's attributes with the JSON that strings hold read, where they hold any."""
    attributes: Json = json.loads(json.dumps(saved["attributes"]))
    for path in _IN_STRINGS.get(saved["type"], ()):
        *outer, last = path.split(".")
        holder = attributes
        for name in outer:
            holder = holder.get(name, {})
        if isinstance(holder.get(last), str):
            holder[last] = json.loads(holder[last])
    return attributes


def schema_of(saved: Json) -> Json | None:
    """The schema of an object's attributes, None for a kind that we do not write."""
    if saved["type"] == "lens":
        return LENS.get(saved["attributes"]["visualizationType"])
    return SCHEMAS.get(saved["type"])


def shape_faults(saved: Json) -> list[str]:
    """What the schema says against an object, with the place."""
    schema = schema_of(saved)
    if schema is None:
        return [f"{saved['type']} {saved['id']}: no schema"]
    return [f"{saved['id']}: {fault}" for fault in faults_of(decoded(saved), schema)]


def faults_of(value: object, schema: Json) -> list[str]:
    return [
        f"{error.json_path}: {error.message[:300]}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
