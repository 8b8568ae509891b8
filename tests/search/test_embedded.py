"""The embedded index: its answers, highlights, order, and what survives a crash."""

import html
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.errors import RunError, UserError
from email_audit.search.documents import as_json, from_json, search_contract, text_values
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.fields import GENERATION, HIGHLIGHTED
from email_audit.search.interface import (
    RELEVANCE,
    HitDocument,
    IndexChange,
    SearchHit,
    SortKey,
    SortValue,
)
from tests.search.conformance import DOCUMENTS, QUERIES, REFUSED, document, identifier

NUMBERS = {identifier(number): number for number in range(1, 26)}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedIndex:
    index = EmbeddedIndex(tmp_path_factory.mktemp("index"))
    index.synchronise(DOCUMENTS)
    return index


def found(index: EmbeddedIndex, query: str) -> list[int]:
    return [NUMBERS[hit.document.id] for hit in index.search(query, size=100).hits]


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=[query for query, _ in QUERIES])
def test_a_query_finds_what_it_says(index: EmbeddedIndex, query: str, expected: set[int]) -> None:
    page = index.search(query, size=100)
    assert {NUMBERS[hit.document.id] for hit in page.hits} == expected
    assert page.total == len(expected)


@pytest.mark.parametrize(("query", "message"), REFUSED, ids=[query for query, _ in REFUSED])
def test_a_query_that_is_not_valid_is_refused(
    index: EmbeddedIndex, query: str, message: str
) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        index.search(query)


def test_an_unknown_field_is_answered_with_the_list_of_fields(index: EmbeddedIndex) -> None:
    with pytest.raises(UserError, match=r"attachment_names.*own_text.*subject"):
        index.search("colour:red")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alpha AND (NOT charlie)", {13, 14, 15}),
        ("<desk@hsi.example.gov>", {3, 19, 24}),
        ("message_id:<m7@Mail.example.gov>", {7}),
        ("message_id:m2*", {2, 20, 21, 22, 23, 24, 25}),
        (r"message_id:\<m2?@*\>", {20, 21, 22, 23, 24, 25}),
        ("'alpha bravo'", {13, 14, 15, 16, 17, 18}),
        ("own_text:can't*", {2}),
        ("10-17*", {10, 11}),
        ('subject:alpha"bravo charlie"', {13, 14, 15, 16, 17, 18}),
        ("/a/b", {12}),
        ("date:2025-03-15T06:30:15-04:00", {20}),
        ("own_text:cant't~1", {2}),
        ('"..."', set()),
        ("alpha AND §", {13, 14, 15, 16, 18}),
    ],
)
def test_ordinary_input_beyond_lucene_is_understood(
    index: EmbeddedIndex, query: str, expected: set[int]
) -> None:
    assert set(found(index, query)) == expected


PIECES = (
    "alpha",
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    '"',
    "~",
    "^2",
    "date:",
    "subject:",
    "*",
    "{1",
    "TO",
    ">",
    "-",
    "+",
    "/a|b/",
    "?",
    "]",
    " ",
    "\\",
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="ab \"'()[]{}:/\\^~*?!+-&|<>=.,@0123TO", max_size=30),
        st.lists(
            st.sampled_from(PIECES),
            max_size=12,
        ).map("".join),
    )
)
def test_any_query_gives_a_page_or_a_user_error(index: EmbeddedIndex, query: str) -> None:
    try:
        page = index.search(query, size=3)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert 0 <= len(page.hits) <= page.total <= len(DOCUMENTS)


ABSURD = (
    "(" * 3000,
    "(" * 80 + "a" + ")" * 80,
    "a^2" * 3000,
    "NOT " * 2000 + "a",
    "a " * 4000,
    "subject:" * 1000 + "a",
    "a" * 10_001,
    '"' + "a " * 4000 + '"~50',
    "/(.*a){999}/",
    "a^9999999",
)


@pytest.mark.parametrize("query", ABSURD, ids=range(len(ABSURD)))
def test_a_query_of_absurd_size_gives_a_page_or_a_user_error(
    index: EmbeddedIndex, query: str
) -> None:
    try:
        index.search(query)
    except UserError as error:
        assert len(str(error)) < 30_000  # noqa: PT017


def highlights(index: EmbeddedIndex, query: str) -> Iterator[tuple[SearchHit, str, str]]:
    for hit in index.search(query, size=100).hits:
        for field, passages in hit.highlights.items():
            for passage in passages:
                yield hit, field, passage


@pytest.mark.parametrize("query", [query for query, _ in QUERIES])
def test_highlights_are_escaped_passages_of_the_field(index: EmbeddedIndex, query: str) -> None:
    for hit, field, passage in highlights(index, query):
        assert field in HIGHLIGHTED
        plain = passage.replace("<em>", "").replace("</em>", "")
        assert "<" not in plain
        assert re.fullmatch(r"([^<]*<em>[^<]+</em>)+[^<]*", passage)
        assert len(html.unescape(plain)) <= 160
        assert html.unescape(plain) in text_values(hit.document)[field][0]


