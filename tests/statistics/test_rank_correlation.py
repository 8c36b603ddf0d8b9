"""Protects the rank correlation: SciPy's value, an interval that covers, and none of too few classes."""

from __future__ import annotations

from math import asin, pi

import numpy as np
import pytest
from scipy.stats import spearmanr

from snellen.statistics.rank_correlation import FEWEST, rank_correlation


def test_the_value_is_scipys_and_ties_share_ranks() -> None:
    a, b = np.array([1.0, 2, 2, 4, 5, 6, 7]), np.array([2.0, 1, 4, 3, 7, 6, 6])
    found = rank_correlation(a, b)
    assert found is not None and found.value == pytest.approx(spearmanr(a, b).statistic)
    assert -1 <= found.low < found.value < found.high <= 1


def test_none_of_too_few_or_of_equal_values() -> None:
    few = np.arange(FEWEST - 1.0)
    assert rank_correlation(few, few) is None
    assert rank_correlation(np.ones(10), np.arange(10.0)) is None
    whole = rank_correlation(np.arange(10.0), -np.arange(10.0))
    assert whole is not None and whole.value == pytest.approx(-1) and whole.high < 0


@pytest.mark.parametrize("n", [FEWEST, 10, 40])
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_the_interval_covers(n: int, correlation: float) -> None:
    """Of normal pairs Spearman's population value is 6 / pi asin(rho / 2)."""
    draw, truth, covered = np.random.default_rng(0), 6 / pi * asin(correlation / 2), 0
    for _ in range(500):
        a, noise = draw.standard_normal((2, n))
        found = rank_correlation(a, correlation * a + (1 - correlation**2) ** 0.5 * noise)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert covered >= 465, "93 % of 500, three standard errors below 95.5 %"
