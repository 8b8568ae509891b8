"""The shapes of Lens objects of version 8.9.0 as JSON schemas.

Kibana's server takes any state; these are the types that the browser reads it by (elastic/kibana,
`src/platform/packages/shared/kbn-lens-common`: `datasources/operations.ts` and `visualizations/
*/types.ts`), with the older names that exported objects of this version carry.
"""

from tests.search.kibana.json_schema import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    Json,
    array,
    mapping,
    one_of,
    some,
    strict,
)

QUERY = strict({"query": {"type": ["string", "object"]}, "language": one_of("kuery", "lucene")})
FILTERS = array(some(meta=OBJECT, query=OBJECT, **{"$state": OBJECT}))
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
VALUES = array({"type": ["string", "number"]})
_BOUND = {"type": ["number", "null"]}
_PARAMS: Json = {
    "count": _METRIC,
    "unique_count": _METRIC,
    **dict.fromkeys(("sum", "average", "min", "max", "median", "standard_deviation"), _METRIC),
    "terms": strict(
        {"size": INTEGER, "orderBy": _ORDER_BY, "orderDirection": one_of("asc", "desc")},
        otherBucket=BOOLEAN,
        missingBucket=BOOLEAN,
        include=VALUES,
        exclude=VALUES,
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
