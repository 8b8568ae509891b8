"""Builds the pipeline from the corpus and the lexicon alone: `python scripts/train.py OUTPUT`.

The messages of the parts "train" and "dev" are used, "test" never. Every weight and threshold of
gate and judge is fitted to scores of classifiers that have not seen the message (cross-fitting by
storyline); then the classifiers are trained once more on all of them.
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
from corpus import FOLDS, PROJECT, Labelled, of_parts, read_corpus
from email_audit.tagging.components.gate import GATE_FACTORY, Gate
from email_audit.tagging.components.grams import GRAMS_FACTORY, Grams
from email_audit.tagging.components.judge import JUDGE_FACTORY, Judge, JudgeWeights
from email_audit.tagging.components.lexicon import Entry, read_lexicon
from email_audit.tagging.components.rules import RULES_FACTORY, RuleSignals
from fitting import Evidence, find_evidence, fit_judge, score
from gating import fit_gate
from thresholds import decision_thresholds, kind_thresholds

VERSION = "0.1.0"

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


def fit_with_thresholds(
    evidence: Sequence[Evidence], lexicon: Sequence[Entry], stopped: set[str]
) -> JudgeWeights:
    """Fit the judge, and its thresholds on scores of judges that have not seen the message.

    Args:
        evidence: Of every message.
        lexicon: Its entries.
        stopped: Ids of the messages that the gate stops.
    """
    by_concept = {entry.concept: entry for entry in lexicon}
    judged = []
    for fold in range(FOLDS):
        others = [item for item in evidence if item.labelled.fold != fold]
        weights = fit_judge(others, by_concept)
        judged += [(item, weights) for item in evidence if item.labelled.fold == fold]
    thresholds = {
        **decision_thresholds(
            [
                (
                    None if item.labelled.id in stopped else score(item, weights, by_concept),
                    item.labelled.enforcement,
                )
                for item, weights in judged
            ]
        ),
        **kind_thresholds([pair for pair in judged if pair[0].labelled.enforcement]),
    }
    return replace(fit_judge(evidence, by_concept), thresholds=thresholds)


def build(corpus: Sequence[Labelled], lexicon: Sequence[Entry]) -> Language:
    """Build a whole pipeline from labelled messages and a lexicon."""
    # Two threads of a linear algebra library on two busy cores are slower than one.
    with threadpool_limits(1):
        gate, stopped = fit_gate(corpus, lexicon)
        keywords = gate.weights.anchors
        weights = fit_with_thresholds(cross_fitted(corpus, lexicon, keywords), lexicon, stopped)
        nlp = untrained(lexicon)
        component(nlp, GATE_FACTORY, Gate).weights = gate.weights
        component(nlp, GRAMS_FACTORY, Grams).table = fit_grams(corpus, keywords)
        component(nlp, JUDGE_FACTORY, Judge).weights = weights
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
    corpus = of_parts(read_corpus(PROJECT / "corpus"), ["train", "dev"])
    lexicon = read_lexicon(PROJECT / "lexicon" / "lexicon.jsonl")
    nlp = build(corpus, lexicon)
    shutil.rmtree(output, ignore_errors=True)
    nlp.to_disk(output)
    print(f"built from {len(corpus)} messages: {output}")


if __name__ == "__main__":
    main()
