"""Each back end answers the table of queries alike: hits, order, pages, highlights and refusals."""

import html
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.errors import UserError
from email_audit.search.documents import search_contract, text_values
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.fields import HIGHLIGHTED
from email_audit.search.interface import RELEVANCE, SearchIndex, SortKey, SortValue
from tests.search.conformance import DOCUMENTS, NUMBERS, QUERIES, REFUSED
from tests.search.elasticsearch.indexing import index_on

BACK_ENDS = ("embedded", "elasticsearch")


@pytest.fixture(scope="module", params=BACK_ENDS)
def index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchIndex]:
    """The table's documents in each back end."""
    if request.param == "embedded":
        embedded = EmbeddedIndex(tmp_path_factory.mktemp("index"))
        embedded.synchronise(DOCUMENTS)
        yield embedded
        return
    url: str = request.getfixturevalue("elasticsearch_url")
    with index_on(url) as on_server:
        on_server.synchronise(DOCUMENTS)
        yield on_server


def found(index: SearchIndex, query: str) -> list[int]:
    return [NUMBERS[hit.document.id] for hit in index.search(query, size=100).hits]


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=[query for query, _ in QUERIES])
def test_a_query_finds_what_it_says_and_highlights_passages_of_it(
    index: SearchIndex, query: str, expected: set[int]
) -> None:
    page = index.search(query, size=100)
    assert {NUMBERS[hit.document.id] for hit in page.hits} == expected
    assert page.total == len(expected)
    for hit in page.hits:
        for field, passages in hit.highlights.items():
            assert field in HIGHLIGHTED
            for passage in passages:
                require_passage(passage, text_values(hit.document)[field][0])


def require_passage(passage: str, text: str) -> None:
    """Require escaped HTML with marked words, not too long, that stands in the text."""
    plain = passage.replace("<em>", "").replace("</em>", "")
    assert "<" not in plain
    assert re.fullmatch(r"([^<]*<em>[^<]+</em>)+[^<]*", passage)
    assert len(html.unescape(plain)) <= 160
    assert html.unescape(plain) in text


@pytest.mark.parametrize(("query", "message"), REFUSED, ids=[query for query, _ in REFUSED])
def test_a_query_that_is_not_valid_is_refused(index: SearchIndex, query: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        index.search(query)


def test_an_unknown_field_is_answered_with_the_list_of_fields(index: SearchIndex) -> None:
    with pytest.raises(UserError, match=r"attachment_names.*own_text.*subject"):
        index.search("colour:red")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("alpha AND (NOT charlie)", {13, 14, 15}),
        ("<desk@hsi.example.gov>", {3, 19, 24}),
        ("message_id:<m7@Mail.example.gov>", {7}),
        ("message_id:m2*", {2, *range(20, 30)}),
        (r"message_id:\<m2?@*\>", {*range(20, 30)}),
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
    index: SearchIndex, query: str, expected: set[int]
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
def test_any_query_gives_a_page_or_a_user_error(index: SearchIndex, query: str) -> None:
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
    index: SearchIndex, query: str
) -> None:
    try:
        index.search(query)
    except UserError as error:
        assert len(str(error)) < 30_000  # noqa: PT017


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
    index: SearchIndex, query: str, number: int, field: str, expected: str
) -> None:
    hit = next(h for h in index.search(query, size=100).hits if NUMBERS[h.document.id] == number)
    assert hit.highlights[field] == (expected,)


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
    index: SearchIndex, sort: tuple[SortKey, ...], query: str
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
    index: SearchIndex, descending: bool
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
def test_an_impossible_page_is_refused(index: SearchIndex, wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        index.search("*", **wrong)  # type: ignore[arg-type]


def test_a_page_of_no_hits_still_counts(index: SearchIndex) -> None:
    assert index.search("*", size=0).total == len(DOCUMENTS)


def test_the_contract_has_exactly_the_promised_keys(index: SearchIndex) -> None:
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
