"""The saved searches: one for each question that an investigator asks of the hits."""

from collections.abc import Sequence
from dataclasses import dataclass

from email_audit.search.kibana.data_views import HITS, view_reference
from email_audit.search.kibana.objects import ObjectType, Reference, SavedObject, in_string
from email_audit.tagging.records import Kind

_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"

_COLUMNS = (
    "date",
    "from_address",
    "to_addresses",
    "subject",
    "kinds",
    "custodians",
    "score",
    "review_state",
    "content_sha256",
)
_WIDTHS = {
    "date": 190,
    "kinds": 150,
    "score": 80,
    "custodians": 120,
    "review_state": 130,
    "answered": 100,
    "content_sha256": 90,
}
"""Columns narrower than their share, in pixels: the rest is for subject and people."""

_NEWEST_FIRST = (("date", "desc"),)

FEDERAL_DOMAINS = ("dhs.gov", "usdoj.gov", "fbi.gov", "state.gov")
"""Departments whose agencies lead or sit on task forces; their agencies are below them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the KQL that asks it, and how the answer is laid out."""

    id: str
    title: str
    description: str
    kql: str
    columns: tuple[str, ...] = _COLUMNS
    sort: tuple[tuple[str, str], ...] = _NEWEST_FIRST


def _federal(field: str) -> str:
    values = " or ".join(f"{domain} or *.{domain}" for domain in FEDERAL_DOMAINS)
    return f"{field} : ({values})"


UNREVIEWED = Question(
    "email-audit-unreviewed",
    "Not yet reviewed, by score",
    "What nobody has decided yet, the surest hits first.",
    "review_state : unreviewed",
    sort=(("score", "desc"), ("date", "desc")),
)
UNANSWERED_REQUESTS = Question(
    "email-audit-requests-unanswered",
    "Requests nobody answered",
    "Requests for help to which no later message of somebody else in the same thread was found. "
    "The answer may have been given by telephone, or in a mailbox that is not in the audit.",
    f"kinds : {Kind.REQUEST} and answered : no",
)
THREADS = Question(
    "email-audit-threads",
    "Everything of one thread",
    "All hits, thread by thread, oldest first: filter for one value of Thread. Messages of the "
    "thread that are not hits are not in the index.",
    "thread : *",
    columns=("thread", *_COLUMNS[:5], "answered", "content_sha256"),
    sort=(("thread", "asc"), ("date", "asc")),
)

QUESTIONS: tuple[Question, ...] = (
    UNANSWERED_REQUESTS,
    Question(
        "email-audit-requests",
        "Requests",
        "Messages that ask the local side for help.",
        f"kinds : {Kind.REQUEST}",
        columns=(*_COLUMNS[:5], "answered", *_COLUMNS[5:]),
    ),
    Question(
        "email-audit-assistance",
        "Help given",
        "Messages in which help is given, promised, arranged, reported or ordered.",
        f"kinds : {Kind.ASSISTANCE}",
    ),
    Question(
        "email-audit-alerts",
        "Alerts and their hits",
        "Alerts, flags and watch lists set on people, and the messages that they send.",
        f"kinds : {Kind.ALERT}",
    ),
    Question(
        "email-audit-information",
        "Information passed on",
        "Whereabouts, dates, photographs and the like, given or offered.",
        f"kinds : {Kind.INFORMATION}",
    ),
    Question(
        "email-audit-custody",
        "Hand-overs",
        "Holding, releasing to, handing over or transporting a person.",
        f"kinds : {Kind.CUSTODY}",
    ),
    Question(
        "email-audit-operations",
        "Operations",
        "Joint or supporting actions: sweeps, perimeters, traffic posts.",
        f"kinds : {Kind.OPERATION}",
    ),
    Question(
        "email-audit-refusals",
        "Refusals",
        "Help declined, stopped, questioned or passed up the line.",
        f"kinds : {Kind.REFUSAL}",
    ),
    Question(
        "email-audit-policy",
        "Policy and training",
        "The rules in general: orders, advice, training. Mentions, not conduct.",
        f"kinds : {Kind.POLICY}",
    ),
    Question(
        "email-audit-news",
        "Press and public statements",
        "Clippings, inquiries and statements. Mentions, not conduct.",
        f"kinds : {Kind.NEWS}",
    ),
    Question(
        "email-audit-to-federal",
        "Written to a federal agency",
        "Hits with a recipient at a federal department or an agency below it. Other domains: "
        "change the query, or start from the table of correspondents.",
        _federal("to_domains"),
        columns=("date", "from_address", "to_domains", *_COLUMNS[2:]),
    ),
    Question(
        "email-audit-from-federal",
        "Written by a federal agency",
        "Hits whose sender is at a federal department or an agency below it.",
        _federal("from_domain"),
        columns=("date", "from_domain", *_COLUMNS[1:]),
    ),
    THREADS,
    UNREVIEWED,
    Question(
        "email-audit-unsure",
        "Reviewers unsure",
        "What a reviewer left for a second opinion.",
        "review_state : unsure",
    ),
    Question(
        "email-audit-responsive",
        "Found responsive",
        "What reviewers decided is about civil immigration enforcement, oldest first.",
        "review_state : responsive",
        sort=(("date", "asc"),),
    ),
    Question(
        "email-audit-undated",
        "Hits without a date",
        "Messages without a usable date. No chart over time shows them.",
        "not date : *",
        sort=(("score", "desc"),),
    ),
)


def saved_searches(tag: Reference) -> tuple[SavedObject, ...]:
    """Give the saved search of every question."""
    return tuple(_saved_search(question, tag) for question in QUESTIONS)


def _saved_search(question: Question, tag: Reference) -> SavedObject:
    return SavedObject(
        ObjectType.SEARCH,
        question.id,
        {
            "title": question.title,
            "description": question.description,
            "columns": list(question.columns),
            "sort": [list(key) for key in question.sort],
            "grid": {"columns": _widths(question.columns)},
            "hideChart": True,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "usesAdHocDataView": False,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": in_string(
                    {
                        "query": {"query": question.kql, "language": "kuery"},
                        "filter": [],
                        "highlightAll": True,
                        "indexRefName": _INDEX,
                    }
                )
            },
        },
        (view_reference(HITS, _INDEX), tag),
    )


def _widths(columns: Sequence[str]) -> dict[str, dict[str, int]]:
    return {name: {"width": _WIDTHS[name]} for name in columns if name in _WIDTHS}
