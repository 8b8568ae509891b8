"""The pipeline's parts one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import SpanGroup
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from email_audit.errors import UserError
from email_audit.tagging.components.encoder import (
    ENCODER_FACTORY,
    MAX_TOKENS,
    Encoder,
    token_ids,
)
from email_audit.tagging.components.excerpts import excerpt, excerpt_text, most_telling
from email_audit.tagging.components.features import Adoption, adoption
from email_audit.tagging.components.gate import GATE_FACTORY, Gate, GateWeights
from email_audit.tagging.components.gram_table import POSITIVE, GramTable
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
from email_audit.tagging.tagger import SpacyTagger
from email_audit.tagging.version import pipeline_folder


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


def gate_weights() -> GateWeights:
    """A gate that knows an anchor and two words, one for and one against."""
    table = GramTable(
        labels=(POSITIVE,),
        words={"custody": 0, "softball": 1},
        rarity=np.ones(2),
        weights=np.array([[1.5], [-3.0]]),
        bias=np.array([-1.0]),
    )
    return GateWeights(frozenset({"detainer"}), table, threshold=0.0, worth_a_look=-1.0)


def test_the_gate_wants_a_strong_word_or_enough_weak_ones() -> None:
    gate = Gate(gate_weights())
    assert gate.passes("a DETAINER for softball")
    assert gate.passes("in custody")
    assert not gate.passes("custody of the softball bats")
    assert not gate.passes("nothing of the kind")
    lazy = Gate(replace(gate_weights(), worth_a_look=2.0))
    assert lazy.passes("a detainer")
    assert not lazy.passes("in custody")


def test_an_untrained_gate_lets_everything_pass() -> None:
    assert Gate().passes("lunch?")


def test_the_gate_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    gate = Gate(gate_weights())
    gate.to_disk(tmp_path)
    again = Gate().from_disk(tmp_path)
    assert again.weights.anchors == gate.weights.anchors
    assert again.weights.threshold == gate.weights.threshold
    assert again.weights.worth_a_look == gate.weights.worth_a_look
    for text in ("a detainer", "custody", "softball in custody", ""):
        assert again.odds(text) == gate.odds(text)


def test_the_encoder_is_the_same_after_writing_and_reading(
    tagger: SpacyTagger, tmp_path: Path
) -> None:
    known = spacy.load(pipeline_folder("en_email_audit")).get_pipe(ENCODER_FACTORY)
    assert isinstance(known, Encoder)
    known.to_disk(tmp_path)
    again = Encoder().from_disk(tmp_path)
    text = "he walks at nine, door on the alley, they have paper on him"
    assert again.odds(text, "") == known.odds(text, "")
    assert again.odds(text, "who is it for?") != again.odds(text, "")


def test_both_texts_get_their_share_of_the_encoders_room() -> None:
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    ids, types = token_ids(tokenizer, "a " * 500, "b " * 500)
    assert len(ids) == len(types) == MAX_TOKENS
    assert abs(ids.count(1) - ids.count(2)) <= 1
    ids, types = token_ids(tokenizer, "a a", "b " * 500)
    assert (ids.count(1), len(ids)) == (2, MAX_TOKENS)
    assert set(types[:4]) == {0}
    assert set(types[4:]) == {1}
    assert token_ids(tokenizer, "a", "") == ([101, 1, 102], [0, 0, 0])


def test_an_excerpt_of_a_long_text_is_its_most_telling_place(nlp: Language) -> None:
    doc = nlp.make_doc(
        " ".join(f"Line {number} says nothing at all today ." for number in range(90))
    )
    passages = split_passages(doc)
    scores = [0.1] * len(passages)
    scores[50] = 0.9
    doc.spans[PASSAGES] = SpanGroup(doc, name=PASSAGES, spans=passages, attrs={"scores": scores})
    chosen = excerpt([doc])
    assert passages[50].text in excerpt_text(chosen)
    assert 80 <= len(excerpt_text(chosen).split()) <= 150
    starts = [passage.start for passage in chosen]
    assert starts == sorted(starts)
    telling = most_telling(chosen, 3)
    assert len(telling) == 3
    assert passages[50].start in [passage.start for passage in telling]
    assert most_telling(telling, 3) == telling


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


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"police_life"}, Adoption.ORDINARY),
        ({"absent"}, Adoption.NONE),
        ({"absent", "police_life"}, Adoption.NONE),
        ({"absent", "agrees"}, Adoption.OPEN),
        ({"police_life", "agrees"}, Adoption.OPEN),
        (set(), Adoption.OPEN),
    ],
)
def test_only_an_absence_alone_is_never_an_answer(found: set[str], expected: Adoption) -> None:
    stances = {"police_life": Stance.AGAINST, "absent": Stance.ABSENT, "agrees": Stance.AGREES}
    lexicon = {name: _entry(name, stance=stance) for name, stance in stances.items()}
    assert adoption(found, lexicon) is expected
