"""Protects Student's t: Satterthwaite is Welch's where they meet, and what never varied has no interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.statistics.mcnemar import Discordance
from snellen.statistics.results import Limits, t_mean
from snellen.statistics.student_t import Term, satterthwaite, t_limits, t_p_value

RANDOM = np.random.default_rng(3)


def test_it_is_welch_for_two_samples() -> None:
    a, b = RANDOM.normal(1, 1, 5), RANDOM.normal(0, 3, 9)
    terms = [Term(each.var(ddof=1) / len(each), len(each) - 1) for each in (a, b)]
    squared = sum(term.variance for term in terms)
    welch = stats.ttest_ind(a, b, equal_var=False)
    freedom = satterthwaite(squared, terms)
    found = Limits(a.mean() - b.mean(), squared**0.5, freedom, "both", "Welch").difference
    assert found.degrees_of_freedom == pytest.approx(welch.df)
    assert found.p_value == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval()))


def test_one_term_keeps_its_degrees_of_freedom() -> None:
    assert satterthwaite(0.3, [Term(0.3, 4), Term(0.0, 9)]) == pytest.approx(4)


@pytest.mark.parametrize("freedom", [1, 2.5, 4, 1e6])
def test_limits_and_p_values_are_those_of_scipy(freedom: float) -> None:
    assert t_limits(2.0, 0.5, freedom) == pytest.approx(stats.t.interval(0.95, freedom, 2.0, 0.5))
    assert t_p_value(-2.0, 0.5, freedom) == pytest.approx(2 * stats.t.sf(4, freedom))
    low, _ = t_limits(2.0, 0.5, freedom)
    assert t_p_value(2.0, 2.0 / ((2.0 - low) / 0.5), freedom) == pytest.approx(0.05)


@pytest.mark.parametrize(
    "images",
    [None, Discordance(40, 21, 900), Discordance(3, 0, 64), Discordance(300, 20, 5_000), Discordance(9, 9, 50)],
)
@pytest.mark.parametrize("error", [0.001, 0.004, 0.05])
@pytest.mark.parametrize("seeds", [None, Term(1e-5, 2)])
def test_intervals_and_tests_agree(images: Discordance | None, error: float, seeds: Term | None) -> None:
    """An interval at confidence 1 - p has its end at 0, whatever the interval is made of."""
    value = (images.only_a - images.only_b) / images.images if images else 0.02
    limits = Limits(value, error, 3.5, "both", "t", images, seeds if images else None)
    p_value, difference = limits.p_value, limits.difference
    assert p_value is not None and difference.low is not None and difference.high is not None
    assert (p_value < 0.05) == (difference.low > 0 or difference.high < 0)
    for alpha, outside in ((min(1.0, 1.01 * p_value), True), (p_value / 1.01, False)):
        low, high = limits.at(1 - alpha) or (0.0, 0.0)
        assert (low > 0 or high < 0) == outside or p_value >= 0.99 or value == 0
    swapped = limits.swapped.difference
    assert (swapped.low, swapped.high, swapped.p_value) == pytest.approx((-difference.high, -difference.low, p_value))


def test_equivalence_is_tested_by_the_same_limits() -> None:
    limits = Limits(0.001, 0.002, 8.0, "both", "t", Discordance(12, 8, 4_000))
    low, high = limits.at(0.95) or (0.0, 0.0)
    reach = max(-low, high)
    assert limits.equivalence_p(1.001 * reach) < 0.025 < limits.equivalence_p(0.999 * reach)
    assert Limits(0.0, 0.0, None, "both", "t").equivalence_p(0.1) == 1


@pytest.mark.parametrize("squared", [0.0, 1e-30])
def test_what_never_varied_is_not_certain(squared: float) -> None:
    """Five equal scores differ by rounding: no interval of width 1e-15."""
    difference = Limits(0.1, 0.0, None, "both", "t").difference
    mean = t_mean(0.1, squared, 4, 0.0, "both", "t")
    assert (difference.low, difference.high, difference.p_value) == (None, None, None)
    assert (mean.low, mean.high, mean.degrees_of_freedom) == (None, None, None)
