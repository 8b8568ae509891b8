"""What the saved searches find and the charts count, asked of a real Elasticsearch.

The questions go there as Kibana would put them (dsl.py), to the index as the product makes it.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from email_audit.messages.records import Address
from email_audit.search.interface import HitDocument
from email_audit.search.kibana.build import object_set
from email_audit.search.kibana.panels import PANELS
from email_audit.search.kibana.searches import QUESTIONS, Question
from email_audit.tagging.records import Signal
from tests.search.conformance import document, identifier
from tests.search.elasticsearch.indexing import drop_index, make_index
from tests.search.kibana.dsl import MISSING, aggregations_of, layer_of, query_of, rows_of
from tests.search.kibana.index_fields import index_fields
from tests.search.kibana.json_schema import Json

ORTIZ = Address("Sam Ortiz", "Sam.Ortiz@pmpd.example")
BELL = Address("Rae Bell", "rae.bell@pmpd.example")
AGENT = Address("Dale Brandt", "dale.brandt@ice.dhs.gov")
LAWYER = Address("Legal Desk", "legal@pmpd.example")
PRESS = Address("", "desk@paper.example")


def _on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


HITS: tuple[HitDocument, ...] = (
    document(
        1,
        subject="Heads up when he pops",
        own_text="Can you flag these fourteen? We have administrative warrants.",
        sender=AGENT,
        to=(ORTIZ,),
        date=_on("2025-01-10"),
        kinds=("request", "alert"),
        custodians=("P-1263", "P-1515"),
        task_forces=("HSI Gangs",),
        partner_agencies=("HSI",),
        score=0.97,
        thread="t1",
        is_answered=True,
        review_state="responsive",
        signals=(Signal("administrative warrants", 39, 62, "own_text", "administrative warrant"),),
    ),
    document(
        2,
        subject="RE: Heads up when he pops",
        own_text="done, all 14 are in",
        sender=ORTIZ,
        to=(AGENT,),
        cc=(BELL,),
        date=_on("2025-01-11"),
        kinds=("assistance", "alert"),
        custodians=("P-1263",),
        task_forces=("HSI Gangs",),
        partner_agencies=("HSI",),
        score=0.91,
        thread="t1",
        review_state="responsive",
    ),
    document(
        3,
        subject="Where is he?",
        own_text="Any address for him? Nothing criminal.",
        sender=AGENT,
        to=(BELL,),
        date=_on("2025-02-03"),
        kinds=("request", "information"),
        custodians=("P-1515",),
        task_forces=("HSI Gangs",),
        partner_agencies=("HSI",),
        score=0.83,
        thread="t2",
        signals=(Signal("address for him", 4, 19, "own_text", "whereabouts"),),
    ),
    document(
        4,
        subject="Please don't",
        own_text="We cannot hold anyone on a civil detainer.",
        sender=LAWYER,
        to=(ORTIZ,),
        date=_on("2025-02-20"),
        kinds=("refusal", "custody"),
        custodians=("P-1263",),
        score=0.66,
        thread="t3",
        review_state="unsure",
        signals=(Signal("civil detainer", 27, 41, "own_text", "detainer"),),
    ),
    document(
        5,
        subject="Story tomorrow",
        own_text="The paper writes about raids.",
        sender=PRESS,
        to=(ORTIZ,),
        date=_on("2025-03-01"),
        kinds=("news",),
        custodians=("P-1263",),
        score=0.62,
        review_state="not responsive",
    ),
    document(
        6,
        subject="Training on the new order",
        own_text="Everybody attends.",
        sender=LAWYER,
        kinds=("policy",),
        custodians=("P-1515",),
        score=1.0,
    ),
)


@pytest.fixture(scope="module")
def client(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url) as client:
        yield client


@pytest.fixture(scope="module")
def alias(client: Elasticsearch) -> Iterator[str]:
    alias = make_index(client, HITS)
    yield alias
    drop_index(client, alias)


FOUND: dict[str, list[int]] = {
    "email-audit-requests-unanswered": [3],
    "email-audit-requests": [3, 1],
    "email-audit-assistance": [2],
    "email-audit-alerts": [2, 1],
    "email-audit-information": [3],
    "email-audit-custody": [4],
    "email-audit-operations": [],
    "email-audit-refusals": [4],
    "email-audit-policy": [6],
    "email-audit-news": [5],
    "email-audit-to-federal": [2],
    "email-audit-from-federal": [3, 1],
    "email-audit-threads": [1, 2, 3, 4],
    "email-audit-unreviewed": [6, 3],
    "email-audit-unsure": [4],
    "email-audit-responsive": [1, 2],
    "email-audit-undated": [6],
}
"""What each question finds, in its order."""


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_finds_what_it_says_in_its_order(
    client: Elasticsearch, alias: str, question: Question
) -> None:
    answer = client.search(
        index=alias,
        query=query_of(question.kql, index_fields()),
        sort=[{field: {"order": order}} for field, order in question.sort],
    )
    found = [hit["_id"] for hit in answer["hits"]["hits"]]
    assert found == [identifier(number) for number in FOUND[question.id]]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_its_columns_have_values(client: Elasticsearch, alias: str, question: Question) -> None:
    answer = client.search(index=alias, fields=list(question.columns), source=False)
    shown = {name for hit in answer["hits"]["hits"] for name in hit["fields"]}
    assert shown == set(question.columns)


EXAMPLES: dict[str, list[int]] = {
    "kinds : request and answered : no": [3],
    "kinds : (assistance or information) and custodians : P-1263": [2],
    "from_domain : *dhs.gov and kinds : request": [1, 3],
    'people : "sam.ortiz@pmpd.example"': [1, 2, 4, 5],
    'own_text : "civil detainer" and not kinds : news': [4],
    "own_text.english : detainers": [4],
    'date >= "2025-01-01" and date < "2025-02-01"': [1, 2],
    "score >= 0.9 and review_state : unreviewed": [6],
    'review_state : "not responsive"': [5],
    "signal_labels : *detainer*": [4],
    "signals : { label : detainer and part : own_text }": [4],
    "signals : { label : whereabouts and text : warrants }": [],
    "thread : * and kinds : refusal": [4],
    "flag detainer": [1, 4],
    '"civil detainer"': [4],
    "": [1, 2, 3, 4, 5, 6],
}


@pytest.mark.parametrize("kql", EXAMPLES)
def test_an_expression_means_what_the_manual_says(
    client: Elasticsearch, alias: str, kql: str
) -> None:
    answer = client.search(index=alias, query=query_of(kql, index_fields()))
    found = {hit["_id"] for hit in answer["hits"]["hits"]}
    assert found == {identifier(number) for number in EXAMPLES[kql]}


def test_the_examples_of_the_manual_can_be_asked(
    client: Elasticsearch, alias: str, repository: Path
) -> None:
    manual = (repository / "docs" / "investigator.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```kql\n(.*?)```", manual, re.DOTALL)
    for example in block.splitlines():
        client.search(index=alias, query=query_of(example, index_fields()))


def charted(client: Elasticsearch, alias: str, panel_id: str) -> list[Json]:
    objects = [json.loads(line) for line in object_set(alias).as_ndjson().decode().splitlines()]
    layer = layer_of(next(saved for saved in objects if saved["id"] == panel_id))
    answer = client.search(
        index=alias, size=0, aggs=aggregations_of(layer, index_fields(), "month")
    )
    total = answer["hits"]["total"]["value"]
    assert total == len(HITS)
    return rows_of(layer, answer["aggregations"])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.id)
def test_every_chart_can_be_counted(client: Elasticsearch, alias: str, panel: object) -> None:
    rows = charted(client, alias, panel.id)  # type: ignore[attr-defined]
    assert rows
    assert all(set(panel.layer.columns) - set(row) <= {"rateX2"} for row in rows)  # type: ignore[attr-defined]


def values(rows: list[Json], *columns: str) -> list[tuple[object, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_numbers_are_right(client: Elasticsearch, alias: str) -> None:
    def number(panel: str, column: str) -> object:
        [row] = charted(client, alias, f"email-audit-panel-{panel}")
        return row[column]

    assert number("all-hits", "n") == 6
    assert number("officers", "n") == 2
    assert number("unanswered", "n") == 1
    assert number("reviewed", "rate") == pytest.approx(4 / 6)
    assert number("false-hits", "rate") == pytest.approx(1 / 4)


def test_a_share_of_nothing_is_no_number(client: Elasticsearch) -> None:
    alias = make_index(client, [document(1, kinds=("request",))])
    try:
        layer = layer_of(
            next(
                saved.as_json()
                for saved in object_set(alias).objects
                if saved.id == "email-audit-panel-false-hits"
            )
        )
        answer = client.search(
            index=alias, size=0, aggs=aggregations_of(layer, index_fields(), "month")
        )
        [row] = rows_of(layer, answer["aggregations"])
        assert row["rate"] is None
    finally:
        drop_index(client, alias)


def test_correspondents_are_counted_by_pair(client: Elasticsearch, alias: str) -> None:
    rows = charted(client, alias, "email-audit-panel-correspondents")
    found = set(values(rows, "sender", "recipients", "n", "requests", "assistance"))
    assert found == {
        ("dale.brandt@ice.dhs.gov", "pmpd.example", 2, 2, 0),
        ("sam.ortiz@pmpd.example", "ice.dhs.gov", 1, 0, 1),
        ("sam.ortiz@pmpd.example", "pmpd.example", 1, 0, 1),
        ("legal@pmpd.example", "pmpd.example", 1, 0, 0),
        ("legal@pmpd.example", MISSING, 1, 0, 0),
        ("desk@paper.example", "pmpd.example", 1, 0, 0),
    }


def test_names_in_charts_are_as_written(client: Elasticsearch, alias: str) -> None:
    rows = charted(client, alias, "email-audit-panel-task-forces")
    assert values(rows, "value", "n") == [("HSI Gangs", 3), (MISSING, 3)]
    rows = charted(client, alias, "email-audit-panel-kinds-by-officer")
    assert {row["value"] for row in rows} == {"P-1263", "P-1515"}


def test_a_score_of_one_and_every_other_has_a_bar(client: Elasticsearch, alias: str) -> None:
    rows = charted(client, alias, "email-audit-panel-scores")
    assert set(values(rows, "score", "state", "n")) == {
        ("0.6 to 0.7", "not responsive", 1),
        ("0.6 to 0.7", "unsure", 1),
        ("0.8 to 0.9", "unreviewed", 1),
        ("0.9 to 1", "responsive", 2),
        ("0.9 to 1", "unreviewed", 1),
    }


def test_false_hits_by_kind(client: Elasticsearch, alias: str) -> None:
    rows = charted(client, alias, "email-audit-panel-false-hits-by-kind")
    found = {row["kind"]: (row["n"], row["reviewed"], row["wrong"], row["rate"]) for row in rows}
    assert found["news"] == (1, 1, 1, 1.0)
    assert found["alert"] == (2, 2, 0, 0.0)
    assert found["policy"] == (1, 0, 0, None)


def test_hits_without_a_date_are_on_no_chart_over_time(client: Elasticsearch, alias: str) -> None:
    rows = charted(client, alias, "email-audit-panel-officers-over-time")
    by_month: dict[str, int] = {}
    for row in rows:
        by_month[row["time"][:7]] = by_month.get(row["time"][:7], 0) + row["n"]
    assert by_month == {"2025-01": 3, "2025-02": 2, "2025-03": 1}  # the first lies in two mailboxes
