"""Fits the gate: a linear model on words and word pairs, its threshold set for recall."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from corpus import Labelled
from email_audit.tagging.components.gate import Gate, GateWeights, gate_words
from email_audit.tagging.components.lexicon import Entry, expand
from email_audit.tagging.reading import Window, read_input

GATE_RECALL = 0.99
"""The gate lets through at least this share of the hits that its fold's model has not seen."""

_MIN_MESSAGES = 2
_MIN_WEIGHT = 0.02
_ANCHOR_WEIGHT = 0.9
_PENALTY = 0.3


def windows_of(labelled: Labelled) -> list[Window]:
    """Give the texts that the gate is asked about for a message."""
    reading = read_input(labelled.message)
    return [*reading.own_windows(), *reading.context_windows()]


def gate_odds(gate: Gate, labelled: Labelled) -> float:
    """Give the gate's highest log-odds over a message's texts."""
    return max((gate.odds(window.text) for window in windows_of(labelled)), default=-np.inf)


def fit_gate(corpus: Sequence[Labelled], lexicon: Iterable[Entry], folds: int) -> Gate:
    """Fit the gate on all messages, and its threshold on scores of models without the message."""
    unseen: list[float] = []
    for fold in range(folds):
        partial = _fit([item for item in corpus if item.fold(folds) != fold])
        unseen += [
            gate_odds(partial, item)
            for item in corpus
            if item.fold(folds) == fold and item.enforcement
        ]
    ordered = sorted(unseen)
    threshold = ordered[int(len(ordered) * (1 - GATE_RECALL))]
    weights = _fit(corpus).weights
    return Gate(
        GateWeights(
            bias=weights.bias,
            threshold=round(threshold, 4),
            words=weights.words,
            pairs=weights.pairs,
            anchors=_anchors(lexicon),
        )
    )


def _anchors(lexicon: Iterable[Entry]) -> frozenset[str]:
    """Single words that by themselves speak for enforcement strongly enough."""
    return frozenset(
        phrase.lower()
        for entry in lexicon
        if entry.weight >= _ANCHOR_WEIGHT and entry.stance == "for"
        for pattern in entry.patterns
        for phrase in (expand(pattern)[0] if len(expand(pattern)) == 1 else ())
        if phrase.isalnum()
    )


def _grams(text: str) -> list[str]:
    words = gate_words(text)
    return sorted({*words, *map(" ".join, pairwise(words))})


def _fit(corpus: Sequence[Labelled]) -> Gate:
    texts = ["\n".join(window.text for window in windows_of(item)) for item in corpus]
    vectorizer = CountVectorizer(analyzer=_grams, binary=True, min_df=_MIN_MESSAGES)
    matrix = vectorizer.fit_transform(texts)
    model = LogisticRegression(C=_PENALTY, max_iter=2000)
    model.fit(matrix, [item.enforcement for item in corpus])
    words: dict[str, float] = {}
    pairs: dict[tuple[str, str], float] = {}
    for gram, weight in zip(vectorizer.get_feature_names_out(), model.coef_[0], strict=True):
        if abs(weight) < _MIN_WEIGHT:
            continue
        first, _, second = gram.partition(" ")
        if second:
            pairs[first, second] = round(float(weight), 4)
        else:
            words[first] = round(float(weight), 4)
    return Gate(GateWeights(bias=round(float(model.intercept_[0]), 4), words=words, pairs=pairs))
