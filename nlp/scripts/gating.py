"""Fits the gate: on all messages, its threshold on models that have not seen the writer."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from email_audit.tagging.components.gate import Gate, GateWeights, gate_words
from email_audit.tagging.components.lexicon import Entry, Stance, expand
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.thresholds import lowest_kept
from email_audit.tagging.reading import Window, read_input

GATE_RECALL = 0.99
"""The threshold lets through this share of the hits, by models that have not seen their writer.

Most hits of the corpus are written to hide; the messages by other hands that choose between models
lose none at this share (docs/classifier.md).
"""

_GROUPS = 4
_MIN_MESSAGES = 2
_MIN_WEIGHT = 0.02
_INVERSE_PENALTY = 0.3
_ORDINARY_IMPORTANCE = 3.0
_NEAR_MISS_IMPORTANCE = 0.2
"""The gate tells everyday mail from the rest; near misses are the others' business."""

_ALWAYS = 1e9


def fit_gate(corpus: Sequence[Labelled], lexicon: Iterable[Entry]) -> Gate:
    """Fit the gate."""
    anchors = _anchors(lexicon)
    writers = sorted({item.writer for item in corpus})
    best = []
    for group in (set(writers[first::_GROUPS]) for first in range(_GROUPS)):
        gate = Gate(_fit([item for item in corpus if item.writer not in group], anchors))
        best += [
            max(_odds(gate, words) for words in _texts(item))
            for item in corpus
            if item.enforcement and item.writer in group
        ]
    return Gate(replace(_fit(corpus, anchors), threshold=lowest_kept(best, GATE_RECALL)))


def windows_of(labelled: Labelled) -> list[Window]:
    """Give the texts that the gate is asked about for a message."""
    reading = read_input(labelled.message)
    return [*reading.own_windows(), *reading.context_windows()]


def _odds(gate: Gate, words: set[str]) -> float:
    return gate.odds(words) if gate.weights.anchors.isdisjoint(words) else _ALWAYS


def _texts(labelled: Labelled) -> list[set[str]]:
    return [set(gate_words(window.text)) for window in windows_of(labelled)]


def _anchors(lexicon: Iterable[Entry]) -> frozenset[str]:
    """Take the single words of the lexicon that speak for enforcement: they pass alone."""
    words: set[str] = set()
    for entry in lexicon:
        if entry.stance is Stance.FOR:
            stretches = [expand(pattern) for pattern in entry.patterns]
            words |= {
                phrase.lower()
                for parts in stretches
                if len(parts) == 1
                for phrase in parts[0]
                if phrase.isalnum()
            }
    return frozenset(words)


def _fit(corpus: Sequence[Labelled], anchors: frozenset[str]) -> GateWeights:
    texts = [set().union(*_texts(item)) for item in corpus]
    vectorizer = CountVectorizer(analyzer=sorted, binary=True, min_df=_MIN_MESSAGES)
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=2000)
    model.fit(
        vectorizer.fit_transform(texts),
        [item.enforcement for item in corpus],
        sample_weight=[_importance(item) for item in corpus],
    )
    weights = zip(vectorizer.get_feature_names_out(), model.coef_[0], strict=True)
    return GateWeights(
        anchors=anchors,
        words={
            str(word): round(float(weight), 4)
            for word, weight in weights
            if abs(weight) >= _MIN_WEIGHT
        },
        bias=round(float(model.intercept_[0]), 4),
    )


def _importance(item: Labelled) -> float:
    if item.enforcement:
        return 1.0
    return _ORDINARY_IMPORTANCE if item.is_ordinary else _NEAR_MISS_IMPORTANCE
