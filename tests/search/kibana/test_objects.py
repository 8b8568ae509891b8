"""The saved objects fit Kibana's shapes, each other, and the index."""

import copy
import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from email_audit.search.fields import FIELDS
from email_audit.search.kibana.build import object_set
from email_audit.search.kibana.data_views import HIDDEN, HITS, HITS_OVER_TIME, LABELS
from email_audit.search.kibana.objects import in_string
from tests.search.kibana.checks import all_faults
from tests.search.kibana.index_fields import index_fields
from tests.search.kibana.json_schema import Json
from tests.search.kibana.shapes import decoded

ALIAS = "email-audit-messages"
REVIEW_URL = "https://review.example/messages/{content_sha256}"


@pytest.fixture(name="objects")
def written() -> list[Json]:
    lines = object_set(ALIAS, REVIEW_URL).as_ndjson().decode().splitlines()
    return [json.loads(line) for line in lines]


def named(objects: list[Json], object_id: str) -> Json:
    return next(saved for saved in objects if saved["id"] == object_id)


def test_the_objects_have_no_faults(objects: list[Json]) -> None:
    assert all_faults(objects) == []
    assert {saved["type"] for saved in objects} == {
        "tag",
        "index-pattern",
        "search",
        "lens",
        "dashboard",
    }


def test_the_same_settings_give_the_same_bytes_and_others_give_others() -> None:
    once, again = object_set(ALIAS, REVIEW_URL), object_set(ALIAS, REVIEW_URL)
    assert once.as_ndjson() == again.as_ndjson()
    assert once.digest == again.digest
    other = object_set(ALIAS, "https://elsewhere.example/{content_sha256}")
    assert other.digest != once.digest
    assert once.digest in once.objects[0].attributes["description"]


def test_an_object_comes_after_those_that_it_refers_to(objects: list[Json]) -> None:
    seen: set[tuple[str, str]] = set()
    for saved in objects:
        assert {(link["type"], link["id"]) for link in saved["references"]} <= seen
        seen.add((saved["type"], saved["id"]))


def test_every_object_but_data_views_carries_the_tag(objects: list[Json]) -> None:
    for saved in objects:
        tagged = any(link["type"] == "tag" for link in saved["references"])
        assert tagged == (saved["type"] in ("search", "lens", "dashboard")), saved["id"]


def test_a_hash_leads_to_the_page_for_reviewers(objects: list[Json]) -> None:
    for view in (HITS, HITS_OVER_TIME):
        formats = decoded(named(objects, view))["fieldFormatMap"]
        assert formats["content_sha256"]["params"]["urlTemplate"] == (
            "https://review.example/messages/{{value}}"
        )
    without = json.loads(object_set(ALIAS).as_ndjson().decode().splitlines()[1])
    assert "content_sha256" not in decoded(without)["fieldFormatMap"]


def test_every_field_has_a_label_and_no_label_is_of_no_field() -> None:
    assert set(LABELS) == {field.name for field in FIELDS}


def test_what_repeats_other_fields_or_is_the_writers_own_is_hidden() -> None:
    shown = {
        name for name in index_fields() if not any(fnmatchcase(name, pattern) for pattern in HIDDEN)
    }
    assert shown == {name for name in index_fields() if "." not in name} | {
        "signals.text",
        "signals.label",
        "signals.part",
    }
    for pattern in HIDDEN:
        stored = {*index_fields(), "fingerprint", "envelope", "envelope.to"}
        assert any(fnmatchcase(name, pattern) for name in stored), pattern


def test_questions_are_asked_of_all_hits_also_undated_ones(objects: list[Json]) -> None:
    assert "timeFieldName" not in named(objects, HITS)["attributes"]
    for saved in objects:
        if saved["type"] == "search":
            assert HITS in {link["id"] for link in saved["references"]}


def test_parts_of_a_whole_are_drawn_only_of_fields_with_one_value(objects: list[Json]) -> None:
    for saved in objects:
        if saved["type"] == "lens" and saved["attributes"]["visualizationType"] == "lnsPie":
            [layer] = saved["attributes"]["state"]["datasourceStates"]["formBased"][
                "layers"
            ].values()
            buckets = [c["sourceField"] for c in layer["columns"].values() if c["isBucketed"]]
            assert buckets == ["review_state"]


def test_buckets_show_what_is_left_out_and_what_has_no_value(objects: list[Json]) -> None:
    terms = 0
    for saved in objects:
        if saved["type"] == "lens":
            for layer in saved["attributes"]["state"]["datasourceStates"]["formBased"][
                "layers"
            ].values():
                for column in layer["columns"].values():
                    if column["operationType"] == "terms":
                        terms += 1
                        assert column["params"]["otherBucket"]
                        assert column["params"]["missingBucket"]
    assert terms


