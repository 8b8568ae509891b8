"""Figures against values worked out by hand or by another library."""

import math

from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from email_audit.tagging.learning.logistic import Assumption, fit_logistic
from email_audit.tagging.learning.measures import (
    Share,
    area_under_curve,
    calibration_error,
    f1,
    precision,
    recall,
)
from email_audit.tagging.learning.thresholds import LEAST_COST, MISS_COST, lowest_kept

_SCORED = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), st.booleans()),
    min_size=2,
    max_size=40,
).filter(lambda rows: 0 < sum(truth for _, truth in rows) < len(rows))


@given(_SCORED)
def test_the_area_is_that_of_another_library(rows: list[tuple[float, bool]]) -> None:
    scores, truth = [score for score, _ in rows], [is_hit for _, is_hit in rows]
    assert math.isclose(area_under_curve(scores, truth), roc_auc_score(truth, scores))


def test_without_both_classes_there_is_no_area() -> None:
    assert math.isnan(area_under_curve([0.1, 0.2], [True, True]))


def test_wilsons_interval_of_nine_in_ten() -> None:
    low, high = Share(9, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)


def test_recall_precision_and_f1() -> None:
    truth, found = [True, True, True, False], [True, False, True, True]
    assert recall(truth, found) == Share(2, 3)
    assert precision(truth, found) == Share(2, 3)
    assert math.isclose(f1(truth, found), 2 / 3)


def test_a_score_that_means_a_probability_has_no_calibration_error() -> None:
    assert math.isclose(calibration_error([0.25] * 4, [True, False, False, False]), 0.0)
    assert math.isclose(calibration_error([0.95] * 4, [False] * 4), 0.95)
    assert math.isclose(calibration_error([1.0], [True]), 0.0)


def test_the_lowest_kept_score_keeps_the_share() -> None:
    scores = [number / 100 for number in range(100)]
    kept = sum(score >= lowest_kept(scores, 0.97) for score in scores)
    assert kept == 97


@given(st.floats(0.0, 1.0))
def test_no_decision_by_another_threshold_is_expected_to_cost_less(score: float) -> None:
    if_called, if_left = 1.0 - score, MISS_COST * score
    chosen = if_called if score >= LEAST_COST else if_left
    assert chosen <= min(if_called, if_left) + 1e-9


def test_a_fit_keeps_assumed_signs_and_stays_near_what_was_assumed() -> None:
    rows = [{"up": 1.0}, {"up": 1.0}, {"down": 1.0}, {"down": 1.0}]
    against = fit_logistic(
        rows,
        [False, False, True, True],
        Assumption({"up": 1.0}, signed=frozenset({"up"}), strength=0.1),
    )
    assert against.weights.get("up", 0.0) >= 0.0
    strong = fit_logistic(rows, [True, True, False, False], Assumption({"up": 1.0}, strength=1e6))
    assert math.isclose(strong.weights["up"], 1.0, abs_tol=0.01)
