"""Protects intervals of proportions: those of statsmodels, for whole and effective counts, and they cover."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from snellen.statistics.clopper_pearson_interval import clopper_pearson
from snellen.statistics.wilson_interval import share_limits, spread_ratio, wilson

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize(("found", "method"), [(wilson, "wilson"), (clopper_pearson, "beta")])
@pytest.mark.parametrize("count", [1, 2, 10, 360, 10_000])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_limits_are_those_of_statsmodels(found, method: str, count: int, confidence: float) -> None:  # type: ignore[no-untyped-def]
    for hits in sorted({0, 1, count // 3, count - 1, count}):
        expected = proportion_confint(hits, count, 1 - confidence, method)
        assert found(hits, count, confidence) == pytest.approx(expected, abs=1e-12)
    assert found(np.array([0, count]), count).shape == (2, 2)


def test_nothing_counted_may_be_any_share() -> None:
    assert clopper_pearson(0, 0) == pytest.approx((0, 1))


def test_wilson_covers() -> None:
    """Averaged over shares drawn evenly, 95 % intervals of 80 images hold the truth 95 % of the time."""
    shares = RANDOM.uniform(0.5, 1, 4_000)
    low, high = wilson(RANDOM.binomial(80, shares), 80)
    assert 0.94 < np.mean((low <= shares) & (shares <= high)) < 0.96


def test_answers_of_one_network_are_worth_their_number() -> None:
    right = RANDOM.random(300) < 0.8
    assert spread_ratio(right) == pytest.approx(1)
    assert share_limits(right) == pytest.approx(tuple(wilson(right.sum(), 300)))
    assert share_limits(np.ones(20)) == pytest.approx(tuple(wilson(20, 20)))


def test_shares_are_worth_as_many_answers_as_have_their_variance() -> None:
    """For many images the interval is the normal one of the shares themselves."""
    shares = RANDOM.beta(8, 2, 20_000)
    half = 1.96 * shares.std() / np.sqrt(20_000)
    assert share_limits(shares) == pytest.approx((shares.mean() - half, shares.mean() + half), abs=0.02 * half)


def test_shares_that_are_alike_up_to_rounding_count_as_single_answers() -> None:
    shares = np.tile(np.eye(7), 10).mean(0)
    assert spread_ratio(shares) == 1.0
