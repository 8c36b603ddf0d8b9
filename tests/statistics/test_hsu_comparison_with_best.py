"""Protects the comparison with the best: the best is rarely excluded, limits hold, models that are one are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.statistics.hsu_comparison_with_best import WithBest, confidence_of
from snellen.statistics.hsu_comparison_with_best import compare_with_best as by_limits


def compare_with_best(differences: np.ndarray, errors: np.ndarray, freedom: np.ndarray) -> list[WithBest]:
    """By the limits of Student's t."""
    quantile = np.where(np.isfinite(freedom), stats.t.ppf((1 + confidence_of(len(differences))) / 2, freedom), np.nan)
    normal = stats.norm.ppf((1 + confidence_of(len(differences))) / 2)
    reach = np.where(np.isnan(quantile), normal, quantile) * errors
    return by_limits(differences - reach, differences + reach)


def test_where_nothing_is_known_every_model_may_be_the_best() -> None:
    found = by_limits(np.full((3, 3), -1.0), np.ones((3, 3)))
    assert found == [WithBest(-1.0, 1.0, True)] * 3


def matrices(values: np.ndarray, error: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of independent estimates with one known standard error."""
    count = len(values)
    return values[:, None] - values, np.full((count, count), error * np.sqrt(2)), np.full((count, count), np.inf)


def test_two_models_are_a_one_sided_t() -> None:
    """The worse is excluded exactly when a one-sided t at 5 % excludes it, and so are its limits."""
    differences, errors, freedom = np.array([[0, 0.02], [-0.02, 0]]), np.full((2, 2), 0.01), np.full((2, 2), 6.0)
    first, second = compare_with_best(differences, errors, freedom)
    reach = stats.t.ppf(0.95, 6) * 0.01
    assert (first.low, first.high, first.not_worse) == pytest.approx((0.0, 0.02 + reach, True))
    assert (second.low, second.high, second.not_worse) == pytest.approx((-0.02 - reach, 0.0, False))
    assert all(each.not_worse for each in compare_with_best(differences, errors * 1.05, freedom))


@pytest.mark.parametrize(
    "values", [(0.9, 0.9, 0.9, 0.9, 0.9), (0.91, 0.9, 0.9, 0.89, 0.8), (0.9, 0.905, 0.91, 0.92, 0.93)]
)
def test_the_best_stands_among_those_kept_and_the_limits_hold(values: tuple[float, ...]) -> None:
    """2,000 draws of five estimates: all limits at once hold in 95 %, or more, since Bonferroni is a little wide."""
    generator, truth, held, kept = np.random.default_rng(1), np.array(values), 0, 0
    others = np.array([truth[model] - np.delete(truth, model).max() for model in range(5)])
    for noise in generator.normal(0, 0.006, (2_000, 5)):
        found = compare_with_best(*matrices(truth + noise, 0.006))
        kept += found[int(truth.argmax())].not_worse
        held += all(each.low <= other <= each.high for each, other in zip(found, others))
    assert held / 2_000 >= 0.94
    assert 0.94 <= kept / 2_000 < 1


def test_clear_losers_are_excluded() -> None:
    found = compare_with_best(*matrices(np.array([0.9, 0.7, 0.899, 0.6]), 0.004))
    assert [each.not_worse for each in found] == [True, False, True, False]
    assert all(each.low <= 0 <= each.high for each in found)
    assert found[1].high == 0.0 and found[1].low < -0.19


def test_a_sole_best_is_bounded_by_nothing_below() -> None:
    found = compare_with_best(*matrices(np.array([0.9, 0.7]), 0.004))
    assert found[0].low == 0.0 and found[0].high > 0.19


def test_models_that_cannot_be_the_best_bound_nothing() -> None:
    """The third is surely worse than the first; what little is known of it against the second does not matter."""
    differences = np.array([[0.0, 0.01, 0.05], [-0.01, 0.0, 0.04], [-0.05, -0.04, 0.0]])
    errors = np.array([[0.0, 0.01, 0.01], [0.01, 0.0, 0.2], [0.01, 0.2, 0.0]])
    found = compare_with_best(differences, errors, np.full((3, 3), np.inf))
    assert [each.not_worse for each in found] == [True, True, False]
    assert found[1].low == pytest.approx(-0.01 - stats.norm.ppf(0.975) * 0.01)


def test_more_models_widen_the_limits() -> None:
    few = compare_with_best(*matrices(np.array([0.9, 0.88]), 0.01))[1]
    many = compare_with_best(*matrices(np.array([0.9, 0.88, 0.1, 0.1, 0.1]), 0.01))[1]
    assert many.high > few.high == pytest.approx(0.0, abs=1e-2)


def test_models_that_answer_alike_are_all_kept() -> None:
    """Their difference has no error at all."""
    nothing = np.zeros((3, 3))
    assert [each.not_worse for each in compare_with_best(nothing, nothing, np.full((3, 3), 5.0))] == [True] * 3


def test_one_model_is_the_best() -> None:
    (only,) = compare_with_best(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)))
    assert only.not_worse and compare_with_best(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0))) == []
