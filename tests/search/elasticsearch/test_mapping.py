"""Elasticsearch cuts the same words as `analysis.py`, and refuses what is not in the mapping."""

import json
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import pytest
from elasticsearch import BadRequestError, Elasticsearch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from email_audit.messages.records import Address
from email_audit.search.analysis import keyword, tokens, value_tokens
from email_audit.search.elasticsearch.documents import from_source, to_source
from email_audit.search.elasticsearch.mapping import mapping_hash, mappings
from email_audit.search.fields import FIELDS, GENERATION, KeywordForm
from email_audit.search.interface import HitDocument
from email_audit.tagging.records import Signal
from tests.search.conformance import DOCUMENTS, document
from tests.search.elasticsearch.indexing import drop_index, make_index


@pytest.fixture(scope="module")
def client(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(elasticsearch_url) as client:
        yield client


@pytest.fixture(scope="module")
def alias(client: Elasticsearch) -> Iterator[str]:
    alias = make_index(client)
    yield alias
    drop_index(client, alias)


def server_words(
    client: Elasticsearch, alias: str, text: str | list[str], field: str = "own_text"
) -> set[tuple[str, int]]:
    found = client.indices.analyze(index=alias, field=field, text=text)
    return {(token["token"], token["position"]) for token in found["tokens"]}


def our_words(text: str) -> set[tuple[str, int]]:
    return {(token.text, token.position) for token in tokens(text)}


ENCODABLE = st.characters(exclude_categories=["Cs", "Cn"])  # Cn: a newer Java may know it
MAIL_LIKE = "abcXYZ019@@..--__+%'=& ,;<>\"éÑñßİıſΣςﬁ½¼２𝗜ー中\u0301\u0327Ж\n"


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.text(ENCODABLE, max_size=60),
            st.text(st.sampled_from(MAIL_LIKE), max_size=60),
            st.emails().map(lambda address: f"({address})."),
        ),
        max_size=6,
    ).map(" ".join)
)
def test_elasticsearch_cuts_the_same_words(client: Elasticsearch, alias: str, text: str) -> None:
    assert server_words(client, alias, text) == our_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1000 + " " + "ß" * 300,
        "a" * 70 + "@city.example.gov",
        "a." * 70 + "b@" + "c." * 70 + "gov",
        "a@b@c.d@e",
        "_@x __a__@b-_c.d_-.e",
        "'jane.o'neil+tag@x.org'",
        "no@@address @home me@ @@@",
        "a@" + "b" * 200 + ".c",
    ],
    ids=range(8),
)
def test_long_and_odd_addresses_are_cut_alike(client: Elasticsearch, alias: str, text: str) -> None:
    assert server_words(client, alias, text) == our_words(text)


def test_every_character_that_python_knows_is_taken_alike(
    client: Elasticsearch, alias: str
) -> None:
    known = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) not in {"Cn", "Co", "Cs"}
    ]
    for start in range(0, len(known), 4000):  # the server gives 10,000 words at most
        text = " ".join(f"a{char}b" for char in known[start : start + 4000])
        assert server_words(client, alias, text) == our_words(text)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(ENCODABLE, min_size=1, max_size=40))
def test_keywords_are_compared_alike(client: Elasticsearch, alias: str, text: str) -> None:
    for field, form in (
        ("kinds", KeywordForm.CASELESS),
        ("message_id", KeywordForm.MESSAGE_ID),
        ("thread", KeywordForm.EXACT),
    ):
        assert server_words(client, alias, text, field) == {(keyword(text, form), 0)}


def test_values_are_as_far_apart_as_in_the_embedded_index(
    client: Elasticsearch, alias: str
) -> None:
    values = ["one two", "...", "a@b.c three", "four"]
    ours = {(token.text, token.position) for token in value_tokens(values)}
    assert server_words(client, alias, values) == ours


def test_stems_are_found_in_sub_fields(client: Elasticsearch, alias: str) -> None:
    def stems(text: str, language: str) -> set[str]:
        return {word for word, _ in server_words(client, alias, text, f"own_text.{language}")}

    assert stems("detained detaining detains", "english") == {"detain"}
    assert stems("deportación deportaciones", "spanish") == stems("DEPORTACION", "spanish")


def test_a_field_that_is_not_in_the_list_is_refused(client: Elasticsearch, alias: str) -> None:
    for unknown in ({"colour": "red"}, {"signals": [{"colour": "red"}]}):
        with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
            client.index(index=alias, document=unknown)


def test_a_change_of_the_mapping_raises_the_generation() -> None:
    # Where this fails: raise GENERATION in fields.py, then write the new digest here.
    assert (GENERATION, mapping_hash()[:16]) == (2, "63d71aba5ba77872")


def test_every_documented_field_is_mapped_and_keywords_can_be_counted(
    client: Elasticsearch, alias: str
) -> None:
    answer = client.field_caps(index=alias, fields="*")
    for field in FIELDS:
        assert field.name in answer["fields"], field.name
    for field in FIELDS:
        if field.type == "keyword":
            assert answer["fields"][field.name]["keyword"]["aggregatable"], field.name


def test_the_mapping_says_its_generation(client: Elasticsearch, alias: str) -> None:
    (made,) = client.indices.get_mapping(index=alias).body.values()
    assert made["mappings"]["_meta"] == mappings()["_meta"]


UNUSUAL = document(
    99,
    message_id=" <odd\udc80@example.gov> ",
    subject="lone \udcff surrogate, NUL \x00, emoji \U0001f6a8",
    sources=("x" * 40_000, "short"),
    sender=Address("", "/O=CITY/CN=X"),
    to=(Address("No address", ""), Address("", "A@B.example."), Address("", "a@b.example.")),
    attachment_names=("", "b"),
    signals=(Signal("hold", 0, 4, "attachment:0", "asks"), Signal("", 0, 0, "subject", "asks")),
)


def test_equal_hits_give_equal_bytes() -> None:
    for hit in (*DOCUMENTS, UNUSUAL):
        assert to_source(hit) == to_source(replace(hit))
        assert "\\ud" not in to_source(hit).decode("utf-8")


@pytest.mark.parametrize("hit", DOCUMENTS, ids=range(1, len(DOCUMENTS) + 1))
def test_a_hit_is_read_back_from_its_source(hit: HitDocument) -> None:
    assert from_source(json.loads(to_source(hit))) == hit
