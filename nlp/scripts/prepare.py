"""First half of the training: `python scripts/prepare.py UNREAD ROWS`.

Fits all but the encoder to the part "train" and writes the pipeline, and what the encoder is to
learn from. The weights of gate and judge are fitted to scores of classifiers that have not seen
the message (cross-fitting by storyline). With EMAIL_AUDIT_TRAINING_MAIL, real everyday mail is
learned from, too (background.py). "dev" and "test" are not read here.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spacy.language import Language
from threadpoolctl import threadpool_limits

from background import background
from classifying import fit_grams
from command import run
from corpus import PROJECT, of_part, read_corpus
from email_audit.tagging.components.gate import GATE_FACTORY, Gate
from email_audit.tagging.components.grams import GRAMS_FACTORY, Grams
from email_audit.tagging.components.judge import JUDGE_FACTORY, Judge
from email_audit.tagging.components.lexicon import Entry, read_lexicon
from email_audit.tagging.learning.closing import UNTRAINED, UNTRAINED_KIND
from email_audit.tagging.learning.labels import FOLDS, Labelled
from email_audit.tagging.records import Kind
from examples import examples_of, rows_of, with_noise
from fine_tuning import TOKENIZER_FILE, base_folder
from fitting import Evidence, find_evidence, fit_judge
from gating import fit_gate, gate_odds
from parts import component, untrained
from rows import save_rows

READ_FROM = 0.011
"""The judge's probability (log-odds of -4.5) from which the encoder reads a text."""

GATE_MARGIN = 1.0
"""What the gate stops by more than this (log-odds) teaches the others nothing."""


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


def nearly_passing(gate: Gate, messages: Sequence[Labelled]) -> list[Labelled]:
    """Keep the hits, and the others that the gate lets through, or nearly."""
    least = gate.weights.threshold - GATE_MARGIN
    return [item for item in messages if item.enforcement or gate_odds(gate, item)[0] >= least]


def fit(
    train: Sequence[Labelled], everyday: Sequence[Labelled], lexicon: Sequence[Entry]
) -> tuple[Language, list[Labelled]]:
    """Give the pipeline without encoder, and the messages that the encoder is to learn from."""
    by_concept = {entry.concept: entry for entry in lexicon}
    # Two threads of a linear algebra library on two busy cores are slower than one.
    with threadpool_limits(1):
        gate = fit_gate([*train, *everyday], lexicon)
        keywords = gate.weights.anchors
        learned = [*train, *nearly_passing(gate, everyday)]
        weights = replace(
            fit_judge(cross_fitted(learned, lexicon, keywords), by_concept),
            closing=UNTRAINED,
            closing_kinds={kind.value: UNTRAINED_KIND for kind in Kind},
            thresholds={"read": READ_FROM, "enforcement": 1.0, "gated": 0.0},
        )
        nlp = untrained(lexicon)
        component(nlp, GATE_FACTORY, Gate).weights = gate.weights
        component(nlp, GRAMS_FACTORY, Grams).table = fit_grams(learned, keywords)
    component(nlp, JUDGE_FACTORY, Judge).weights = weights
    return nlp, nearly_passing(gate, learned)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "unread", type=Path, help="folder of the pipeline without encoder; replaced"
    )
    parser.add_argument("rows", type=Path)
    arguments = parser.parse_args()
    train, everyday = of_part(read_corpus(), "train"), background()["train"]
    lexicon = read_lexicon(PROJECT / "lexicon" / "lexicon.jsonl")
    nlp, learned = fit(train, everyday, lexicon)
    shutil.rmtree(arguments.unread, ignore_errors=True)
    arguments.unread.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(arguments.unread)
    tokenizer_json = (base_folder() / TOKENIZER_FILE).read_bytes()
    save_rows(arguments.rows, rows_of([*with_noise(examples_of(nlp, learned))], tokenizer_json))
    print(f"{len(learned)} of {len(train)} messages and {len(everyday)} everyday ones")


if __name__ == "__main__":
    run(main)
