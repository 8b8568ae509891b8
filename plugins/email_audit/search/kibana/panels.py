"""The visualizations: what is counted, for whom, and over which hits.

Fields with several values a document (kinds, officers, agencies) are drawn as bars, never as parts
of a whole: a message with three kinds is counted under each.
"""

from dataclasses import dataclass

from email_audit.search.kibana.data_views import AS_WRITTEN, HITS, HITS_OVER_TIME, TIME_FIELD
from email_audit.search.kibana.lens import (
    Columns,
    Drawing,
    Layer,
    bars,
    count,
    count_values,
    donut,
    in_ranges,
    lens_object,
    number,
    over_time,
    share,
    table,
    top_values,
)
from email_audit.search.kibana.objects import Reference, SavedObject
from email_audit.search.kibana.searches import UNANSWERED_REQUESTS

_REVIEWED = "not review_state : unreviewed"
_FALSE_HIT = 'review_state : "not responsive"'
_EVERYTHING = ""

_OFFICER_FIELD = f"custodians{AS_WRITTEN}"
_SCORES = tuple(tenth / 10 for tenth in range(11))
_KINDS, _OFFICERS, _AGENCIES, _PEOPLE = 10, 15, 15, 50
"""How many values are shown before `Other`; there are nine kinds."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One visualization before it is a saved object."""

    id: str
    title: str
    description: str
    layer: Layer
    drawing: Drawing


def _layer(columns: Columns, view: str = HITS) -> Layer:
    return Layer("hits", view, columns)


def _total(panel_id: str, title: str, view: str, subtitle: str, description: str) -> Panel:
    layer = _layer({"n": count("Hits")}, view)
    return Panel(panel_id, title, description, layer, number(layer, metric="n", subtitle=subtitle))


def _number(panel_id: str, title: str, subtitle: str, columns: Columns) -> Panel:
    layer = _layer(columns)
    metric = next(iter(columns))
    return Panel(panel_id, title, "", layer, number(layer, metric=metric, subtitle=subtitle))


def _by_time(panel_id: str, title: str, field: str, label: str, size: int) -> Panel:
    layer = _layer(
        {
            "time": over_time(TIME_FIELD),
            "split": top_values(field, label, by="n", size=size),
            "n": count("Hits"),
        },
        HITS_OVER_TIME,
    )
    return Panel(
        panel_id,
        title,
        "A message with several values is counted under each of them.",
        layer,
        bars(layer, x="time", y="n", split="split"),
    )


def _ranking(panel_id: str, title: str, field: str, label: str, description: str) -> Panel:
    layer = _layer({"value": top_values(field, label, by="n", size=_AGENCIES), "n": count("Hits")})
    drawing = bars(layer, x="value", y="n", series="bar_horizontal")
    return Panel(panel_id, title, description, layer, drawing)


def _split_ranking(
    panel_id: str, title: str, x: tuple[str, str], split: tuple[str, str], series: str
) -> Panel:
    layer = _layer(
        {
            "value": top_values(*x, by="n", size=_OFFICERS),
            "split": top_values(*split, by="n", size=_KINDS),
            "n": count("Hits"),
        }
    )
    drawing = bars(layer, x="value", y="n", split="split", series=series)
    return Panel(panel_id, title, "", layer, drawing)


def _correspondents() -> Panel:
    layer = _layer(
        {
            "sender": top_values("from_address", "From", by="n", size=_PEOPLE),
            "recipients": top_values("to_domains", "To the domain", by="n", size=_PEOPLE),
            "n": count("Hits"),
            "requests": count("Requests", "kinds : request"),
            "assistance": count("Help given", "kinds : assistance"),
        }
    )
    return Panel(
        "email-audit-panel-correspondents",
        "Who wrote to whom",
        "Senders and the domains of their recipients (to, copy, blind copy). A message to people "
        "of three domains is counted in three rows.",
        layer,
        table(
            layer, shown=("sender", "recipients", "n", "requests", "assistance"), by="n", rows=10
        ),
    )


def _false_hits_by_kind() -> Panel:
    columns: Columns = {
        "kind": top_values("kinds", "Kind", by="n", size=_KINDS),
        "n": count("Hits"),
        "reviewed": count("Reviewed", _REVIEWED),
        "wrong": count("Not responsive", _FALSE_HIT),
        **share("rate", "False hits", _FALSE_HIT, _REVIEWED),
    }
    layer = _layer(columns)
    return Panel(
        "email-audit-panel-false-hits-by-kind",
        "False hits by kind",
        "Of the reviewed hits of a kind, how many are not responsive.",
        layer,
        table(layer, shown=("kind", "n", "reviewed", "wrong", "rate"), by="n", rows=10),
    )


