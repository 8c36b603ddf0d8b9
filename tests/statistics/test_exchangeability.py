"""Protects the check of exchangeability: its rate of false alarms, its power, and scipy's distance."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest, permutation_test

from snellen.statistics.exchangeability import permutation_p

RANDOM = np.random.default_rng(9)


def test_alike_sets_are_seldom_found_unlike() -> None:
    p_values = np.array([permutation_p(RANDOM.random(60), RANDOM.random(80)) for _ in range(300)])
    assert 0.01 < np.mean(p_values <= 0.05) < 0.09


def test_a_shift_is_found() -> None:
    assert permutation_p(RANDOM.beta(8, 1, 1_000), RANDOM.beta(6, 1, 8_000)) <= 0.002
    assert permutation_p(np.empty(0), RANDOM.random(5)) == 1.0


def test_the_p_value_is_that_of_scipy() -> None:
    a, b = RANDOM.integers(0, 12, 50), RANDOM.integers(1, 13, 40)
    known = permutation_test(
        (a, b), lambda x, y: kstest(x, y, method="asymp").statistic, alternative="greater", n_resamples=2_000, rng=1
    ).pvalue
    assert abs(permutation_p(a, b) - known) < 0.04
