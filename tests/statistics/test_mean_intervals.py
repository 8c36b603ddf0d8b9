"""Protects the interval of mean losses: it covers as soon as one answer is wrong, where a bootstrap falls far short."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from snellen.errors import StudyError
from snellen.statistics.mean_intervals import mean_limits, paired_mean


def drawn_losses(generator: np.random.Generator, accuracy: float, scale: float, shape: tuple[int, ...]) -> np.ndarray:
    """Cross-entropies of a network of two classes whose margins are normal; the larger the scale the surer it is."""
    return np.asarray(np.logaddexp(0, -(generator.standard_normal(shape) + ndtri(accuracy)) * scale))


@pytest.mark.parametrize(("accuracy", "scale"), [(0.5, 4), (0.8, 1), (0.8, 4), (0.95, 2), (0.95, 5), (0.99, 6)])
@pytest.mark.parametrize("images", [5, 10, 50, 300, 1_000])
def test_it_covers_once_an_answer_is_wrong(accuracy: float, scale: float, images: int) -> None:
    """At least 93 % of those of 2,000 draws in which an answer is wrong."""
    generator = np.random.default_rng(round(100 * accuracy + scale) + images)
    truth = float(drawn_losses(generator, accuracy, scale, (2_000_000,)).mean())
    drawn = [each for each in drawn_losses(generator, accuracy, scale, (2_000, images)) if each.max() > np.log(2)]
    ends = np.array([mean_limits(each) for each in drawn])
    assert np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) >= 0.93


def test_it_is_students_where_nothing_is_skewed() -> None:
    values = np.random.default_rng(1).normal(3, 2, 1_000)
    values = np.concatenate([values, 2 * values.mean() - values])
    half = 1.961 * values.std(ddof=1) / np.sqrt(2_000)
    assert mean_limits(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-3 * half)


def test_the_worked_equation() -> None:
    """The limits are where the transformed statistic is the quantile of t (Hall 1992, equation 2.4)."""
    from scipy.stats import skew, t

    values = np.random.default_rng(2).exponential(size=30)
    skewness = skew(values, bias=False)
    low, high = mean_limits(values) or (0, 0)
    for limit, quantile in ((low, t.ppf(0.975, 29)), (high, -t.ppf(0.975, 29))):
        statistic = (values.mean() - limit) / (values.std(ddof=1) / np.sqrt(30))
        a = skewness / (3 * np.sqrt(30))
        found = statistic + a * statistic**2 + a**2 * statistic**3 / 3 + skewness / (6 * np.sqrt(30))
        assert found == pytest.approx(quantile)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [0.5, 0.5, 0.5, 0.5]])
def test_too_few_or_equal_values_have_none(values: list[float]) -> None:
    assert mean_limits(np.array(values)) is None


def test_the_interval_of_a_difference_is_that_of_scipy() -> None:
    """Of losses, by scipy's BCa bootstrap."""
    generator = np.random.default_rng(17)
    a, b = generator.exponential(0.4, 400), generator.exponential(0.5, 400)
    found = paired_mean(a, b)
    other = stats.bootstrap((a - b,), np.mean, n_resamples=4_000, method="BCa", rng=1).confidence_interval
    assert found.p_value is None and found.covers == "other images"
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.15 * found.standard_error)


def test_equal_losses_have_no_interval() -> None:
    found = paired_mean(np.ones(9), np.ones(9))
    assert (found.value, found.low, found.high) == (0.0, None, None)


def test_other_images_are_a_clear_error() -> None:
    with pytest.raises(StudyError, match=r"same images; found \(9,\) and \(8,\)"):
        paired_mean(np.ones(9), np.ones(8))
