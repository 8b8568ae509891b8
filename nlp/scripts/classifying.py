"""Fits the text classifier: the decision on all messages, the kinds on the hits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from background import is_real
from email_audit.tagging.components.gram_table import (
    POSITIVE,
    GramTable,
    word_pairs,
    word_pieces,
    words_of,
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
    table = without_weights(corpus, texts, left_out)
    matrix = matrix_of(table, texts)
    hits = np.array([labelled.enforcement for labelled in corpus])
    models = [LogisticRegression(C=DECISION_INVERSE_PENALTY, max_iter=2000).fit(matrix, hits)]
    checked = [number for number, item in enumerate(corpus) if hits[number] and item.kinds_checked]
    for kind in Kind:
        model = LogisticRegression(C=KIND_INVERSE_PENALTY, max_iter=2000, class_weight="balanced")
        truth = [kind in corpus[number].kinds for number in checked]
        models.append(model.fit(matrix[checked], truth))
    return replace(
        table,
        labels=(POSITIVE, *(kind.value for kind in Kind)),
        weights=np.concatenate([model.coef_ for model in models]).T,
        bias=np.concatenate([model.intercept_ for model in models]),
    )


def without_weights(
    corpus: Sequence[Labelled], texts: Sequence[str], left_out: frozenset[str] = frozenset()
) -> GramTable:
    """Give a table of the grams of at least two invented messages, with the rarities in all.

    Real mail teaches what these are worth, and not one word to the model that we ship.

    Args:
        corpus: The messages.
        texts: The text of each.
        left_out: Words not looked at.
    """
    split = [[word for word in words_of(text) if word not in left_out] for text in texts]
    invented = [not is_real(item) for item in corpus]
    words = _vocabulary(({*each, *word_pairs(each)} for each in split), invented)
    pieces = _vocabulary((set(chain(*map(word_pieces, each))) for each in split), invented)
    found_in = np.array([*words.values(), *pieces.values()])
    return GramTable(
        left_out=left_out,
        words={gram: row for row, gram in enumerate(words)},
        pieces={gram: row for row, gram in enumerate(pieces, start=len(words))},
        rarity=1.0 + np.log((1 + len(texts)) / (1 + found_in)),
    )


def matrix_of(table: GramTable, texts: Iterable[str]) -> csr_matrix:
    """Give the features of texts, a row each."""
    vectors = [table.vector(text) for text in texts]
    ends = np.cumsum([0, *(len(rows) for rows, _ in vectors)])
    columns = np.concatenate([rows for rows, _ in vectors])
    values = np.concatenate([values for _, values in vectors])
    return csr_matrix((values, columns, ends), shape=(len(vectors), len(table.rarity)))


def _vocabulary(texts: Iterable[set[str]], invented: Sequence[bool]) -> dict[str, int]:
    """Give the grams of at least two invented texts, sorted, with the number of all texts."""
    found_in, known = Counter[str](), Counter[str]()
    for grams, is_invented in zip(texts, invented, strict=True):
        found_in.update(grams)
        if is_invented:
            known.update(grams)
    return {gram: found_in[gram] for gram in sorted(known) if known[gram] >= MIN_MESSAGES}