@pytest.mark.parametrize(
    ("query", "number", "field", "expected"),
    [
        ("detainer", 1, "subject", "<em>Detainer</em> request for Monday"),
        ("immigra*", 6, "own_text", "<em>immigration</em> status check"),
        ("imigration~1", 6, "own_text", "<em>immigration</em> status check"),
        ("/immigra.*/", 6, "own_text", "<em>immigration</em> status check"),
        ('"immigration check"~1', 6, "own_text", "<em>immigration</em> status <em>check</em>"),
        ("tags more", 12, "own_text", "A/B test &amp; <em>more</em> &lt;<em>tags</em>&gt;"),
        ("resume", 5, "subject", "<em>Résumé</em> of the naïve plan"),
        ("alpha AND NOT echo", 14, "subject", "<em>alpha</em> bravo"),
        ("subject:alpha bravo", 14, "subject", "<em>alpha</em> <em>bravo</em>"),
        (
            "desk@hsi.example.gov",
            19,
            "own_text",
            "Write to <em>desk@hsi.example.gov</em> or dial 555-0100.",
        ),
        (
            "can't",
            2,
            "own_text",
            "We <em>can</em>&#x27;<em>t</em> hold anyone on a civil detainer.",
        ),
    ],
)
def test_what_matched_is_marked(
    index: EmbeddedIndex, query: str, number: int, field: str, expected: str
) -> None:
    hit = next(h for h in index.search(query, size=100).hits if NUMBERS[h.document.id] == number)
    assert hit.highlights[field] == (expected,)


def test_a_phrase_is_marked_only_where_its_words_stand_together(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text="hold on. " + "x " * 100 + "hold the line")])
    (hit,) = index.search('"hold the line"').hits
    (passage,) = hit.highlights["own_text"]
    assert passage.endswith("<em>hold</em> <em>the</em> <em>line</em>")


def test_a_pattern_for_more_words_than_tantivy_expands_is_still_answered(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    words = " ".join(f"w{number}" for number in range(17_000))
    index.synchronise([document(1, own_text=words), document(2, own_text="w1 x w17")])
    assert [hit.document.id for hit in index.search("own_text:w*.w16999").hits] == [identifier(1)]


def test_matches_far_apart_give_several_passages(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text=("detainer " + "word " * 100) * 9)])
    (hit,) = index.search("detainer").hits
    assert len(hit.highlights["own_text"]) == 3


