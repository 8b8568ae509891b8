"""Probabilities and log-odds."""

import math

_MAX_LOGIT = 6.0


def logit(probability: float, limit: float = _MAX_LOGIT) -> float:
    """Give the log-odds of a probability, cut off at ± `limit`."""
    if probability <= 0.0:
        return -limit
    if probability >= 1.0:
        return limit
    return max(-limit, min(limit, math.log(probability / (1.0 - probability))))


def probability(log_odds: float) -> float:
    """Give the probability of log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    power = math.exp(log_odds)
    return power / (1.0 + power)
