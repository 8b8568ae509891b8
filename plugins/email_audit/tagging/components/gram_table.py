"""A linear model over words, word pairs and pieces of words: what the gate and the classifier are.

Term frequencies are damped and weighed by rarity (TF-IDF) and each of the two groups of features
(words and pairs; pieces of three to five characters) has length 1, so that a sentence and a page
are on one scale.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

POSITIVE = "ENFORCEMENT"
"""The label of the column that decides; others tell the kinds."""

_PIECE_LENGTHS = (3, 4, 5)
_CACHED_WORDS = 200_000
_WORD = re.compile(r"[^\W_]+")

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_NO_ROWS: Rows = np.zeros(0, np.intp)


def words_of(text: str) -> list[str]:
    """Give the lower-cased words of a text: runs of letters and digits."""
    return _WORD.findall(text.lower())


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
    return map(" ".join, pairwise(words))


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
    _piece_rows: dict[str, Rows] = field(default_factory=dict, repr=False)

    def vector(self, text: str) -> tuple[Rows, Floats]:
        """Give a text's features: row numbers and values."""
        words = self._kept(words_of(text))
        groups = [self._word_features(words), self._piece_features(words)]
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

    def label_odds(self, words: Sequence[str], label: str) -> float:
        """Give the log-odds of one label for a text's words (`words_of`)."""
        return self.word_odds(words, label) + self.piece_odds(words, label)

    def word_odds(self, words: Sequence[str], label: str) -> float:
        """Give the share of a label's log-odds that words and pairs have: a quick look."""
        column = self.labels.index(label)
        share = self._sum(self._word_features(self._kept(words)), column)
        return share + float(self.bias[column])

    def piece_odds(self, words: Sequence[str], label: str) -> float:
        """Give the share of a label's log-odds that the words' pieces have."""
        return self._sum(self._piece_features(self._kept(words)), self.labels.index(label))

    def _sum(self, features: tuple[Rows, Floats], column: int) -> float:
        rows, values = features
        return float(np.einsum("r,r->", values, self.weights[rows, column]))

    def _kept(self, words: Sequence[str]) -> Sequence[str]:
        if not self.left_out:
            return words
        return [word for word in words if word not in self.left_out]

    def _word_features(self, words: Sequence[str]) -> tuple[Rows, Floats]:
        grams = map(self.words.get, chain(words, word_pairs(words)))
        return self._group(np.array([row for row in grams if row is not None], np.intp))

    def _piece_features(self, words: Sequence[str]) -> tuple[Rows, Floats]:
        return self._group(np.concatenate(self._rows_of_pieces(words)))

    def _group(self, found: Rows) -> tuple[Rows, Floats]:
        rows, counts = np.unique(found, return_counts=True)
        values = (1.0 + np.log(counts)) * self.rarity[rows]
        return rows, values / (math.sqrt(np.einsum("r,r->", values, values)) or 1.0)

    def _rows_of_pieces(self, words: Sequence[str]) -> list[Rows]:
        """Give the rows of each word's pieces; never an empty list."""
        cache = self._piece_rows
        if len(cache) > _CACHED_WORDS:
            cache.clear()
        for word in (word for word in set(words) if word not in cache):
            rows = map(self.pieces.get, word_pieces(word))
            cache[word] = np.array([row for row in rows if row is not None], np.intp)
        return [_NO_ROWS, *map(cache.__getitem__, words)]

    def to_disk(self, path: Path) -> None:
        """Write the table into a folder, which is made."""
        path.mkdir(parents=True, exist_ok=True)
        record = {
            "labels": self.labels,
            "left_out": sorted(self.left_out),
            "words": list(self.words),
            "pieces": list(self.pieces),
        }
        (path / "grams.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
        for name in ("rarity", "weights", "bias"):
            np.save(path / f"{name}.npy", getattr(self, name).astype(np.float32))

    @classmethod
    def from_disk(cls, path: Path) -> Self:
        """Read what `to_disk` wrote."""
        record = json.loads((path / "grams.json").read_text(encoding="utf-8"))
        words, pieces = record["words"], record["pieces"]
        return cls(
            labels=tuple(record["labels"]),
            left_out=frozenset(record["left_out"]),
            words={gram: row for row, gram in enumerate(words)},
            pieces={gram: row for row, gram in enumerate(pieces, start=len(words))},
            rarity=np.load(path / "rarity.npy").astype(np.float64),
            weights=np.load(path / "weights.npy").astype(np.float64),
            bias=np.load(path / "bias.npy").astype(np.float64),
        )
