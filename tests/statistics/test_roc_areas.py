"""Protects areas under the curve: values are scikit-learn's, the covariance DeLong's definition, intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from snellen.errors import DataError
from snellen.statistics.roc_areas import area_difference, area_interval, roc_areas

RANDOM = np.random.default_rng(4)
POSITIVE = RANDOM.random(90) < 0.4
SCORES = np.round(RANDOM.normal(size=(3, 90)) + POSITIVE * np.array([[0.5], [1.0], [2.0]]), 1)
"""Rounded: with ties."""


def kernel(scores: np.ndarray) -> np.ndarray:
    """(P, Q): 1 where a positive scores above a negative, half on a tie."""
    difference = scores[POSITIVE][:, None] - scores[~POSITIVE]
    return np.asarray((difference > 0) + 0.5 * (difference == 0))


def test_values_are_those_of_scikit_learn() -> None:
    expected = [roc_auc_score(POSITIVE, scores) for scores in SCORES]
    np.testing.assert_allclose(roc_areas(POSITIVE, SCORES).values, expected)


def test_the_covariance_is_that_of_the_definition() -> None:
    """DeLong 1988 by all pairs of images: structural components are the row and column means of the kernel."""
    pairs = np.array([kernel(scores) for scores in SCORES])
    expected = np.cov(pairs.mean(2)) / POSITIVE.sum() + np.cov(pairs.mean(1)) / (~POSITIVE).sum()
    np.testing.assert_allclose(roc_areas(POSITIVE, SCORES).covariance, expected)


def test_intervals_cover() -> None:
    """1,000 samples of two normals whose area is Phi(1/sqrt 2)."""
    generator, positive = np.random.default_rng(2), np.arange(200) < 80
    truth, covered = norm.cdf(1 / np.sqrt(2)), 0
    for scores in generator.normal(size=(1_000, 200)) + positive:
        _, low, high = area_interval(positive, scores)
        covered += low is not None and high is not None and low <= truth <= high
    assert 0.93 <= covered / 1_000 <= 0.97


def test_classes_that_do_not_overlap_have_an_area_without_interval() -> None:
    assert area_interval(POSITIVE, POSITIVE * 2.0) == (1.0, None, None)


def test_limits_stay_between_none_and_all() -> None:
    _, _, high = area_interval(np.arange(8) < 4, np.array([9, 8, 7, 3, 4, 2, 1, 0]))
    assert high == 1.0


def test_differences_use_what_the_models_share() -> None:
    areas = roc_areas(POSITIVE, SCORES[:2])
    found = area_difference(POSITIVE, *SCORES[:2])
    variance = areas.covariance[0, 0] + areas.covariance[1, 1] - 2 * areas.covariance[0, 1]
    assert found.value == pytest.approx(areas.values[0] - areas.values[1])
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.p_value == pytest.approx(2 * norm.sf(abs(found.value) / np.sqrt(variance)))
    assert (found.low, found.high) == pytest.approx(norm.interval(0.95, found.value, np.sqrt(variance)))


def test_one_model_under_two_scales_is_one_model() -> None:
    """Areas depend on the order of the scores alone."""
    found = area_difference(POSITIVE, SCORES[0], 3 * SCORES[0] + 1)
    assert (found.value, found.low, found.p_value) == (0.0, None, None)


def test_a_class_of_one_image_is_a_clear_error() -> None:
    with pytest.raises(DataError, match="found 1 of the class, 89 others"):
        roc_areas(np.arange(90) == 3, SCORES)
