"""Protects the difference of two accuracies on different images: it covers, and its test agrees with its interval."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.proportion import test_proportions_2indep as reference

from snellen.statistics.independent_proportions import difference_limits, difference_p_value


@pytest.mark.parametrize("counts", [(20, 20), (20, 60), (20, 1_000), (50, 150), (2_500, 7_500)])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 0.99, 0.998])
def test_equal_accuracies_are_rarely_told_apart(counts: tuple[int, int], share: float) -> None:
    """Of 3,000 draws at most 2.5 % on either side, and two standard errors."""
    generator = np.random.default_rng([*counts, round(1_000 * share)])
    hits = [generator.binomial(count, share, 3_000) for count in counts]
    limits = {pair: difference_limits(pair[0], counts[0], pair[1], counts[1]) for pair in {*zip(*hits)}}
    ends = np.array([limits[pair] for pair in zip(*hits)])
    most = 0.025 + 2 * np.sqrt(0.025 * 0.975 / 3_000)
    assert np.mean(ends[:, 0] > 0) <= most and np.mean(ends[:, 1] < 0) <= most


def test_the_test_agrees_with_the_interval() -> None:
    generator = np.random.default_rng(1)
    for _ in range(200):
        pair = generator.binomial(40, 0.8), 40, generator.binomial(300, 0.9), 300
        low, high = difference_limits(*pair)
        assert (difference_p_value(*pair) < 0.05) == (low > 0 or high < 0)


def test_many_images_have_the_interval_and_the_test_of_statsmodels() -> None:
    pair = 18_100, 20_000, 54_500, 60_000
    assert difference_limits(*pair) == pytest.approx(
        confint_proportions_2indep(*pair, method="newcomb", compare="diff"), abs=1e-4
    )
    assert difference_p_value(*pair) == pytest.approx(reference(*pair).pvalue, rel=0.1)
