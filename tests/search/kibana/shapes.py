"""The shapes of saved objects as JSON schemas, for the versions that we write.

Kibana publishes none. These are written from its sources (elastic/kibana; AGPL/Elastic licence, so
facts only): the strict server-side schemas for data views, searches (model version 5) and
dashboards (version 2); for Lens see lens_shapes.py. `test_published.py` runs them over objects that
Kibana itself exported.
"""

import json

from tests.search.kibana.json_schema import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    Json,
    array,
    faults_of,
    mapping,
    one_of,
    some,
    strict,
)
from tests.search.kibana.lens_shapes import FILTERS, LENS, QUERY, VALUES

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
    selectedOptions=VALUES,
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
