"""Protects Student's t: Satterthwaite is Welch's where they meet, and what never varied has no interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.evaluate.student import Term, satterthwaite, t_difference, t_limits, t_mean, t_p_value

RANDOM = np.random.default_rng(3)


def test_it_is_welch_for_two_samples() -> None:
    a, b = RANDOM.normal(1, 1, 5), RANDOM.normal(0, 3, 9)
    terms = [Term(each.var(ddof=1) / len(each), len(each) - 1) for each in (a, b)]
    squared = sum(term.variance for term in terms)
    welch = stats.ttest_ind(a, b, equal_var=False)
    found = t_difference(a.mean() - b.mean(), squared, satterthwaite(squared, terms), "both", "Welch")
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


@pytest.mark.parametrize("squared", [0.0, 1e-30])
def test_what_never_varied_is_not_certain(squared: float) -> None:
    """Five equal scores differ by rounding: no interval of width 1e-15."""
    difference = t_difference(0.1, squared, 4, "both", "t")
    mean = t_mean(0.1, squared, 4, 0.0, "both", "t")
    assert (difference.low, difference.high, difference.p_value) == (None, None, None)
    assert (mean.low, mean.high, mean.degrees_of_freedom) == (None, None, None)
