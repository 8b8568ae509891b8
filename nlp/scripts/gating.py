"""Fits the gate: word lists from the lexicon, weights and threshold from the corpus."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from email_audit.tagging.components.gate import Gate, GateWeights, gate_words
from email_audit.tagging.components.lexicon import Entry, Stance, expand
from email_audit.tagging.learning.labels import FOLDS, Labelled
from email_audit.tagging.reading import Window, read_input

GATE_RECALL = 0.99
"""The threshold lets through this share of the hits with a topic word, by models without them."""

_MIN_MESSAGES = 2
_MIN_WEIGHT = 0.02
_INVERSE_PENALTY = 0.1


def fit_gate(corpus: Sequence[Labelled], lexicon: Iterable[Entry]) -> tuple[Gate, set[str]]:
    """Fit the gate on all messages, and its threshold on models that have not seen the message.

    Returns:
        The gate, and the ids of the messages it would stop if it had not seen them.
    """
    lists = _word_lists(lexicon)
    partial = {
        fold: Gate(_fit([item for item in corpus if item.fold != fold], lists))
        for fold in range(FOLDS)
    }
    odds = sorted(
        max(partial[item.fold].odds(words) for words in _texts(item))
        for item in corpus
        if item.enforcement and any(not lists.topic.isdisjoint(words) for words in _texts(item))
    )
    # A text of unknown words (another language, a few words) has the bias: it must pass.
    lowest = min(gate.weights.bias for gate in partial.values())
    threshold = round(min(odds[int(len(odds) * (1 - GATE_RECALL))], lowest), 4)
    stopped = set()
    for item in corpus:
        gate = Gate(replace(partial[item.fold].weights, threshold=threshold))
        if not any(gate.passes(window.text) for window in windows_of(item)):
            stopped.add(item.id)
    return Gate(replace(_fit(corpus, lists), threshold=threshold)), stopped


def windows_of(labelled: Labelled) -> list[Window]:
    """Give the texts that the gate is asked about for a message."""
    reading = read_input(labelled.message)
    return [*reading.own_windows(), *reading.context_windows()]


def _texts(labelled: Labelled) -> list[set[str]]:
    return [set(gate_words(window.text)) for window in windows_of(labelled)]


def _word_lists(lexicon: Iterable[Entry]) -> GateWeights:
    """Take the single words of the lexicon: those for enforcement pass alone."""
    words: dict[Stance, set[str]] = {stance: set() for stance in Stance}
    for entry in lexicon:
        for pattern in entry.patterns:
            stretches = expand(pattern)
            if len(stretches) == 1:
                words[entry.stance] |= {
                    phrase.lower() for phrase in stretches[0] if phrase.isalnum()
                }
    return GateWeights(anchors=frozenset(words[Stance.FOR]), topic=frozenset(words[Stance.TOPIC]))


def _fit(corpus: Sequence[Labelled], lists: GateWeights) -> GateWeights:
    texts = [set().union(*_texts(item)) for item in corpus]
    vectorizer = CountVectorizer(analyzer=sorted, binary=True, min_df=_MIN_MESSAGES)
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=2000)
    model.fit(vectorizer.fit_transform(texts), [item.enforcement for item in corpus])
    weights = zip(vectorizer.get_feature_names_out(), model.coef_[0], strict=True)
    return replace(
        lists,
        words={
            str(word): round(float(weight), 4)
            for word, weight in weights
            if abs(weight) >= _MIN_WEIGHT
        },
        bias=round(float(model.intercept_[0]), 4),
    )
