"""Chooses thresholds on scores of models that have not seen the message."""

from collections.abc import Sequence

MISS_COST = 4.0
"""A miss costs as much as this many false hits.

The guide, section 5: a miss is a violation nobody finds, a false hit a minute of a reviewer's time.
"""

LEAST_COST = round(1 / (1 + MISS_COST), 6)
"""The probability from which calling a message a hit costs least (Elkan 2001, equation 2).

It needs scores that are probabilities. Searching labelled messages for the score of least cost
instead would follow the chance of the few messages near it.
"""


def lowest_kept(scores: Sequence[float], share: float) -> float:
    """Give the highest threshold that keeps at least `share` of the scores."""
    ordered = sorted(scores)
    return round(ordered[int(len(ordered) * (1 - share))] - 5e-5, 4)


def kind_threshold(scored: Sequence[tuple[float, bool]]) -> float:
    """Give the threshold of the best F1.

    Args:
        scored: A kind's probability and truth in each hit.
    """
    return max((value / 20 for value in range(4, 15)), key=lambda limit: _f1(scored, limit))


def _f1(scored: Sequence[tuple[float, bool]], limit: float) -> float:
    found = sum(score >= limit for score, _ in scored)
    right = sum(score >= limit and label for score, label in scored)
    true = sum(label for _, label in scored)
    return 2 * right / (found + true) if right else 0.0
