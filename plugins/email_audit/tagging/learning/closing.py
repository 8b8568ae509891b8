"""Puts judge and encoder together, on messages that neither has seen."""

from collections.abc import Sequence
from dataclasses import replace

from email_audit.tagging.components.judge import (
    MENTION,
    JudgeWeights,
    Logistic,
    closing_features,
    closing_kind_odds,
)
from email_audit.tagging.components.odds import probability
from email_audit.tagging.learning.labels import Labelled
from email_audit.tagging.learning.logistic import Assumption, fit_logistic
from email_audit.tagging.learning.thresholds import LEAST_COST, kind_threshold
from email_audit.tagging.records import Kind, Opinion

FEATURES = frozenset({"judge", "encoder", "ordinary"})
UNTRAINED = Logistic(0.0, {"judge": 0.5, "encoder": 0.5, "ordinary": -3.0})
UNTRAINED_KIND = Logistic(0.0, {"judge": 0.5, "encoder": 0.5})
"""What is assumed before any message is seen."""


def fit_closing(
    weights: JudgeWeights,
    labels: Sequence[Labelled],
    opinions: Sequence[Opinion],
    strength: float = 20.0,
) -> JudgeWeights:
    """Give the judge's weights with closing models and thresholds that fit the labels.

    Args:
        weights: The judge's; its closing models are what is assumed before.
        labels: Messages that neither judge nor encoder has seen.
        opinions: What both say of them, in the same order.
        strength: How strongly the weights are pulled to what they were.
    """
    pairs = list(zip(labels, opinions, strict=True))
    read = [(label, opinion) for label, opinion in pairs if opinion.read is not None]
    closing = _fit(
        weights.closing,
        [_mention_row(opinion) for _, opinion in read],
        [label.enforcement for label, _ in read],
        strength,
    )
    hits = [
        (label, opinion) for label, opinion in read if label.enforcement and label.kinds_checked
    ]
    closing_kinds = {
        kind.value: _fit(
            weights.closing_kinds.get(kind.value, UNTRAINED_KIND),
            [_kind_row(opinion, kind) for _, opinion in hits],
            [kind in label.kinds for label, _ in hits],
            strength,
        )
        for kind in Kind
    }
    weights = replace(weights, closing=closing, closing_kinds=closing_kinds)
    cleared = [label.enforcement for label, opinion in pairs if opinion.read is None]
    thresholds = {
        **weights.thresholds,
        "enforcement": LEAST_COST,
        # Laplace's rule of succession on what the judge cleared, and never near the threshold.
        "gated": round(min((sum(cleared) + 1) / (len(cleared) + 2), LEAST_COST / 2), 6),
        **_kind_thresholds(weights, hits),
    }
    return replace(weights, thresholds=thresholds)


def _mention_row(opinion: Opinion) -> dict[str, float]:
    assert opinion.read is not None
    return closing_features(opinion.judge, opinion.read[MENTION], is_ordinary=opinion.is_ordinary)


def _kind_row(opinion: Opinion, kind: Kind) -> dict[str, float]:
    assert opinion.read is not None
    return closing_features(opinion.judge_kinds[kind.value], opinion.read[kind.value])


def _fit(
    before: Logistic,
    rows: Sequence[dict[str, float]],
    truth: Sequence[bool],
    strength: float,
) -> Logistic:
    assumed = Assumption(
        weights=before.weights, signed=FEATURES, strength=strength, bias=before.bias
    )
    return fit_logistic(rows, truth, assumed)


def _kind_thresholds(
    weights: JudgeWeights, hits: Sequence[tuple[Labelled, Opinion]]
) -> dict[str, float]:
    found = [
        (closing_kind_odds(weights, opinion.judge_kinds, opinion.read), label.kinds)
        for label, opinion in hits
        if opinion.read is not None
    ]
    return {
        kind.value: kind_threshold(
            [(probability(odds[kind.value]), kind in kinds) for odds, kinds in found]
        )
        for kind in Kind
    }
