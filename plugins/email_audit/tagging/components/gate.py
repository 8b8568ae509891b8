"""The gate: sends clearly unrelated mail home before spaCy's tokenizer, which is the floor, runs.

A word list and a linear model on the set of a text's lower-cased words. It is built for recall:
what it lets through is judged by the rest of the pipeline, what it stops is a non-hit.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from spacy.language import Language
from spacy.tokens import Doc

GATE_FACTORY = "email_audit_gate"

_WORD = re.compile(r"[^\W_]+")


def gate_words(text: str) -> list[str]:
    """Give the lower-cased words of a text: runs of letters and digits."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True, slots=True)
class GateWeights:
    """What the gate knows.

    Attributes:
        anchors: Words that let a text pass by themselves.
        words: Log-odds of words, learned.
        bias: Log-odds of a text without any known word.
        threshold: Log-odds that a text without an anchor needs.
    """

    anchors: frozenset[str] = frozenset()
    words: Mapping[str, float] = field(default_factory=dict)
    bias: float = 0.0
    threshold: float = -math.inf


class Gate:
    """Scores plain text; called before `nlp`. Inside the pipeline it leaves the Doc as it is."""

    def __init__(self, weights: GateWeights | None = None) -> None:
        self.weights = weights or GateWeights()

    def passes(self, text: str) -> bool:
        """Say whether a text must be judged by the whole pipeline."""
        words = set(gate_words(text))
        weights = self.weights
        if not weights.anchors.isdisjoint(words):
            return True
        return self.odds(words) >= weights.threshold

    def odds(self, words: set[str]) -> float:
        """Give the log-odds that a text of these words mentions enforcement."""
        weights = self.weights
        known = weights.words.keys() & words
        # An exact sum: the order of a set of strings changes from process to process.
        return weights.bias + math.fsum(map(weights.words.__getitem__, known))

    def __call__(self, doc: Doc) -> Doc:
        """Leave the Doc as it is: the gate has done its work before the Doc was made."""
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the weights as sorted JSON into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        weights = self.weights
        record = {
            "anchors": sorted(weights.anchors),
            "words": dict(sorted(weights.words.items())),
            "bias": weights.bias,
            "threshold": weights.threshold,
        }
        (path / "gate.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        record = json.loads((Path(path) / "gate.json").read_text(encoding="utf-8"))
        self.weights = GateWeights(
            anchors=frozenset(record["anchors"]),
            words=record["words"],
            bias=record["bias"],
            threshold=record["threshold"],
        )
        return self


@Language.factory(GATE_FACTORY)
def make_gate(nlp: Language, name: str) -> Gate:  # noqa: ARG001
    """Make an untrained gate, which lets everything pass."""
    return Gate()
