"""Trains the two spaCy text classifiers: the decision on all messages, the kinds on the hits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from corpus import Labelled
from email_audit.tagging.components.passages import POSITIVE
from email_audit.tagging.reading import Window, read_input
from email_audit.tagging.records import Kind

NEGATIVE = "OTHER"
CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True, slots=True)
class Classifiers:
    """Folders of the two trained pipelines, each of one component."""

    enforcement: Path
    kinds: Path


def training_windows(labelled: Labelled) -> list[Window]:
    """Give the texts that show what the label says.

    A short answer is a hit only through the text that it answers, so both are read; where it is
    none, that text says nothing about the label, and only the answer is read.
    """
    reading = read_input(labelled.message)
    if reading.forwards or labelled.enforcement:
        return [*reading.own_windows(), *reading.context_windows()]
    return reading.own_windows()


def fit_classifiers(corpus: Sequence[Labelled], folder: Path) -> Classifiers:
    """Train both classifiers on `corpus` for the number of epochs in their configurations."""
    folder.mkdir(parents=True, exist_ok=True)
    nlp = spacy.blank("en")
    hits = [labelled for labelled in corpus if labelled.enforcement]
    fitted = Classifiers(folder / "enforcement", folder / "kinds")
    _fit(nlp, "enforcement", _decision_docs(nlp, corpus), fitted.enforcement)
    _fit(nlp, "kinds", _kind_docs(nlp, hits), fitted.kinds)
    return Classifiers(fitted.enforcement / "model-last", fitted.kinds / "model-last")


def _decision_docs(nlp: Language, corpus: Iterable[Labelled]) -> Iterable[Doc]:
    for labelled in corpus:
        for window in training_windows(labelled):
            doc = nlp.make_doc(window.text)
            doc.cats = {
                POSITIVE: float(labelled.enforcement),
                NEGATIVE: float(not labelled.enforcement),
            }
            yield doc


def _kind_docs(nlp: Language, hits: Iterable[Labelled]) -> Iterable[Doc]:
    for labelled in hits:
        for window in training_windows(labelled):
            doc = nlp.make_doc(window.text)
            doc.cats = {kind.value: float(kind in labelled.kinds) for kind in Kind}
            yield doc


def _fit(nlp: Language, name: str, docs: Iterable[Doc], output: Path) -> None:
    """Run spaCy's training; its evaluation on the same messages decides nothing."""
    output.mkdir(parents=True, exist_ok=True)
    data = output / "train.spacy"
    DocBin(docs=docs).to_disk(data)
    del nlp
    train(
        CONFIGS / f"{name}.cfg",
        output,
        overrides={"paths.train": str(data), "paths.dev": str(data)},
    )
