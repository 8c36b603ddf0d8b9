"""Protects the mean difference of two networks in a loss."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.errors import StudyError
from snellen.statistics.paired_losses import paired_mean

RANDOM = np.random.default_rng(17)


def test_the_interval_is_that_of_scipy() -> None:
    """Of losses, by scipy's BCa bootstrap."""
    a, b = RANDOM.exponential(0.4, 400), RANDOM.exponential(0.5, 400)
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
