"""Logistic regression with assumed weights, for tables that few examples must fill.

The penalty pulls each weight to the value assumed for it, not to zero, and a weight cannot change
the sign that its meaning gives it: so what the corpus never shows keeps its assumption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from email_audit.tagging.components.judge import Logistic

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is assumed of the weights before training.

    Attributes:
        weights: The value each weight is pulled to; 0 where not named.
        signed: Features whose weight keeps the sign of its assumed value.
        strength: How strongly weights are pulled (the inverse of a variance).
        bias: The assumed bias, pulled weakly.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    signed: frozenset[str] = frozenset()
    strength: float = 1.0
    bias: float = 0.0


def fit_logistic(
    rows: Sequence[Mapping[str, float]],
    labels: Sequence[bool],
    assumed: Assumption,
    importance: Sequence[float] | None = None,
) -> Logistic:
    """Fit a model to rows of named features; deterministic.

    Args:
        rows: Features of each example.
        labels: Its truth.
        assumed: What to assume before.
        importance: How many examples each stands for; one by default.
    """
    names = sorted({name for row in rows for name in row} | set(assumed.weights))
    column = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names) + 1))
    matrix[:, -1] = 1.0
    for number, row in enumerate(rows):
        for name, value in row.items():
            matrix[number, column[name]] = value
    truth = np.asarray(labels, dtype=np.float64)
    counts = np.ones(len(rows)) if importance is None else np.asarray(importance)
    prior = np.array([*(assumed.weights.get(name, 0.0) for name in names), assumed.bias])
    pull = np.array([*(assumed.strength for _ in names), assumed.strength / 10])
    bounds = [*(_bounds(name, assumed) for name in names), (None, None)]

    def loss(weights: _Floats) -> tuple[float, _Floats]:
        odds = matrix @ weights
        distance = weights - prior
        value = counts @ (np.logaddexp(0.0, odds) - truth * odds) + (pull @ distance**2) / 2
        wrong = counts * (1.0 / (1.0 + np.exp(-odds)) - truth)
        gradient = matrix.T @ wrong + pull * distance
        return float(value), gradient

    fitted = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=bounds)
    weights = [round(float(weight), 4) for weight in fitted.x]
    return Logistic(
        bias=weights[-1],
        weights={name: weight for name, weight in zip(names, weights, strict=False) if weight},
    )


def _bounds(name: str, assumed: Assumption) -> tuple[float | None, float | None]:
    if name not in assumed.signed:
        return None, None
    return (0.0, None) if assumed.weights.get(name, 0.0) >= 0 else (None, 0.0)