def _scores() -> Panel:
    layer = _layer(
        {
            "score": in_ranges("score", "Score", _SCORES),
            "state": top_values("review_state", "Review", by="n", size=5),
            "n": count("Hits"),
        }
    )
    return Panel(
        "email-audit-panel-scores",
        "Score and what reviewers found",
        "If scores are right, about a third of the hits between 0.6 and 0.7 turn out not "
        "responsive, and hardly any above 0.9.",
        layer,
        bars(layer, x="score", y="n", split="state"),
    )


def _review_states() -> Panel:
    layer = _layer(
        {"state": top_values("review_state", "Review", by="n", size=5), "n": count("Hits")}
    )
    return Panel(
        "email-audit-panel-review-states",
        "Review",
        "",
        layer,
        donut(layer, group="state", metric="n"),
    )


ALL_HITS = _total(
    "email-audit-panel-all-hits",
    "All hits",
    HITS,
    "of any date and of none",
    "Every hit that the filters leave, whatever the time range says.",
)
HITS_IN_RANGE = _total(
    "email-audit-panel-hits-in-range",
    "Hits in the time range",
    HITS_OVER_TIME,
    "what the charts over time show",
    "Fewer than all hits: the others are outside of the time range or have no date.",
)
OFFICERS = _number(
    "email-audit-panel-officers",
    "Officers with hits",
    "in whose mailboxes there is one",
    {"n": count_values("custodians", "Officers")},
)
UNANSWERED = _number(
    "email-audit-panel-unanswered",
    "Unanswered requests",
    "no later message by somebody else was found",
    {"n": count("Requests", UNANSWERED_REQUESTS.kql)},
)
KINDS_OVER_TIME = _by_time(
    "email-audit-panel-kinds-over-time", "Hits over time, by kind", "kinds", "Kind", _KINDS
)
OFFICERS_OVER_TIME = _by_time(
    "email-audit-panel-officers-over-time",
    "Hits over time, by officer",
    _OFFICER_FIELD,
    "Officer",
    _OFFICERS,
)
KINDS_BY_OFFICER = _split_ranking(
    "email-audit-panel-kinds-by-officer",
    "Kinds, by officer",
    (_OFFICER_FIELD, "Officer"),
    ("kinds", "Kind"),
    "bar_horizontal_stacked",
)
AGENCIES = _ranking(
    "email-audit-panel-agencies",
    "Partner agencies",
    f"partner_agencies{AS_WRITTEN}",
    "Agency",
    "The agencies that led the officers' task forces when the messages were sent, not who wrote.",
)
TASK_FORCES = _ranking(
    "email-audit-panel-task-forces",
    "Task forces",
    f"task_forces{AS_WRITTEN}",
    "Task force",
    "The officers' task forces when the messages were sent.",
)
CORRESPONDENTS = _correspondents()
REVIEWED_SHARE = _number(
    "email-audit-panel-reviewed",
    "Reviewed",
    "of all hits",
    share("rate", "Reviewed", _REVIEWED, _EVERYTHING),
)
FALSE_HIT_RATE = _number(
    "email-audit-panel-false-hits",
    "False hits",
    "of the reviewed hits are not responsive",
    share("rate", "False hits", _FALSE_HIT, _REVIEWED),
)
REVIEW_STATES = _review_states()
REVIEW_BY_OFFICER = _split_ranking(
    "email-audit-panel-review-by-officer",
    "Review, by officer",
    (_OFFICER_FIELD, "Officer"),
    ("review_state", "Review"),
    "bar_horizontal_stacked",
)
SCORES = _scores()
FALSE_HITS_BY_KIND = _false_hits_by_kind()

PANELS: tuple[Panel, ...] = (
    ALL_HITS,
    HITS_IN_RANGE,
    OFFICERS,
    UNANSWERED,
    KINDS_OVER_TIME,
    OFFICERS_OVER_TIME,
    KINDS_BY_OFFICER,
    AGENCIES,
    TASK_FORCES,
    CORRESPONDENTS,
    REVIEWED_SHARE,
    FALSE_HIT_RATE,
    REVIEW_STATES,
    REVIEW_BY_OFFICER,
    SCORES,
    FALSE_HITS_BY_KIND,
)


def visualizations(tag: Reference) -> tuple[SavedObject, ...]:
    """Give the saved object of every panel."""
    return tuple(
        lens_object(panel.id, panel.title, panel.description, panel.layer, panel.drawing, tag)
        for panel in PANELS
    )
