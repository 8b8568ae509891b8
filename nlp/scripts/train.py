"""Builds the pipeline from the corpus and the lexicon alone: `python scripts/train.py OUTPUT`.

The part "train" gives every component its weights; those of gate and judge are fitted to scores of
classifiers that have not seen the message (cross-fitting by storyline). The part "dev", by other
writers, decides how judge and encoder are put together, and the thresholds. "test" is never read.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import spacy
from spacy.language import Language
from threadpoolctl import threadpool_limits

from classifying import fit_grams
from corpus import PROJECT, of_part, read_corpus
from email_audit.tagging.components.encoder import ENCODER_FACTORY, Encoder
from email_audit.tagging.components.excerpts import excerpt, excerpt_text
from email_audit.tagging.components.gate import GATE_FACTORY, Gate
from email_audit.tagging.components.grams import GRAMS_FACTORY, Grams
from email_audit.tagging.components.judge import JUDGE_FACTORY, Judge
from email_audit.tagging.components.lexicon import Entry, read_lexicon
from email_audit.tagging.components.rules import RULES_FACTORY, RuleSignals
from email_audit.tagging.learning.closing import UNTRAINED, fit_closing
from email_audit.tagging.learning.labels import FOLDS, Labelled
from email_audit.tagging.records import Kind
from email_audit.tagging.tagger import SpacyTagger
from fine_tuning import Example, Plan, fine_tune
from fitting import Evidence, find_evidence, fit_judge
from gating import fit_gate

VERSION = "0.2.0"

READ_FROM = 0.0474
"""The judge's probability (log-odds of -3) from which the encoder reads a message; answers always.

Below it lie messages without a word of police, courts, federal agents or migrants: two fifths of
strange everyday mail, and of the hits of the part "dev" one in sixteen.
"""

NOISE_SHARE = 0.2
NOISE = 0.04
NOISE_SEED = 11
"""Of the examples, this share has about four letters in a hundred wrong."""

_Component = TypeVar("_Component")


def untrained(lexicon: Sequence[Entry]) -> Language:
    """Make the configured pipeline with the lexicon, and nothing learned yet."""
    nlp = spacy.util.load_model_from_config(
        spacy.util.load_config(PROJECT / "configs" / "config.cfg"), auto_fill=True
    )
    component(nlp, RULES_FACTORY, RuleSignals).use(lexicon)
    return nlp


def component(nlp: Language, name: str, kind: type[_Component]) -> _Component:
    """Give a component of the pipeline by its name and type."""
    found = nlp.get_pipe(name)
    assert isinstance(found, kind)
    return found


def cross_fitted(
    corpus: Sequence[Labelled], lexicon: Sequence[Entry], left_out: frozenset[str]
) -> list[Evidence]:
    """Give every message's evidence from classifiers that have not seen its storyline."""
    nlp = untrained(lexicon)
    evidence = []
    for fold in range(FOLDS):
        others = [item for item in corpus if item.fold != fold]
        component(nlp, GRAMS_FACTORY, Grams).table = fit_grams(others, left_out)
        evidence += find_evidence(nlp, [item for item in corpus if item.fold == fold])
    return evidence


def examples_of(nlp: Language, corpus: Sequence[Labelled]) -> list[Example]:
    """Give what the encoder reads of each message."""
    return [
        Example(excerpt_text(excerpt(item.own)), excerpt_text(excerpt(item.context)), item.labelled)
        for item in find_evidence(nlp, corpus)
    ]


def build(train: Sequence[Labelled], dev: Sequence[Labelled], lexicon: Sequence[Entry]) -> Language:
    """Build a whole pipeline from labelled messages and a lexicon."""
    by_concept = {entry.concept: entry for entry in lexicon}
    # Two threads of a linear algebra library on two busy cores are slower than one.
    with threadpool_limits(1):
        gate = fit_gate(train, lexicon)
        keywords = gate.weights.anchors
        evidence = cross_fitted(train, lexicon, keywords)
        weights = fit_judge(evidence, by_concept)
        weights = replace(
            weights,
            closing=UNTRAINED,
            closing_kinds={kind.value: UNTRAINED for kind in Kind},
            thresholds={"read": READ_FROM, "enforcement": 1.0, "gated": 0.0},
        )
        nlp = untrained(lexicon)
        component(nlp, GATE_FACTORY, Gate).weights = gate.weights
        component(nlp, GRAMS_FACTORY, Grams).table = fit_grams(train, keywords)
    encoder = fine_tune(examples_of(nlp, train), Plan())
    nlp.replace_pipe(ENCODER_FACTORY, ENCODER_FACTORY)
    trained = component(nlp, ENCODER_FACTORY, Encoder)
    trained.labels, trained.files = encoder.labels, encoder.files
    judge = component(nlp, JUDGE_FACTORY, Judge)
    judge.weights = weights
    opinions = SpacyTagger(nlp, VERSION, threshold=1.0).opinions(item.message for item in dev)
    judge.weights = fit_closing(weights, dev, list(opinions))
    nlp.meta.update(
        name="email_audit",
        version=VERSION,
        description="Finds mentions of civil immigration enforcement in police e-mail",
        license="Apache-2.0",
    )
    return nlp


def main() -> None:
    """Build the pipeline and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="folder of the pipeline; replaced")
    output = parser.parse_args().output
    corpus = read_corpus()
    train, dev = of_part(corpus, "train"), of_part(corpus, "dev")
    lexicon = read_lexicon(PROJECT / "lexicon" / "lexicon.jsonl")
    nlp = build(train, dev, lexicon)
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(output)
    print(f"built from {len(train)} and {len(dev)} messages: {output}")


if __name__ == "__main__":
    main()
