"""The pipeline's parts one by one."""

from pathlib import Path

import pytest
import spacy
from spacy.language import Language

from email_audit.errors import UserError
from email_audit.tagging.components.gate import GATE_FACTORY, Gate, GateWeights
from email_audit.tagging.components.lexicon import (
    Entry,
    Stance,
    expand,
    read_lexicon,
    write_lexicon,
)
from email_audit.tagging.components.passages import PASSAGES, split_passages
from email_audit.tagging.components.rules import RULES, RULES_FACTORY, RuleSignals
from email_audit.tagging.records import Kind


def _entry(concept: str, *patterns: str, stance: Stance = Stance.FOR, exact: bool = False) -> Entry:
    return Entry(concept, concept, stance, (Kind.CUSTODY,), 1.0, patterns, "test", exact)


def _found(nlp: Language, text: str, *entries: Entry) -> list[tuple[str, str]]:
    rules = RuleSignals(nlp, entries)
    doc = nlp.make_doc(text)
    doc.spans[PASSAGES] = split_passages(doc)
    return [(span.label_, span.text) for span in rules(doc).spans[RULES]]


@pytest.fixture(scope="module")
def nlp() -> Language:
    return spacy.blank("en")


def test_a_pattern_expands_into_its_alternatives() -> None:
    assert expand("hold him|her .. until") == [["hold him", "hold her"], ["until"]]
    assert expand("no _|open case") == [["no case", "no open case"]]


def test_phrases_are_found_whatever_their_case(nlp: Language) -> None:
    assert _found(nlp, "A Final Order.", _entry("order", "final order")) == [
        ("order", "Final Order")
    ]


def test_an_exact_entry_tells_the_agency_from_frozen_water(nlp: Language) -> None:
    assert _found(nlp, "ice and ICE", _entry("agency", "ICE", exact=True)) == [("agency", "ICE")]


def test_a_gap_bridges_five_words_of_one_passage_and_no_more(nlp: Language) -> None:
    entry = _entry("hold", "hold him .. until")
    assert _found(nlp, "hold him at the desk until four", entry)
    assert not _found(nlp, "hold him at the front desk of the house until four", entry)
    assert not _found(nlp, "you must hold him there now.\n\nuntil four", entry)


def test_a_longer_reading_in_another_sense_takes_the_word_away(nlp: Language) -> None:
    against = _entry("other", "snow removal", stance=Stance.AGAINST)
    found = _found(nlp, "snow removal and removal", _entry("removal", "removal"), against)
    assert found == [("other", "snow removal"), ("removal", "removal")]


def test_passages_end_at_sentences_and_list_lines(nlp: Language) -> None:
    doc = nlp.make_doc("He leaves for work at five every day. Bring coffee\nGOMEZ\nPEREZ")
    assert [span.text for span in split_passages(doc)] == [
        "He leaves for work at five every day.",
        "Bring coffee",
        "GOMEZ",
        "PEREZ",
    ]


def test_an_empty_text_has_no_passages(nlp: Language) -> None:
    assert split_passages(nlp.make_doc("")) == []
    assert split_passages(nlp.make_doc(" \n ")) == []


def test_the_gate_wants_a_word_of_the_topic_or_a_strong_one() -> None:
    gate = Gate(
        GateWeights(
            anchors=frozenset({"detainer"}),
            topic=frozenset({"custody"}),
            words={"softball": -3.0},
            bias=-1.0,
            threshold=-2.0,
        )
    )
    assert gate.passes("a DETAINER for softball")
    assert gate.passes("in custody")
    assert not gate.passes("custody of the softball bats")
    assert not gate.passes("nothing of the kind")


def test_the_gate_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    weights = GateWeights(frozenset({"a"}), frozenset({"b"}), {"c": 0.5}, -1.0, -2.0)
    Gate(weights).to_disk(tmp_path)
    assert Gate().from_disk(tmp_path).weights == weights


def test_the_lexicon_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    entries = (_entry("one", "a|b .. c"), _entry("two", "ICE", exact=True))
    write_lexicon(tmp_path / "lexicon.jsonl", entries)
    assert read_lexicon(tmp_path / "lexicon.jsonl") == entries


def test_a_faulty_lexicon_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.jsonl"
    path.write_text('{"concept": "one"}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"lexicon\.jsonl, line 1"):
        read_lexicon(path)


def test_the_factories_are_found_without_an_import_of_ours(repository: Path) -> None:
    lexicon = read_lexicon(repository / "nlp" / "lexicon" / "lexicon.jsonl")
    pipeline = spacy.blank("en")
    rules = pipeline.add_pipe(RULES_FACTORY)
    assert isinstance(rules, RuleSignals)
    rules.use(lexicon)
    assert len(rules.by_concept) == len(lexicon)
    assert isinstance(pipeline.add_pipe(GATE_FACTORY), Gate)
