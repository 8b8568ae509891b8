"""Figures with their uncertainty."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `all`, with the 95 % Wilson score interval."""

    right: int
    all: int

    @property
    def value(self) -> float:
        """The share itself; NaN of nothing."""
        return self.right / self.all if self.all else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The interval (Wilson 1927); 0 to 1 of nothing."""
        if not self.all:
            return 0.0, 1.0
        share, count, square = self.value, self.all, _Z95**2
        middle = (share + square / (2 * count)) / (1 + square / count)
        half = (
            _Z95
            / (1 + square / count)
            * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
        )
        return max(0.0, middle - half), min(1.0, middle + half)

    def as_json(self) -> dict[str, float | int]:
        """Give the share as JSON values."""
        low, high = self.interval
        return {
            "value": round(self.value, 4) if self.all else 0.0,
            "low": round(low, 4),
            "high": round(high, 4),
            "right": self.right,
            "of": self.all,
        }

    def __str__(self) -> str:
        if not self.all:
            return "of none"
        low, high = self.interval
        return f"{self.value:5.3f} [{low:.3f}-{high:.3f}] {self.right}/{self.all}"


def area_under_curve(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """Give the area under the ROC curve: how likely a hit has a higher score than a non-hit.

    The Mann-Whitney statistic over ranks, ties at their mean (Hanley and McNeil 1982). NaN where
    one of both is missing.
    """
    ordered = sorted(scores)
    positives = sum(truth)
    negatives = len(ordered) - positives
    if not positives or not negatives:
        return math.nan
    ranks = sum(
        (bisect_left(ordered, score) + 1 + bisect_right(ordered, score)) / 2
        for score, is_hit in zip(scores, truth, strict=True)
        if is_hit
    )
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def calibration_error(scores: Sequence[float], truth: Sequence[bool], bins: int = 10) -> float:
    """Give the expected calibration error over bins of equal width (Naeini et al. 2015)."""
    rows = list(zip(scores, truth, strict=True))
    error = 0.0
    for number in range(bins):
        inside = [
            (score, is_hit) for score, is_hit in rows if min(int(score * bins), bins - 1) == number
        ]
        error += abs(sum(is_hit for _, is_hit in inside) - sum(score for score, _ in inside))
    return error / len(rows) if rows else math.nan


def recall(truth: Sequence[bool], found: Sequence[bool]) -> Share:
    """Give the share of the true ones that were found."""
    pairs = list(zip(truth, found, strict=True))
    return Share(sum(was and is_ for is_, was in pairs), sum(is_ for is_, _ in pairs))


def precision(truth: Sequence[bool], found: Sequence[bool]) -> Share:
    """Give the share of the found ones that are true."""
    return recall(found, truth)


def f1(truth: Sequence[bool], found: Sequence[bool]) -> float:
    """Give the harmonic mean of recall and precision; 0 where nothing true was found."""
    right = recall(truth, found).right
    return 2 * right / (sum(truth) + sum(found)) if right else 0.0
