"""Our reader of Kibana's query language reads what Kibana reads, and refuses what it refuses."""

import re
from pathlib import Path

import pytest

from tests.search.kibana.checks import query_faults
from tests.search.kibana.index_fields import index_fields
from tests.search.kibana.kql import Is, Joined, KqlError, Literal, Nested, Range, leaves, parse


def test_and_binds_closer_than_or() -> None:
    tree = parse("a : 1 or b : 2 and c : 3")
    assert isinstance(tree, Joined)
    assert tree.operator == "or"
    assert isinstance(tree.parts[1], Joined)
    assert tree.parts[1].operator == "and"


def test_a_list_of_values_is_asked_of_its_field() -> None:
    found = [leaf.value.value for _, leaf in leaves(parse("d : (x.gov or (y and not z))"))]
    assert found == ["x.gov", "y", "z"]


def test_words_without_a_field_are_one_value() -> None:
    assert parse("ice hold") == Is(None, Literal("ice hold"))


def test_quoted_words_and_wildcards_are_told_apart() -> None:
    assert parse('a : "b *"') == Is(Literal("a"), Literal("b *", quoted=True))
    assert parse("a : b*") == Is(Literal("a"), Literal("b*", wildcard=True))
    assert parse(r"a : b\*") == Is(Literal("a"), Literal("b*"))


def test_nested_objects_and_ranges() -> None:
    assert parse("s : { l : x }") == Nested(Literal("s"), Is(Literal("l"), Literal("x")))
    assert parse("d >= 2025-01-01") == Range(Literal("d"), ">=", Literal("2025-01-01"))


@pytest.mark.parametrize(
    "text",
    [
        "a :",
        "a : (b",
        "(a : b",
        "a : b or ",
        'a : "b',
        "a : not b",
        "a > ",
        "s : { }",
        "a:b)",
    ],
)
def test_what_is_no_kql_is_refused(text: str) -> None:
    with pytest.raises(KqlError):
        parse(text)


def test_an_empty_expression_asks_for_everything() -> None:
    assert parse("") is None


def test_every_example_in_the_manual_is_a_question_to_the_index(repository: Path) -> None:
    manual = (repository / "docs" / "investigator.md").read_text(encoding="utf-8")
    examples = [
        line
        for block in re.findall(r"```kql\n(.*?)```", manual, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(examples) >= 10
    for example in examples:
        assert list(query_faults(example, index_fields())) == []
