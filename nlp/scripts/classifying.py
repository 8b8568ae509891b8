"""Fits the text classifier: the decision on all messages, the kinds on the hits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from email_audit.tagging.components.gate import gate_words
from email_audit.tagging.components.grams import (
    POSITIVE,
    Floats,
    GramTable,
    Rows,
    word_pairs,
    word_pieces,
)
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.reading import read_input
from email_audit.tagging.records import Kind

MIN_MESSAGES = 2
DECISION_INVERSE_PENALTY = 20.0
KIND_INVERSE_PENALTY = 10.0


def training_text(labelled: Labelled) -> str:
    """Give the text that shows what the label says.

    A short answer is a hit only through the text that it answers, so both are read; where it is
    none, that text says nothing about the label, and only the answer is read.
    """
    reading = read_input(labelled.message)
    windows = reading.own_windows()
    if labelled.enforcement:
        windows += reading.context_windows()
    return "\n\n".join(window.text for window in windows)


def fit_grams(corpus: Sequence[Labelled], left_out: frozenset[str]) -> GramTable:
    """Fit vocabulary, rarities and weights, without the words `left_out`; deterministic."""
    texts = [training_text(labelled) for labelled in corpus]
    split = [[word for word in gate_words(text) if word not in left_out] for text in texts]
    words = _vocabulary({*each, *word_pairs(each)} for each in split)
    pieces = _vocabulary(set(chain.from_iterable(map(word_pieces, each))) for each in split)
    found_in = np.array([*words.values(), *pieces.values()])
    table = GramTable(
        left_out=left_out,
        words={gram: row for row, gram in enumerate(words)},
        pieces={gram: row for row, gram in enumerate(pieces, start=len(words))},
        rarity=1.0 + np.log((1 + len(texts)) / (1 + found_in)),
    )
    matrix = _matrix([table.vector(text) for text in texts], len(words) + len(pieces))
    labels = [POSITIVE, *(kind.value for kind in Kind)]
    columns, biases = [], []
    hits = np.array([labelled.enforcement for labelled in corpus])
    for label in labels:
        if label == POSITIVE:
            model = LogisticRegression(C=DECISION_INVERSE_PENALTY, max_iter=2000)
            model.fit(matrix, hits)
        else:
            model = LogisticRegression(
                C=KIND_INVERSE_PENALTY, max_iter=2000, class_weight="balanced"
            )
            truth = [label in labelled.kinds for labelled in corpus if labelled.enforcement]
            model.fit(matrix[hits], truth)
        columns.append(model.coef_[0])
        biases.append(model.intercept_[0])
    return GramTable(
        labels=tuple(labels),
        left_out=left_out,
        words=table.words,
        pieces=table.pieces,
        rarity=table.rarity,
        weights=np.stack(columns, axis=1),
        bias=np.array(biases),
    )


def _vocabulary(texts: Iterable[set[str]]) -> dict[str, int]:
    """Give the grams of at least two messages, sorted, with the number of messages of each."""
    counts = Counter(chain.from_iterable(texts))
    return {gram: counts[gram] for gram in sorted(counts) if counts[gram] >= MIN_MESSAGES}


def _matrix(vectors: Sequence[tuple[Rows, Floats]], width: int) -> csr_matrix:
    ends = np.cumsum([0, *(len(rows) for rows, _ in vectors)])
    columns = np.concatenate([rows for rows, _ in vectors])
    values = np.concatenate([values for _, values in vectors])
    return csr_matrix((values, columns, ends), shape=(len(vectors), width))
