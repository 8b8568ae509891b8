"""Chooses thresholds on scores of models that have not seen the message."""

from collections.abc import Sequence

from email_audit.tagging.components.judge import JudgeWeights
from email_audit.tagging.components.odds import probability
from email_audit.tagging.records import Kind
from fitting import Evidence, kind_row

TARGET_RECALL = 0.9
"""The guide, section 5: a miss is a violation nobody finds, a false hit a reviewer's minute."""


def decision_thresholds(scored: Sequence[tuple[float | None, bool]]) -> dict[str, float]:
    """Choose "enforcement", the score from which a message is a hit, and "gated".

    Args:
        scored: Score (None: stopped by the gate) and truth of each message.

    Returns:
        The highest threshold with the target recall, and the score of mail that the gate stops:
        the share of hits in it, and never above half the threshold.
    """
    hits = sorted(0.0 if score is None else score for score, label in scored if label)
    threshold = round(hits[int(len(hits) * (1 - TARGET_RECALL))] - 5e-5, 4)
    stopped = [label for score, label in scored if score is None]
    gated = (sum(stopped) + 1) / (len(stopped) + 2)
    return {"enforcement": threshold, "gated": round(min(gated, threshold / 2), 4)}


def kind_thresholds(rows: Sequence[tuple[Evidence, JudgeWeights]]) -> dict[str, float]:
    """Give each kind's threshold of the best F1 on hits not seen by the paired judge."""
    thresholds = {}
    for kind in Kind:
        scored = [
            (
                probability(weights.kinds[kind.value].odds(kind_row(item))),
                kind in item.labelled.kinds,
            )
            for item, weights in rows
        ]
        thresholds[kind.value] = max(
            (value / 20 for value in range(4, 15)), key=lambda limit: _f1(scored, limit)
        )
    return thresholds


def _f1(scored: Sequence[tuple[float, bool]], limit: float) -> float:
    found = sum(score >= limit for score, _ in scored)
    right = sum(score >= limit and label for score, label in scored)
    true = sum(label for _, label in scored)
    return 2 * right / (found + true) if right else 0.0
