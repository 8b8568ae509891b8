"""Reading an Elasticsearch index: deep pages, points in time, extremes, and what can be wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from email_audit.errors import RunError, UserError
from email_audit.search.elasticsearch.connection import connect
from email_audit.search.elasticsearch.patience import Patience
from email_audit.search.elasticsearch.reading import Reader
from email_audit.search.embedded import EmbeddedIndex
from email_audit.search.interface import SearchIndex, SortKey
from email_audit.search.paging import every_hit, pages
from email_audit.settings import Settings
from tests.search.conformance import DOCUMENTS, NUMBERS, document
from tests.search.elasticsearch.indexing import drop_index, index_on, make_index
from tests.search.elasticsearch.servers import PRODUCT, answering

MANY = tuple(
    document(
        number,
        own_text=f"detainer {number % 7}",
        score=(number % 10) / 10,
        date=None
        if number % 5 == 0
        else datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number % 11),
    )
    for number in range(1, 251)
)
BY_SCORE = (SortKey("score", descending=True), SortKey("date", descending=True))


def reader(url: str, alias: str) -> Reader:
    """Give a reader that does not wait for a server that is away."""
    settings = Settings.create(workspace=Path("unused"), elasticsearch_url=url)
    return Reader(connect(settings), alias=alias, patience=Patience(url, limit_s=0))


@pytest.fixture(scope="module")
def many(elasticsearch_url: str) -> Iterator[SearchIndex]:
    with index_on(elasticsearch_url) as index:
        index.synchronise(MANY)
        yield index


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    index = EmbeddedIndex(tmp_path_factory.mktemp("index"))
    index.synchronise(MANY)
    return index


@pytest.mark.parametrize("size", [33, 100, 125, 240, 10_000])
def test_deep_pages_are_those_of_the_embedded_index(
    many: SearchIndex, embedded: SearchIndex, size: int
) -> None:
    ours, theirs = (
        [
            (page.total, [(hit.document, hit.sort) for hit in page.hits])
            for page in pages(index, "detainer -own_text:3", sort=BY_SCORE, size=size)
        ]
        for index in (embedded, many)
    )
    assert ours == theirs


def test_every_hit_comes_once_and_every_id_in_order(many: SearchIndex) -> None:
    assert sorted(hit.document.id for hit in every_hit(many, "*")) == sorted(hit.id for hit in MANY)
    assert list(many.ids()) == sorted(hit.id for hit in MANY)


def test_what_is_written_during_a_walk_is_not_seen_in_it(elasticsearch_url: str) -> None:
    with index_on(elasticsearch_url) as index:
        index.synchronise(MANY)
        walk = pages(index, "*", sort=BY_SCORE, size=60)
        first = next(walk)
        index.synchronise(replace(hit, score=1.0, subject="changed") for hit in MANY[:100])
        seen = [hit.document for page in (first, *walk) for hit in page.hits]
        assert sorted(seen, key=lambda hit: hit.id) == sorted(MANY, key=lambda hit: hit.id)
        assert index.search("subject:changed").total == 100


def test_a_walk_over_an_index_that_went_away_says_so(elasticsearch_url: str) -> None:
    with (
        Elasticsearch(elasticsearch_url) as client,
        index_on(elasticsearch_url) as index,
    ):
        index.synchronise(MANY)
        with reader(elasticsearch_url, index.alias).snapshot() as snapshot:
            assert snapshot.search("*").total == len(MANY)
            (name,) = client.indices.get_alias(name=index.alias)
            client.indices.delete(index=name)
            with pytest.raises(RunError, match="went away while it was read.*search again"):
                snapshot.search("*")


def test_patterns_for_more_words_than_the_server_takes_are_still_answered(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    words = " ".join(f"w{number}" for number in range(17_000))
    hits = [
        document(1, own_text=words),
        document(2, own_text="w1 x w17"),
        document(3, own_text="w8", quoted_text="w5 w17"),
    ]
    embedded = EmbeddedIndex(tmp_path)
    embedded.synchronise(hits)
    with index_on(elasticsearch_url) as on_server:
        on_server.synchronise(hits)
        for index in (embedded, on_server):
            assert found(index, "own_text:w*.w16999") == {1}
            assert found(index, "w*.w17") == {1, 3}
            assert found(index, "NOT w*.w17") == {2}


def found(index: SearchIndex, query: str) -> set[int]:
    return {NUMBERS[hit.document.id] for hit in every_hit(index, query)}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (" ".join(f"{number % 90 + 10}" for number in range(3300)), "stands for more words"),
        ("/(a|b)*a(a|b){200}/", "too complicated"),
    ],
    ids=["words", "pattern"],
)
def test_a_query_beyond_what_the_server_takes_is_refused(
    many: SearchIndex, query: str, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        many.search(query)


def test_what_kibana_asks_finds_the_same(elasticsearch_url: str) -> None:
    with (
        Elasticsearch(elasticsearch_url) as client,
        index_on(elasticsearch_url) as index,
    ):
        index.synchronise(DOCUMENTS)

        def asked(query: Mapping[str, Any]) -> set[int]:
            answer = client.search(index=index.alias, query=query, size=100)
            return {NUMBERS[hit["_id"]] for hit in answer["hits"]["hits"]}

        # The queries that KQL makes of: RÉSUMÉ; subject: "ICE on"; own_text: MUÑ*; and so on.
        for query, same in (
            (
                {"multi_match": {"query": "RÉSUMÉ", "type": "best_fields", "lenient": True}},
                "résumé",
            ),
            ({"match_phrase": {"subject": "ICE on"}}, 'subject:"ice on"'),
            ({"match_phrase": {"own_text": "to desk@hsi.example.gov"}}, 'own_text:"to desk@hsi"'),
            ({"match": {"own_text": "DESK@hsi.example.gov"}}, "own_text:desk@hsi.example.gov"),
            ({"query_string": {"fields": ["own_text"], "query": "MUÑ*"}}, "own_text:muñ*"),
            ({"match": {"kinds": "REQUEST"}}, "kinds:request"),
            ({"match": {"message_id": "<m7@Mail.example.gov>"}}, "message_id:m7@Mail.example.gov"),
            ({"exists": {"field": "attachment_text"}}, "_exists_:attachment_text"),
            ({"range": {"date": {"gte": "2025-03-01", "lt": "2025-04-01"}}}, "date:2025-03"),
            (
                {"nested": {"path": "signals", "query": {"match": {"signals.text": "NIÑO"}}}},
                "signals:niño",
            ),
        ):
            assert asked(query) == found(index, same) != set(), same


def test_a_search_before_the_first_index_names_the_command(elasticsearch_url: str) -> None:
    with pytest.raises(UserError, match="no index yet; run `email-audit index`"):
        reader(elasticsearch_url, "never-made").search("*")


def test_a_document_that_somebody_else_wrote_is_named(elasticsearch_url: str) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        alias = make_index(client, DOCUMENTS[:1])
        client.index(index=alias, id="by-hand", document={"subject": "alpha"}, refresh=True)
        with pytest.raises(RunError, match="document by-hand of index .* is none that this audit"):
            reader(elasticsearch_url, alias).search("alpha")
        drop_index(client, alias)


def test_an_index_of_another_version_is_not_asked(elasticsearch_url: str) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        alias = make_index(client)
        client.indices.put_mapping(index=alias, meta={"generation": 0, "sha256": "other"})
        with pytest.raises(UserError, match="another version; run `email-audit index`"):
            reader(elasticsearch_url, alias).search("*")
        drop_index(client, alias)


def test_a_bad_query_is_told_before_the_server_is_asked() -> None:
    with pytest.raises(UserError, match="query, position 7: 'colour' is not a field"):
        reader("http://127.0.0.1:1", "mail").search("alpha colour:red")


def test_a_server_that_is_not_there_is_named() -> None:
    with answering(lambda *_: (200, PRODUCT, {})) as url:
        pass
    with pytest.raises(RunError, match=f"{url}: Elasticsearch cannot be reached.*refused"):
        reader(url, "mail").search("*")


def test_wrong_credentials_are_told() -> None:
    refusal = (401, PRODUCT, {"error": {"type": "security_exception", "reason": "no"}})
    with (
        answering(lambda *_: refusal) as url,
        pytest.raises(UserError, match="does not accept the credentials"),
    ):
        next(reader(url, "mail").ids())
