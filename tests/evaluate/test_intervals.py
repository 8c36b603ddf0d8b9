"""Protects the intervals: Wilson is statsmodels', and the bootstrap covers the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from snellen.evaluate import intervals
from snellen.evaluate.intervals import RESAMPLES, bootstrap_mean, percentiles, resample_costs, resample_counts, wilson
from snellen.metrics.scores import Counts, confusion

RANDOM = np.random.default_rng(5)
MATRIX = np.array([[40, 10, 0], [5, 90, 5], [0, 0, 7]])


@pytest.mark.parametrize("count", [1, 2, 10, 360, 10_000])
def test_wilson_is_that_of_statsmodels(count: int) -> None:
    for hits in {0, 1, count // 3, count - 1, count}:
        assert wilson(hits, count) == pytest.approx(proportion_confint(hits, count, 0.05, "wilson"), abs=1e-12)


def test_wilson_takes_numpy_counts() -> None:
    assert wilson(np.int64(3), np.int64(9)) == wilson(3, 9)


def test_wilson_covers() -> None:
    """Averaged over shares drawn evenly, 95 % intervals of 80 images hold the truth 95 % of the time."""
    shares = RANDOM.uniform(0.5, 1, 4_000)
    bounds = np.array([wilson(hits, 80) for hits in range(81)])[RANDOM.binomial(80, shares)]
    assert 0.94 < np.mean((bounds[:, 0] <= shares) & (shares <= bounds[:, 1])) < 0.96


def test_the_bootstrap_of_a_mean_covers() -> None:
    """200 samples of 100 skewed losses with a known mean: percentile intervals of those are a little short of 95 %."""
    covered = 0
    for seed in range(200):
        low, high = bootstrap_mean(RANDOM.exponential(0.4, 100), seed)
        covered += low <= 0.4 <= high
    assert 0.88 < covered / 200 <= 0.99


def test_the_bootstrap_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = RANDOM.normal(3, 2, 2_000)
    low, high = bootstrap_mean(values)
    half = 1.96 * values.std() / np.sqrt(2_000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


@pytest.mark.parametrize("chunk", [1, 1_000, 10**9])
def test_the_memory_it_may_use_changes_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    values = RANDOM.normal(size=50)
    whole = bootstrap_mean(values, 3)
    monkeypatch.setattr(intervals, "CHUNK", chunk)
    assert bootstrap_mean(values, 3) == pytest.approx(whole)


def test_seeds_give_the_same_interval_again() -> None:
    values = RANDOM.normal(size=40)
    assert bootstrap_mean(values, 1) == bootstrap_mean(values, 1) != bootstrap_mean(values, 2)
    np.testing.assert_array_equal(resample_counts(MATRIX, 1).hits, resample_counts(MATRIX, 1).hits)
    assert not np.array_equal(resample_counts(MATRIX, 1).hits, resample_counts(MATRIX, 2).hits)


def test_resampled_counts_are_unbiased_and_spread_as_multinomials() -> None:
    """Means and variances per class: hits are binomial; a column adds up independent rows; class sizes stay."""
    drawn = resample_counts(MATRIX)
    sizes = MATRIX.sum(1)
    shares = MATRIX / sizes[:, None]
    variances = sizes[:, None] * shares * (1 - shares)
    np.testing.assert_array_equal(drawn.support, sizes)
    for found, mean, variance in (
        (drawn.hits, np.diagonal(MATRIX), np.diagonal(variances)),
        (drawn.predicted, MATRIX.sum(0), variances.sum(0)),
    ):
        assert found.shape == (RESAMPLES, 3)
        error = np.sqrt(np.maximum(variance, 1e-9) / RESAMPLES)
        assert (np.abs(found.mean(0) - mean) <= 4 * error).all()
        np.testing.assert_allclose(found.var(0), variance, rtol=0.15, atol=1e-9)
    assert (drawn.predicted.sum(1) == MATRIX.sum()).all()


def test_an_absent_class_stays_absent() -> None:
    drawn = resample_counts(np.array([[3, 1, 0], [0, 0, 0], [2, 0, 5]]))
    assert drawn.support[1] == 0 and not drawn.hits[:, 1].any()


def test_intervals_of_macro_f1_cover() -> None:
    """120 test sets of 90 images from a known confusion: the F1 of the whole population lies inside about 95 %."""
    population = np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.1, 0.85]])
    truth = float(Counts.of(population * 30).mean("f1", "macro"))
    covered = 0
    for seed in range(120):
        labels = np.repeat(np.arange(3), 30)
        predicted = (RANDOM.random((90, 1)) > population[labels].cumsum(1)).sum(1)
        low, high = percentiles(resample_counts(confusion(labels, predicted, 3), seed).mean("f1", "macro"))
        covered += low <= truth <= high
    assert 0.88 < covered / 120 <= 1.0


def test_percentiles_are_the_middle_95() -> None:
    assert percentiles(np.arange(1_001.0)) == pytest.approx((25, 975))


def test_resampled_costs_are_those_of_the_same_redraws() -> None:
    """A cost of 1 for each miss is the share of misses; other costs have the mean and variance of multinomials."""
    misses = resample_costs(MATRIX, 1.0 - np.eye(3))
    np.testing.assert_allclose(misses, 1 - resample_counts(MATRIX).hits.sum(1) / MATRIX.sum(), atol=1e-12)
    costs = np.array([[0, 1, 100], [4, 0, 2], [5, 6, 1.0]])
    drawn, sizes = resample_costs(MATRIX, costs), MATRIX.sum(1)
    shares = MATRIX / sizes[:, None]
    variance = (sizes * ((shares * costs**2).sum(1) - (shares * costs).sum(1) ** 2)).sum() / MATRIX.sum() ** 2
    assert abs(drawn.mean() - (MATRIX * costs).sum() / MATRIX.sum()) < 4 * np.sqrt(variance / RESAMPLES)
    assert drawn.var() == pytest.approx(variance, rel=0.15)
