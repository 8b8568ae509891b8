"""The dashboards: panels laid out in rows, and controls that filter all of them."""

from dataclasses import dataclass

from email_audit.search.kibana import panels
from email_audit.search.kibana.data_views import AS_WRITTEN, HITS, view_reference
from email_audit.search.kibana.objects import Json, ObjectType, Reference, SavedObject, in_string
from email_audit.search.kibana.panels import Panel
from email_audit.search.kibana.searches import THREADS, UNANSWERED_REQUESTS, UNREVIEWED, Question

GRID_COLUMNS = 48
"""Width of Kibana's grid."""

_YEARS_BACK = "now-10y"


@dataclass(frozen=True, slots=True)
class Control:
    """A list of a field's values above the dashboard."""

    field: str
    title: str
    single: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, equally wide; height in the grid's rows (about 20 pixels each)."""

    height: int
    panels: tuple[Panel | Question, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard before it is a saved object."""

    id: str
    title: str
    description: str
    controls: tuple[Control, ...]
    rows: tuple[Row, ...]
    over_time: bool = False


_OFFICER = Control(f"custodians{AS_WRITTEN}", "Officer")
_TASK_FORCE = Control(f"task_forces{AS_WRITTEN}", "Task force")
_AGENCY = Control(f"partner_agencies{AS_WRITTEN}", "Partner agency")
_KIND = Control("kinds", "Kind")
_REVIEW = Control("review_state", "Review")
_SENDER = Control("from_address", "From")

DASHBOARDS: tuple[Dashboard, ...] = (
    Dashboard(
        "email-audit-overview",
        "E-mail audit: overview",
        "Who wrote to whom, when, and what the messages do. A message in several mailboxes is one "
        "hit and counts for each of their officers.",
        (_OFFICER, _TASK_FORCE, _AGENCY, _KIND, _SENDER, _REVIEW),
        (
            Row(
                7,
                (panels.ALL_HITS, panels.HITS_IN_RANGE, panels.OFFICERS, panels.UNANSWERED),
            ),
            Row(14, (panels.KINDS_OVER_TIME, panels.OFFICERS_OVER_TIME)),
            Row(16, (panels.KINDS_BY_OFFICER, panels.CORRESPONDENTS)),
            Row(12, (panels.AGENCIES, panels.TASK_FORCES)),
            Row(16, (UNANSWERED_REQUESTS,)),
        ),
        over_time=True,
    ),
    Dashboard(
        "email-audit-review",
        "E-mail audit: review",
        "How far the review is and how often the classifier was wrong. All hits, also undated "
        "ones; the time range has no effect.",
        (_OFFICER, _TASK_FORCE, _KIND, _REVIEW),
        (
            Row(
                9,
                (panels.REVIEWED_SHARE, panels.FALSE_HIT_RATE, panels.REVIEW_STATES),
            ),
            Row(14, (panels.REVIEW_BY_OFFICER, panels.SCORES)),
            Row(12, (panels.FALSE_HITS_BY_KIND,)),
            Row(18, (UNREVIEWED,)),
        ),
    ),
    Dashboard(
        "email-audit-thread",
        "E-mail audit: one thread",
        "Choose a thread to read its hits in order. Messages of the thread that are not hits are "
        "not in the index.",
        (Control("thread", "Thread", single=True), Control("people", "Person"), _OFFICER),
        (Row(24, (THREADS,)),),
    ),
)


def dashboards(tag: Reference) -> tuple[SavedObject, ...]:
    """Give the saved object of every dashboard."""
    return tuple(_dashboard(dashboard, tag) for dashboard in DASHBOARDS)


def _dashboard(dashboard: Dashboard, tag: Reference) -> SavedObject:
    placed, links = _place(dashboard.rows)
    controls, control_links = _controls(dashboard.controls)
    attributes: Json = {
        "title": dashboard.title,
        "description": dashboard.description,
        "timeRestore": dashboard.over_time,
        "optionsJSON": in_string(
            {
                "useMargins": True,
                "hidePanelTitles": False,
                "syncColors": True,
                "syncCursor": True,
                "syncTooltips": False,
            }
        ),
        "panelsJSON": in_string(placed),
        "controlGroupInput": controls,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": in_string(
                {"query": {"query": "", "language": "kuery"}, "filter": []}
            )
        },
    }
    if dashboard.over_time:
        attributes |= {"timeFrom": _YEARS_BACK, "timeTo": "now"}
    return SavedObject(
        ObjectType.DASHBOARD, dashboard.id, attributes, (*links, *control_links, tag)
    )


def _place(rows: tuple[Row, ...]) -> tuple[list[Json], list[Reference]]:
    """Give the panels with their places in the grid, and the references to them."""
    placed: list[Json] = []
    links: list[Reference] = []
    top = 0
    for row in rows:
        width = GRID_COLUMNS // len(row.panels)
        for position, panel in enumerate(row.panels):
            index = f"p{len(placed) + 1}"
            type_ = ObjectType.LENS if isinstance(panel, Panel) else ObjectType.SEARCH
            links.append(Reference(type_, panel.id, f"{index}:panel_{index}"))
            placed.append(
                {
                    "type": type_.value,
                    "panelIndex": index,
                    "panelRefName": f"panel_{index}",
                    "embeddableConfig": {"enhancements": {}},
                    "gridData": {
                        "i": index,
                        "x": position * width,
                        "y": top,
                        "w": width,
                        "h": row.height,
                    },
                }
            )
        top += row.height
    return placed, links


def _controls(controls: tuple[Control, ...]) -> tuple[Json, list[Reference]]:
    """Give the group of controls and its references; each offers only what the others leave."""
    inputs: Json = {}
    links: list[Reference] = []
    for order, control in enumerate(controls):
        name = f"c{order + 1}"
        inputs[name] = {
            "type": "optionsListControl",
            "order": order,
            "width": "medium",
            "grow": True,
            "explicitInput": {
                "id": name,
                "fieldName": control.field,
                "title": control.title,
                "searchTechnique": "wildcard",
                "singleSelect": control.single,
                "selectedOptions": [],
                "enhancements": {},
            },
        }
        links.append(view_reference(HITS, f"controlGroup_{name}:optionsListDataView"))
    group: Json = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "showApplySelections": False,
        "ignoreParentSettingsJSON": in_string(
            {
                "ignoreFilters": False,
                "ignoreQuery": False,
                "ignoreTimerange": False,
                "ignoreValidations": False,
            }
        ),
        "panelsJSON": in_string(inputs),
    }
    return group, links
