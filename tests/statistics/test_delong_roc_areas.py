"""Protects areas under the curve: values are scikit-learn's, the error DeLong's definition, intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from snellen.statistics.delong_roc_areas import RocAreas, count_ties, roc_areas

RANDOM = np.random.default_rng(4)
LABELS = (RANDOM.random(90) < 0.4).astype(int)
SCORES = np.round(RANDOM.normal(size=(3, 90)) + LABELS * np.array([[0.5], [1.0], [2.0]]), 1)
"""Rounded: with ties."""


def areas_of(labels: np.ndarray, scores: np.ndarray, num_classes: int = 2) -> RocAreas:
    return roc_areas(count_ties(scores, labels, num_classes))


def kernel(scores: np.ndarray) -> np.ndarray:
    """(P, Q): 1 where a positive scores above a negative, half on a tie."""
    difference = scores[LABELS == 1][:, None] - scores[LABELS == 0]
    return np.asarray((difference > 0) + 0.5 * (difference == 0))


def test_ties_are_counted_by_class() -> None:
    found = count_ties(np.array([2.0, 1, 2, 5]), np.array([0, 1, 2, 2]), 3)
    assert found.tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 1]]


def test_values_are_those_of_scikit_learn() -> None:
    for scores in SCORES:
        area = roc_auc_score(LABELS, scores)
        assert areas_of(LABELS, scores).area == pytest.approx([1 - area, area])


def test_the_error_is_that_of_the_definition() -> None:
    """DeLong 1988 by all pairs of images: structural components are the row and column means of the kernel."""
    for scores in SCORES:
        pairs, found = kernel(scores), areas_of(LABELS, scores)
        error = np.sqrt(np.var(pairs.mean(1), ddof=1) / len(pairs) + np.var(pairs.mean(0), ddof=1) / pairs.shape[1])
        assert (found.low[1], found.high[1]) == pytest.approx(norm.interval(0.95, pairs.mean(), error))


def test_intervals_cover() -> None:
    """1,000 samples of two normals whose area is Phi(1/sqrt 2)."""
    generator, labels = np.random.default_rng(2), (np.arange(200) < 80).astype(int)
    truth, covered = norm.cdf(1 / np.sqrt(2)), 0
    for scores in generator.normal(size=(1_000, 200)) + labels:
        found = areas_of(labels, scores)
        covered += bool(found.low[1] <= truth <= found.high[1])
    assert 0.93 <= covered / 1_000 <= 0.97


def test_limits_stay_between_none_and_all() -> None:
    labels = (np.arange(8) < 4).astype(int)
    assert areas_of(labels, np.array([9.0, 8, 7, 3, 4, 2, 1, 0])).high[1] == 1.0


def test_an_area_depends_on_the_order_of_the_scores_alone() -> None:
    one, other = areas_of(LABELS, SCORES[0]), areas_of(LABELS, 3 * SCORES[0] + 1)
    for name in ("area", "low", "high", "p_value"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_class_of_one_image_has_no_area() -> None:
    found = areas_of((np.arange(90) == 3).astype(int), SCORES[0])
    assert np.isnan([found.area, found.low, found.high]).all() and found.p_value.tolist() == [1.0, 1.0]
