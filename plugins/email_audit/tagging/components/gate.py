"""The gate: sends clearly unrelated mail home before spaCy's tokenizer, which is the floor, runs.

A word list and a linear model on a text's words. It is built for recall: what it lets through is
judged by the rest of the pipeline, what it stops is a non-hit.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from spacy.language import Language
from spacy.tokens import Doc

from email_audit.tagging.components.gram_table import POSITIVE, GramTable, words_of

GATE_FACTORY = "email_audit_gate"


@dataclass(frozen=True, slots=True)
class GateWeights:
    """What the gate knows.

    Attributes:
        anchors: Words that let a text pass by themselves.
        table: Gives a text's log-odds; an empty one is never asked.
        threshold: Log-odds that a text without an anchor needs.
    """

    anchors: frozenset[str] = frozenset()
    table: GramTable = field(default_factory=GramTable)
    threshold: float = -math.inf


class Gate:
    """Scores plain text; called before `nlp`. Inside the pipeline it leaves the Doc as it is."""

    def __init__(self, weights: GateWeights | None = None) -> None:
        self.weights = weights or GateWeights()

    def passes(self, text: str) -> bool:
        """Say whether a text must be judged by the whole pipeline."""
        return self.odds(text) >= self.weights.threshold

    def odds(self, text: str) -> float:
        """Give the log-odds that a text mentions enforcement; infinite where an anchor is found."""
        weights, words = self.weights, words_of(text)
        if not weights.table.labels or not weights.anchors.isdisjoint(words):
            return math.inf
        return weights.table.label_odds(words, POSITIVE)

    def __call__(self, doc: Doc) -> Doc:
        """Leave the Doc as it is: the gate has done its work before the Doc was made."""
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the weights into a folder."""
        path, weights = Path(path), self.weights
        weights.table.to_disk(path)
        record = {"anchors": sorted(weights.anchors), "threshold": weights.threshold}
        (path / "gate.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        path = Path(path)
        record = json.loads((path / "gate.json").read_text(encoding="utf-8"))
        self.weights = GateWeights(
            anchors=frozenset(record["anchors"]),
            table=GramTable.from_disk(path),
            threshold=record["threshold"],
        )
        return self


@Language.factory(GATE_FACTORY)
def make_gate(nlp: Language, name: str) -> Gate:  # noqa: ARG001
    """Make an untrained gate, which lets everything pass."""
    return Gate()
