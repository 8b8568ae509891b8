"""Words, dates and sequences: the parts that the index is made of."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_audit.search.analysis import Token, tokens, value_tokens
from email_audit.search.dates import stretch
from email_audit.search.fields import FIELDS, fields_markdown
from email_audit.search.folding import fold
from email_audit.search.sequences import occurrences


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.one_of(st.text(), st.text(alphabet="ab.@-_' é<>+")))
def test_every_word_and_address_lies_where_it_says(text: str) -> None:
    previous = -1
    for token in tokens(text):
        assert token.text == fold(text[token.start : token.end])
        assert token.position in (previous, previous + 1)
        assert token.is_address == ("@" in text[token.start : token.end])
        previous = token.position


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Can't stop", ["can", "t", "stop"]),
        ("CAFE\u0301", ["cafe"]),
        ("<Jane.O'Neil+x@Example.org>,", ["jane", "jane.o'neil+x@example.org"]),
        ("no@@address", ["no", "address"]),
        ("op_plan-v2", ["op", "plan", "v2"]),
    ],
)
def test_words_are_letters_and_digits_and_addresses_stay_whole(
    text: str, expected: list[str]
) -> None:
    assert [token.text for token in tokens(text)][: len(expected)] == expected


def test_values_of_one_field_are_too_far_apart_for_a_phrase() -> None:
    first, second = value_tokens(["a", "b"])
    assert second.position - first.position >= 100


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01", 86_400_000),
        ("1970-01-01T00:00", 60_000),
        ("1970-01-01T00:00:00", 1000),
        ("1970-01-01T00:00:00.000", 1),
        ("1970-01-01T00:00:00.123456Z", 1),
        ("1970-02", 28 * 86_400_000),
        ("1972", 366 * 86_400_000),
    ],
)
def test_a_date_is_as_long_as_its_precision(text: str, milliseconds: int) -> None:
    start, end = stretch(text)
    assert end - start == milliseconds


def test_a_zone_moves_a_date_to_utc() -> None:
    assert stretch("1970-01-01T00:00:00-05:00")[0] == 5 * 3_600_000
    assert stretch("1970-01-01T05:30:00+0530")[0] == 0


@given(st.one_of(st.text(max_size=30), st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d(Z|[+-]\d{4})?")))
def test_anything_else_is_no_date(text: str) -> None:
    try:
        start, end = stretch(text)
    except ValueError:
        return
    assert start < end


def _brute_force(words: list[str], phrase: list[str], slop: int) -> bool:
    places = [[p for p, word in enumerate(words) if word == wanted] for wanted in phrase]
    return any(
        len(set(chosen)) == len(chosen)
        and max(p - i for i, p in enumerate(chosen)) - min(p - i for i, p in enumerate(chosen))
        <= slop
        for chosen in itertools.product(*places)
    )


@given(
    st.lists(st.sampled_from("abcd"), max_size=8),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_a_sequence_is_found_exactly_where_lucene_defines_it(
    words: list[str], phrase: list[str], slop: int
) -> None:
    found = [Token(word, place, place + 1, place) for place, word in enumerate(words)]
    terms = [frozenset({word}) for word in phrase]
    assert any(occurrences(found, terms, slop)) == _brute_force(words, phrase, slop)


def test_the_table_of_fields_names_every_field_once() -> None:
    table = fields_markdown()
    assert all(table.count(f"| `{field.name}` |") == 1 for field in FIELDS)
    assert len({field.name for field in FIELDS}) == len(FIELDS)