def test_a_word_longer_than_a_passage_is_cut(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise([document(1, own_text="a" * 200 + " b")])
    (hit,) = index.search("aaa*").hits
    assert hit.highlights["own_text"] == (f"<em>{'a' * 160}</em>",)


@pytest.mark.parametrize(
    ("sort", "query"),
    [
        ((), "alpha bravo charlie"),
        ((SortKey("date"),), "*"),
        ((SortKey("date", descending=True),), "*"),
        ((SortKey("score", descending=True), SortKey("date")), "*"),
        ((SortKey(RELEVANCE, descending=True), SortKey("date")), "detainer alpha"),
    ],
)
def test_paging_visits_every_hit_once_in_order(
    index: EmbeddedIndex, sort: tuple[SortKey, ...], query: str
) -> None:
    whole = [hit.document.id for hit in index.search(query, sort=sort, size=100).hits]
    paged: list[str] = []
    after: tuple[SortValue, ...] | None = None
    while True:
        page = index.search(query, sort=sort, size=2, search_after=after)
        assert page.total == len(whole)
        if not page.hits:
            break
        paged += [hit.document.id for hit in page.hits]
        after = page.hits[-1].sort
    assert paged == whole
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize("descending", [False, True])
def test_documents_without_a_date_come_last_and_ties_go_by_id(
    index: EmbeddedIndex, descending: bool
) -> None:
    hits = index.search("*", sort=[SortKey("date", descending)], size=100).hits
    dated = [hit.document.date for hit in hits if hit.document.date]
    assert dated == sorted(dated, reverse=descending)
    undated = [hit.document.id for hit in hits[len(dated) :]]
    assert undated == sorted(undated)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": [SortKey("subject")]},
        {"sort": [SortKey("colour")]},
        {"size": -1},
        {"search_after": ("a",)},
        {"search_after": ("a", "b")},
        {"search_after": (1.0, "not hexadecimal")},
    ],
)
def test_an_impossible_page_is_refused(index: EmbeddedIndex, wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        index.search("*", **wrong)  # type: ignore[arg-type]


def test_a_page_of_no_hits_still_counts(index: EmbeddedIndex) -> None:
    assert index.search("*", size=0).total == len(DOCUMENTS)


def test_the_contract_has_exactly_the_promised_keys(index: EmbeddedIndex) -> None:
    hit = index.search("refusal OR kinds:refusal").hits[0]
    record = search_contract(hit)
    assert list(record) == [
        "message_id",
        "custodians",
        "date",
        "from",
        "to",
        "subject",
        "kinds",
        "score",
        "thread",
        "highlights",
    ]
    assert record["from"] == {"name": "Ana Ruíz", "address": "ana.ruiz@police.example.gov"}
    assert record["to"] == [{"name": "Dale Brandt", "address": "dale.brandt@ice.example.gov"}]
    assert record["date"] == "2025-03-01T23:59:59.500000Z"


@pytest.mark.parametrize("original", DOCUMENTS, ids=range(1, 26))
def test_a_document_is_read_back_as_it_was_written(original: HitDocument) -> None:
    assert from_json(as_json(original)) == original


def stamp(folder: Path) -> int:
    return (folder / f"v{GENERATION}" / "meta.json").stat().st_mtime_ns


def test_synchronising_twice_changes_nothing(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    assert index.synchronise(DOCUMENTS) == IndexChange(25, 0, 0)
    before = stamp(tmp_path)
    assert index.synchronise(reversed(DOCUMENTS)) == IndexChange(0, 0, 25)
    assert stamp(tmp_path) == before


def test_synchronising_writes_what_changed_and_removes_what_is_gone(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise(DOCUMENTS)
    changed = replace(DOCUMENTS[0], subject="renamed")
    assert index.synchronise((changed, *DOCUMENTS[2:])) == IndexChange(1, 1, 23)
    assert found(index, "renamed") == [1]
    assert found(index, "subject:detainer") == []
    assert sorted(index.ids()) == list(index.ids()) == sorted({*NUMBERS} - {identifier(2)})
    assert index.synchronise((changed, *DOCUMENTS[2:])) == IndexChange(0, 0, 24)


def test_a_reader_opened_before_sees_the_next_state(tmp_path: Path) -> None:
    writer, reader = EmbeddedIndex(tmp_path), EmbeddedIndex(tmp_path)
    writer.synchronise(DOCUMENTS[:1])
    assert reader.search("*").total == 1
    writer.synchronise(DOCUMENTS)
    assert reader.search("*").total == 25


def test_an_index_may_be_empty(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    assert index.synchronise(()) == IndexChange(0, 0, 0)
    assert index.search("*").total == 0


def test_a_document_given_twice_is_a_mistake_and_changes_nothing(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)
    index.synchronise(DOCUMENTS[:1])
    with pytest.raises(ValueError, match="given twice"):
        index.synchronise((*DOCUMENTS, DOCUMENTS[0]))
    assert index.search("*").total == 1


def test_without_an_index_the_command_that_builds_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="email-audit index"):
        EmbeddedIndex(tmp_path / "none").search("*")


def test_an_index_of_another_generation_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "v0").mkdir()
    index = EmbeddedIndex(tmp_path)
    with pytest.raises(UserError, match="email-audit index"):
        index.search("*")
    index.synchronise(DOCUMENTS)
    assert not (tmp_path / "v0").exists()
    assert index.search("*").total == 25


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "blank"])
@pytest.mark.parametrize(
    "name", ["meta.json", "*.idx", "*.pos", "*.term", "*.store", "*.fast", "*.fieldnorm"]
)
def test_a_damaged_file_is_noticed_and_the_index_built_anew(
    tmp_path: Path, name: str, damage: str
) -> None:
    EmbeddedIndex(tmp_path).synchronise(DOCUMENTS[:3])
    (path,) = (tmp_path / f"v{GENERATION}").glob(name)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 3] ^= 0x10
    elif damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "blank":
        content = bytearray(len(content))
    path.write_bytes(content)
    if damage == "remove":
        path.unlink()
    index = EmbeddedIndex(tmp_path)
    with pytest.raises(RunError, match="email-audit index"):
        index.search("*")
    assert index.synchronise(DOCUMENTS) == IndexChange(25, 0, 0)
    assert index.search("*").total == 25


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path)

    def documents() -> Iterator[HitDocument]:
        yield DOCUMENTS[0]
        with pytest.raises(RunError, match="another run"):
            EmbeddedIndex(tmp_path).synchronise(DOCUMENTS)

    assert index.synchronise(documents()).written == 1


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.search.conformance import DOCUMENTS, document
from email_audit.search.embedded import EmbeddedIndex

def documents():
    for number in range(100, 500):
        yield document(number, own_text="new " + "filler " * 100)
    os.kill(os.getpid(), signal.SIGKILL)

EmbeddedIndex(Path(sys.argv[1])).synchronise(documents())
"""


@pytest.mark.parametrize("existing", [True, False])
def test_a_synchronise_killed_half_way_leaves_the_state_before(
    tmp_path: Path, existing: bool
) -> None:
    index = EmbeddedIndex(tmp_path)
    if existing:
        index.synchronise(DOCUMENTS)
    here = str(Path(__file__).parent)
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), here], check=False, env={**os.environ}
    )
    assert process.returncode == -signal.SIGKILL
    fresh = EmbeddedIndex(tmp_path)
    if existing:
        assert fresh.search("*").total == 25
        assert fresh.synchronise(DOCUMENTS) == IndexChange(0, 0, 25)
    else:
        with pytest.raises(UserError, match="email-audit index"):
            fresh.search("*")
        assert fresh.synchronise(DOCUMENTS) == IndexChange(25, 0, 0)
