"""The text classifier: a linear model over words, word pairs and pieces of words.

Term frequencies are damped and weighed by rarity (TF-IDF) and each of the two groups of features
(words and pairs; pieces of three to five characters) has length 1, so that a sentence and a page
are on one scale. One column of weights decides, the others tell the kinds.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from email_audit.tagging.components.gate import gate_words
from email_audit.tagging.components.odds import probability

GRAMS_FACTORY = "email_audit_grams"
POSITIVE = "ENFORCEMENT"

_PIECE_LENGTHS = (3, 4, 5)

_CACHED_WORDS = 200_000

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def word_pieces(word: str) -> list[str]:
    """Give a word's stretches of three to five characters; spaces mark its ends."""
    padded = f" {word} "
    return [
        padded[start : start + length]
        for length in _PIECE_LENGTHS
        for start in range(max(1, len(padded) - length + 1))
    ]


def word_pairs(words: Sequence[str]) -> Iterator[str]:
    """Give the pairs of neighbouring words."""
    for first, second in pairwise(words):
        yield f"{first} {second}"


@dataclass(frozen=True, slots=True)
class GramTable:
    """The trained table. Row numbers of `weights` are those of the two vocabularies.

    `left_out` are words not looked at: the lexicon speaks for them. In a corpus whose near misses
    are full of them they would come to speak against. `words` holds words and pairs, `pieces` the
    pieces of words. `rarity` has one value a row (inverse document frequency), `weights` one
    column a label.
    """

    labels: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    words: Mapping[str, int] = field(default_factory=dict)
    pieces: Mapping[str, int] = field(default_factory=dict)
    rarity: Floats = field(default_factory=lambda: np.zeros(0))
    weights: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    bias: Floats = field(default_factory=lambda: np.zeros(0))
    _piece_rows: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    def vector(self, text: str) -> tuple[Rows, Floats]:
        """Give a text's features: row numbers and values."""
        words = [word for word in gate_words(text) if word not in self.left_out]
        grams = _known(map(self.words.get, chain(words, word_pairs(words))))
        pieces = chain.from_iterable(map(self._rows_of_pieces, words))
        groups = [self._group(Counter(grams)), self._group(Counter(pieces))]
        return (
            np.concatenate([rows for rows, _ in groups]),
            np.concatenate([values for _, values in groups]),
        )

    def odds(self, text: str) -> dict[str, float]:
        """Give the log-odds of each label."""
        rows, values = self.vector(text)
        # einsum starts no threads of its own: audits run one process a core.
        totals = np.einsum("r,rl->l", values, self.weights[rows]) + self.bias
        return dict(zip(self.labels, totals.tolist(), strict=True))

    def label_odds(self, text: str, label: str) -> float:
        """Give the log-odds of one label."""
        rows, values = self.vector(text)
        column = self.labels.index(label)
        return float(np.einsum("r,r->", values, self.weights[rows, column]) + self.bias[column])

    def _group(self, counts: Mapping[int, int]) -> tuple[Rows, Floats]:
        rows = np.fromiter(counts.keys(), np.intp, len(counts))
        values = (1.0 + np.log(np.fromiter(counts.values(), float, len(counts)))) * self.rarity[
            rows
        ]
        return rows, values / (math.sqrt(np.einsum("r,r->", values, values)) or 1.0)

    def _rows_of_pieces(self, word: str) -> tuple[int, ...]:
        known = self._piece_rows.get(word)
        if known is None:
            known = tuple(
                row for piece in word_pieces(word) if (row := self.pieces.get(piece)) is not None
            )
            if len(self._piece_rows) < _CACHED_WORDS:
                self._piece_rows[word] = known
        return known


def _known(rows: Iterable[int | None]) -> Iterator[int]:
    return (row for row in rows if row is not None)


class Grams:
    """Sets `doc.cats`: "ENFORCEMENT" and each kind's name, as probabilities."""

    def __init__(self, table: GramTable | None = None) -> None:
        self.table = table or GramTable()

    def __call__(self, doc: Doc) -> Doc:
        """Score one Doc as a whole."""
        for label, odds in self.table.odds(doc.text).items():
            doc.cats[label] = probability(odds)
        return doc

    def to_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Write the table into a folder."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        table = self.table
        record = {
            "labels": table.labels,
            "left_out": sorted(table.left_out),
            "words": list(table.words),
            "pieces": list(table.pieces),
        }
        (path / "grams.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        for name in ("rarity", "weights", "bias"):
            np.save(path / f"{name}.npy", getattr(table, name).astype(np.float32))

    def from_disk(self, path: Path, *, exclude: tuple[str, ...] = ()) -> Self:  # noqa: ARG002
        """Read what `to_disk` wrote."""
        path = Path(path)
        record = json.loads((path / "grams.json").read_text(encoding="utf-8"))
        words, pieces = record["words"], record["pieces"]
        self.table = GramTable(
            labels=tuple(record["labels"]),
            left_out=frozenset(record["left_out"]),
            words={gram: row for row, gram in enumerate(words)},
            pieces={gram: row for row, gram in enumerate(pieces, start=len(words))},
            rarity=np.load(path / "rarity.npy").astype(np.float64),
            weights=np.load(path / "weights.npy").astype(np.float64),
            bias=np.load(path / "bias.npy").astype(np.float64),
        )
        return self


@Language.factory(GRAMS_FACTORY)
def make_grams(nlp: Language, name: str) -> Grams:  # noqa: ARG001
    """Make an untrained classifier."""
    return Grams()
