"""The gate: sends clearly unrelated mail home before spaCy's tokenizer, which is the floor, runs.

A word list and a linear model on a text's words. It is built for recall: what it lets through is
judged by the rest of the pipeline, what it stops is a non-hit.
"""

import json
import math
from collections.abc import Sequence
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
        worth_a_look: Share of them that words and pairs must give; below, their pieces, which
            take most of the time, are not looked at.
    """

    anchors: frozenset[str] = frozenset()
    table: GramTable = field(default_factory=GramTable)
    threshold: float = -math.inf
    worth_a_look: float = -math.inf


class Gate:
    """Scores plain text; called before `nlp`. Inside the pipeline it leaves the Doc as it is."""

    def __init__(self, weights: GateWeights | None = None) -> None:
        self.weights = weights or GateWeights()

    def passes(self, text: str) -> bool:
        """Say whether a text must be judged by the whole pipeline."""
        weights, words = self.weights, words_of(text)
        if self._passes_always(words):
            return True
        quick = weights.table.word_odds(words, POSITIVE)
        if quick < weights.worth_a_look:
            return False
        return quick + weights.table.piece_odds(words, POSITIVE) >= weights.threshold

    def odds(self, text: str) -> tuple[float, float]:
        """Give the log-odds that a text mentions enforcement, and what words and pairs give of it.

        Both are infinite where an anchor is found.
        """
        words = words_of(text)
        if self._passes_always(words):
            return math.inf, math.inf
        quick = self.weights.table.word_odds(words, POSITIVE)
        return quick + self.weights.table.piece_odds(words, POSITIVE), quick

    def _passes_always(self, words: Sequence[str]) -> bool:
        return not self.weights.table.labels or not self.weights.anchors.isdisjoint(words)

    def __call__(self, doc: Doc) -> Doc:
        """Leave the Doc as it is: the gate has done its work before the Doc was made."""
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the weights into a folder."""
        path, weights = Path(path), self.weights
        weights.table.to_disk(path)
        record = {
            "anchors": sorted(weights.anchors),
            "threshold": weights.threshold,
            "worth_a_look": weights.worth_a_look,
        }
        (path / "gate.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        path = Path(path)
        record = json.loads((path / "gate.json").read_text(encoding="utf-8"))
        self.weights = GateWeights(
            anchors=frozenset(record["anchors"]),
            table=GramTable.from_disk(path),
            threshold=record["threshold"],
            worth_a_look=record["worth_a_look"],
        )
        return self


@Language.factory(GATE_FACTORY)
def make_gate(nlp: Language, name: str) -> Gate:  # noqa: ARG001
    """Make an untrained gate, which lets everything pass."""
    return Gate()
