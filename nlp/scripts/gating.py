"""Fits the gate: on all messages, its threshold on models that have not seen the writer."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sklearn.linear_model import LogisticRegression

from classifying import matrix_of, without_weights
from email_audit.tagging.components.gate import Gate, GateWeights
from email_audit.tagging.components.gram_table import POSITIVE
from email_audit.tagging.components.lexicon import Entry, Stance, expand
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.thresholds import lowest_kept
from email_audit.tagging.reading import read_input

GATE_RECALL = 0.99
"""The threshold lets through this share of the hits, by models that have not seen their writer.

Most hits of the corpus are written to hide; the messages by other hands that choose between models
lose none at this share (docs/classifier.md).
"""

QUICK_RECALL = 0.998
"""Of the hits that pass, the quick look at words and pairs keeps this share."""

_GROUPS = 4
_INVERSE_PENALTY = 3.0
_ORDINARY_IMPORTANCE = 3.0
_NEAR_MISS_IMPORTANCE = 0.3
"""The gate tells everyday mail from the rest; near misses are the others' business."""


def fit_gate(corpus: Sequence[Labelled], lexicon: Iterable[Entry]) -> Gate:
    """Fit the gate."""
    anchors = _anchors(lexicon)
    writers = sorted({item.writer for item in corpus})
    best = []
    for group in (set(writers[first::_GROUPS]) for first in range(_GROUPS)):
        gate = Gate(_fit([item for item in corpus if item.writer not in group], anchors))
        best += [
            gate_odds(gate, item) for item in corpus if item.enforcement and item.writer in group
        ]
    threshold = lowest_kept([odds for odds, _ in best], GATE_RECALL)
    quick = [quick for odds, quick in best if odds >= threshold]
    return Gate(
        replace(
            _fit(corpus, anchors),
            threshold=threshold,
            worth_a_look=lowest_kept(quick, QUICK_RECALL),
        )
    )


def gate_odds(gate: Gate, labelled: Labelled) -> tuple[float, float]:
    """Give what `Gate.odds` says of the likeliest of the texts that it is asked about."""
    reading = read_input(labelled.message)
    texts = [reading.answered(window) for window in reading.context_windows()]
    texts = texts or [window.text for window in reading.own_windows()]
    return max(map(gate.odds, texts), default=gate.odds(""))


def with_context(labelled: Labelled) -> str:
    """Give a message's own content and, for a short answer, what it answers."""
    reading = read_input(labelled.message)
    windows = [*reading.own_windows(), *reading.context_windows()]
    return "\n\n".join(window.text for window in windows)


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
    texts = [with_context(item) for item in corpus]
    table = without_weights(corpus, texts)
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=500)
    model.fit(
        matrix_of(table, texts),
        [item.enforcement for item in corpus],
        sample_weight=[_importance(item) for item in corpus],
    )
    table = replace(table, labels=(POSITIVE,), weights=model.coef_.T, bias=model.intercept_)
    return GateWeights(anchors, table)


def _importance(item: Labelled) -> float:
    if item.enforcement:
        return 1.0
    return _ORDINARY_IMPORTANCE if item.is_ordinary else _NEAR_MISS_IMPORTANCE
