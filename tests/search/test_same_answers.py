"""Both back ends give the same messages for any query: random queries over random documents."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.errors import UserError
from email_audit.messages.records import Address
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.interface import HitDocument, SearchIndex
from email_audit.tagging.records import Signal
from tests.search.conformance import document
from tests.search.elasticsearch.indexing import index_on

WORDS = ("ice", "ICE", "iec", "hold", "holds", "held", "señor", "niño", "nino", "10-178", "a", "b")
PEOPLE = ("Ana Ruíz <ana.ruiz@nypd.example.gov>", "ana.ruiz@nypd.example.gov", "<desk@hsi.gov>")
TEXT_FIELDS = ("subject", "own_text", "quoted_text", "attachment_names", "from", "to", "signals")
KEYWORD_FIELDS = ("kinds", "people", "domains", "signal_labels", "thread", "message_id", "answered")
FIRST_DAY = datetime(2025, 3, 1, tzinfo=UTC)


def _documents() -> Iterator[HitDocument]:
    """Give sixty documents of few words, so that random queries find some of them."""
    chance = random.Random(7)

    def words(most: int) -> str:
        return " ".join(chance.choices((*WORDS, *PEOPLE), k=chance.randint(0, most)))

    def people() -> tuple[Address, ...]:
        known = (
            Address("Ana Ruíz", "Ana.Ruiz@nypd.example.gov"),
            Address("", "desk@hsi.gov"),
            Address("Señor Niño", ""),
        )
        return tuple(chance.sample(known, chance.randint(0, 3)))

    for number in range(1000, 1060):
        yield document(
            number,
            message_id=chance.choice([None, f"<m{number % 7}@x.gov>"]),
            date=chance.choice([None, FIRST_DAY + timedelta(hours=chance.randint(0, 99))]),
            sender=(*people(), None)[0],
            to=people(),
            subject=words(4),
            own_text=words(12),
            quoted_text=words(6),
            attachment_names=tuple(words(2) or "x" for _ in range(chance.randint(0, 3))),
            kinds=tuple(chance.sample(("request", "Custody", "niño"), chance.randint(0, 2))),
            score=chance.randint(0, 100) / 100,
            signals=tuple(
                Signal(words(3), 0, 1, "own_text", chance.choice(["Asks", "holds"]))
                for _ in range(chance.randint(0, 3))
            ),
            is_answered=chance.random() < 0.5,
            thread=chance.choice([None, "t1", "T1"]),
        )


DOCUMENTS = tuple(_documents())

_WORD = st.sampled_from([*WORDS, "ana.ruiz@nypd.example.gov", "hsi.gov", "ruiz", "x", "178"])
_PHRASE = st.tuples(st.lists(_WORD, min_size=1, max_size=4), st.integers(0, 6)).map(
    lambda parts: f'"{" ".join(parts[0])}"' + (f"~{parts[1]}" if parts[1] else "")
)
_WILDCARD = st.text("abceiorsn*?1-", min_size=1, max_size=5).map(lambda text: f"i{text}")
_FUZZY = st.tuples(st.sampled_from(["iec", "hodl", "helds", "niñoo", "ic", "a"]), st.integers(0, 2))
_REGEX = st.recursive(
    st.sampled_from([*"iceholdsnño178@.", r"\.", "[a-e]", "[^n-z]", "[éñ1]", r"\d", r"\W", "ICE"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda options: f"({'|'.join(options)}|)"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}"])).map(
            lambda parts: f"(?:{parts[0]}){parts[1]}"
        ),
    ),
    max_leaves=6,
)
_TEXT = st.one_of(
    _WORD,
    _PHRASE,
    _WILDCARD,
    _FUZZY.map(lambda parts: f"{parts[0]}~{parts[1]}"),
    _REGEX.map(lambda text: f"/{text}/"),
)
_VALUE = st.one_of(
    st.sampled_from(["request", "CUSTODY", "nino", "niñ*", "t1", "T?", "desk@hsi.gov", "*.gov"]),
    st.sampled_from(["asks", "yes", "no", "/m[0-3]@.*/", '"<m3@x.gov>"', "m?@x.gov", "hodls~2"]),
)
_DAY = st.integers(1, 5).map(lambda day: f"2025-03-{day:02}")
_RANGE = st.one_of(
    st.tuples(st.sampled_from("[{"), _DAY, _DAY, st.sampled_from("]}")).map(
        lambda parts: f"date:{parts[0]}{parts[1]} TO {parts[2]}{parts[3]}"
    ),
    st.tuples(st.sampled_from([">", ">=", "<", "<="]), st.integers(0, 10)).map(
        lambda parts: f"score:{parts[0]}{parts[1] / 10}"
    ),
    st.sampled_from([*TEXT_FIELDS, *KEYWORD_FIELDS, "date", "bcc"]).map(
        lambda field: f"_exists_:{field}"
    ),
)
_CLAUSE = st.one_of(
    _TEXT,
    st.tuples(st.sampled_from(TEXT_FIELDS), _TEXT).map(":".join),
    st.tuples(st.sampled_from(KEYWORD_FIELDS), _VALUE).map(":".join),
    _RANGE,
)
QUERIES = st.recursive(
    _CLAUSE,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " NOT ", " "]), inner).map("".join),
        st.lists(st.tuples(st.sampled_from(["+", "-", ""]), inner).map("".join), min_size=2).map(
            " ".join
        ),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, st.integers(0, 9)).map(lambda parts: f"({parts[0]})^{parts[1]}"),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def both(
    elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SearchIndex, SearchIndex]]:
    embedded = EmbeddedIndex(tmp_path_factory.mktemp("index"))
    embedded.synchronise(DOCUMENTS)
    with index_on(elasticsearch_url) as on_server:
        on_server.synchronise(DOCUMENTS)
        yield embedded, on_server


def answer(index: SearchIndex, query: str) -> object:
    try:
        page = index.search(query, size=100)
    except UserError as error:
        return str(error)
    assert page.total == len(page.hits)
    return {hit.document.id: hit.highlights for hit in page.hits}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(QUERIES)
def test_random_queries_find_the_same_messages_and_passages(
    both: tuple[SearchIndex, SearchIndex], query: str
) -> None:
    embedded, on_server = both
    assert answer(embedded, query) == answer(on_server, query)


def test_documents_come_back_the_same(both: tuple[SearchIndex, SearchIndex]) -> None:
    embedded, on_server = both
    ours = {hit.document for hit in embedded.search("*", size=100).hits}
    assert {hit.document for hit in on_server.search("*", size=100).hits} == ours == {*DOCUMENTS}
    assert list(on_server.ids()) == list(embedded.ids())