def test_the_score_ranges_cover_everything_from_0_to_1_once(objects: list[Json]) -> None:
    scores = named(objects, "email-audit-panel-scores")
    layers = scores["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
    ranges = layers["hits"]["columns"]["score"]["params"]["ranges"]
    assert ranges[0]["from"] == 0
    assert ranges[-1]["to"] is None  # "to" is not included: 1 must have a place
    assert [part["to"] for part in ranges[:-1]] == [part["from"] for part in ranges[1:]]


def test_the_manual_for_investigators_names_every_object(
    repository: Path, objects: list[Json]
) -> None:
    manual = (repository / "docs" / "investigator.md").read_text(encoding="utf-8")
    for saved in objects:
        if saved["type"] != "tag":
            title = saved["attributes"].get("name") or saved["attributes"]["title"]
            assert title in manual, title


def set_column(saved: Json, column: str, **values: object) -> None:
    layers = saved["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
    layers["hits"]["columns"][column].update(values)


def in_json(saved: Json, key: str, change: Callable[[Json], None]) -> None:
    value = json.loads(saved["attributes"][key])
    change(value)
    saved["attributes"][key] = in_string(value)


def ask(saved: Json, kql: str) -> None:
    source = json.loads(saved["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    source["query"]["query"] = kql
    saved["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"] = in_string(source)


SEARCH = "email-audit-alerts"
CHART = "email-audit-panel-kinds-over-time"
TABLE = "email-audit-panel-correspondents"
RATE = "email-audit-panel-false-hits"
BOARD = "email-audit-overview"


@pytest.mark.parametrize(
    ("object_id", "spoil", "sentence"),
    [
        (SEARCH, lambda o: o["attributes"].update(tabs=[]), "'tabs' was unexpected"),
        (SEARCH, lambda o: o["attributes"].pop("title"), "'title' is a required property"),
        (SEARCH, lambda o: o["attributes"]["columns"].append("body"), "'body' is no field"),
        (SEARCH, lambda o: o["attributes"].update(sort=[["subject", "asc"]]), "cannot be sorted"),
        (SEARCH, lambda o: ask(o, "kinds : (alert"), "is not KQL"),
        (SEARCH, lambda o: ask(o, "kind : alert"), "'kind' in 'kind : alert' is no field"),
        (SEARCH, lambda o: ask(o, "kinds : alarm"), "is never 'alarm'"),
        (SEARCH, lambda o: ask(o, "review_state : not responsive"), "is not KQL"),
        (SEARCH, lambda o: ask(o, "signals.label : detainer"), "must be asked within 'signals'"),
        (SEARCH, lambda o: ask(o, "subject > 3"), "it has no range"),
        (SEARCH, lambda o: o["references"].pop(0), "nothing is referred to as"),
        (SEARCH, lambda o: o["references"][0].update(id="other"), "index-pattern other is not"),
        (SEARCH, lambda o: o["references"][0].update(name="other"), "other is not used"),
        (SEARCH, lambda o: o.update(typeMigrationVersion="10.15.0"), "another version"),
        (SEARCH, lambda o: o.update(id="email-audit-news"), "is there twice"),
        (HITS, lambda o: o["attributes"].update(titel="x"), "'titel' was unexpected"),
        (HITS, lambda o: in_json(o, "fieldAttrs", lambda v: v.pop("kinds")), "has no label"),
        (
            HITS,
            lambda o: in_json(o, "fieldFormatMap", lambda v: v.update(hash={"id": "number"})),
            "'hash' is no field",
        ),
        (CHART, lambda o: set_column(o, "split", sourceField="subject"), "has no buckets"),
        (CHART, lambda o: set_column(o, "split", sourceField="kind"), "'kind' is no field"),
        (CHART, lambda o: set_column(o, "time", sourceField="score"), "is no date"),
        (CHART, lambda o: set_column(o, "n", sourceField="kinds"), "counts 'kinds'"),
        (CHART, lambda o: set_column(o, "n", isBucketed=True), "count is no bucket"),
        (CHART, lambda o: o["references"][0].update(id=HITS), "follow a time range"),
        (
            CHART,
            lambda o: o["attributes"]["state"]["visualization"]["layers"][0].update(
                splitAccessor="m"
            ),
            "m is drawn and not there",
        ),
        (
            CHART,
            lambda o: o["attributes"]["state"]["visualization"]["layers"][0].pop("splitAccessor"),
            "split divides what is drawn",
        ),
        (
            CHART,
            lambda o: o["attributes"]["state"]["visualization"]["layers"][0].update(xAccessor="n"),
            "n is drawn as a bucket",
        ),
        (
            CHART,
            lambda o: o["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["hits"][
                "columnOrder"
            ].reverse(),
            "a bucket comes after a metric",
        ),
        (
            CHART,
            lambda o: o["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["hits"][
                "columnOrder"
            ].pop(),
            "columnOrder names other columns",
        ),
        (
            TABLE,
            lambda o: o["attributes"]["state"]["visualization"]["sorting"].update(columnId="m"),
            "sorting by m",
        ),
        (
            RATE,
            lambda o: set_column(
                o, "rateX0", filter={"query": "answered : no", "language": "kuery"}
            ),
            "says count",
        ),
        (
            BOARD,
            lambda o: in_json(o, "panelsJSON", lambda v: v[0]["gridData"].update(w=40)),
            "over",
        ),
        (
            BOARD,
            lambda o: in_json(o, "panelsJSON", lambda v: v[3]["gridData"].update(w=13)),
            "beyond",
        ),
        (BOARD, lambda o: in_json(o, "panelsJSON", lambda v: v[0].update(panelIndex="p9")), "p9"),
        (BOARD, lambda o: o["attributes"].pop("timeFrom"), "a time range is restored"),
        (BOARD, lambda o: o["attributes"].update(sections=[]), "'sections' was unexpected"),
        (
            BOARD,
            lambda o: o["attributes"]["controlGroupInput"].update(
                panelsJSON=o["attributes"]["controlGroupInput"]["panelsJSON"].replace(
                    "custodians", "own_text"
                )
            ),
            "lists no values",
        ),
    ],
)
def test_the_checks_find(
    objects: list[Json], object_id: str, spoil: Callable[[Json], object], sentence: str
) -> None:
    spoilt = copy.deepcopy(objects)
    spoil(named(spoilt, object_id))
    faults = all_faults(spoilt)
    assert any(sentence in fault for fault in faults), faults
