"""The gate: sends clearly unrelated mail home before spaCy's tokenizer, which is the floor, runs.

A linear model on the set of lower-cased words and neighbouring word pairs of a text. It is built
for recall: what it lets through is judged by the rest of the pipeline, what it stops is a non-hit.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
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
    """Log-odds of the gate. A text passes if its sum reaches `threshold` or an anchor occurs."""

    bias: float = 0.0
    threshold: float = -math.inf
    words: Mapping[str, float] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    anchors: frozenset[str] = frozenset()


class Gate:
    """Scores plain text; called before `nlp`. Inside the pipeline it leaves the Doc as it is."""

    def __init__(self, weights: GateWeights | None = None) -> None:
        self.weights = weights or GateWeights()

    def odds(self, text: str) -> float:
        """Give the log-odds that a text mentions enforcement, as far as its words tell."""
        words = gate_words(text)
        weights = self.weights
        # Sorted: the order of a set of strings changes from process to process, and with it the
        # last bits of a sum of floats.
        known = sorted(weights.words.keys() & set(words))
        total = sum(map(weights.words.__getitem__, known), weights.bias)
        known_pairs = sorted(weights.pairs.keys() & set(pairwise(words)))
        return sum(map(weights.pairs.__getitem__, known_pairs), total)

    def passes(self, text: str) -> bool:
        """Say whether a text must be judged by the whole pipeline."""
        if self.odds(text) >= self.weights.threshold:
            return True
        return not self.weights.anchors.isdisjoint(gate_words(text))

    def __call__(self, doc: Doc) -> Doc:
        """Leave the Doc as it is: the gate has done its work before the Doc was made."""
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the weights as sorted JSON into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        weights = self.weights
        record = {
            "bias": weights.bias,
            "threshold": weights.threshold,
            "words": dict(sorted(weights.words.items())),
            "pairs": {" ".join(pair): weights.pairs[pair] for pair in sorted(weights.pairs)},
            "anchors": sorted(weights.anchors),
        }
        (path / "gate.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        record = json.loads((Path(path) / "gate.json").read_text(encoding="utf-8"))
        self.weights = GateWeights(
            bias=record["bias"],
            threshold=record["threshold"],
            words=record["words"],
            pairs={_pair(text): weight for text, weight in record["pairs"].items()},
            anchors=frozenset(record["anchors"]),
        )
        return self


def _pair(text: str) -> tuple[str, str]:
    first, second = text.split(" ")
    return first, second


@Language.factory(GATE_FACTORY)
def make_gate(nlp: Language, name: str) -> Gate:  # noqa: ARG001
    """Make an untrained gate, which lets everything pass."""
    return Gate()
