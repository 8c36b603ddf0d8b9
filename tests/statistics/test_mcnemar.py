"""Protects the comparison of two networks: McNemar is statsmodels', its interval agrees with it and covers, and so does
that of means over networks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference

from snellen.statistics.mcnemar import discordance_of, mcnemar, paired_limits

RANDOM = np.random.default_rng(17)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (1, 0), (5, 5), (12, 3), (40, 61), (300, 220), (0, 9)])
def test_mcnemar_is_that_of_statsmodels(only_a: int, only_b: int) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(reference([[7, only_a], [only_b, 3]], exact=True).pvalue)


def test_three_images_of_64_are_no_difference() -> None:
    """All three one way: p is .25, and the interval holds 0."""
    low, high = paired_limits(0, 3, 64)
    assert mcnemar(0, 3) == 0.25 and low < -0.03 and high > 0.01


@pytest.mark.parametrize("confidence", [0.95, 0.99])
def test_the_interval_leaves_out_0_exactly_where_the_test_rejects(confidence: float) -> None:
    for only_a, only_b, images in product(range(25), range(25), (50, 5_000)):
        low, high = paired_limits(only_a, only_b, images, confidence)
        assert (low > 0 or high < 0) == (mcnemar(only_a, only_b) < 1 - confidence)
        assert -1 <= low <= (only_a - only_b) / images <= high <= 1


def test_networks_that_never_disagree_have_an_interval() -> None:
    """No more than the rule of three allows: 3.84 / (n + 3.84)."""
    assert mcnemar(0, 0) == 1.0
    assert paired_limits(0, 0, 100) == pytest.approx((-0.037, 0.037), abs=1e-4)


@pytest.mark.parametrize("images", [5, 10, 20, 64, 200, 1_000, 10_000])
@pytest.mark.parametrize("discordant", [0.002, 0.01, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("share_a", [0.5, 0.6, 0.8, 0.95, 1.0])
def test_the_interval_covers(images: int, discordant: float, share_a: float) -> None:
    """At least 93 % of 3,000 draws, from five images to ten thousand."""
    found = RANDOM.binomial(images, discordant, 3_000)
    only_a = RANDOM.binomial(found, share_a)
    limits = {pair: paired_limits(*pair, images) for pair in {*zip(only_a, found - only_a)}}
    ends = np.array([limits[pair] for pair in zip(only_a, found - only_a)])
    truth = discordant * (2 * share_a - 1)
    assert np.mean((ends[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= ends[:, 1])) >= 0.93


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_the_interval_covers_where_classes_are_small(size: int) -> None:
    """Classes of one to ten images that keep their size, half of them much harder than the others: bootstraps within
    classes of two covered 82 %."""
    classes = np.repeat(np.arange(16), size)
    p_a, p_b = np.where(classes % 2, 0.95, 0.6), np.where(classes % 2, 0.9, 0.5)
    a, b = (RANDOM.random((2_000, len(classes))) < share for share in (p_a, p_b))
    truth = float((p_a - p_b).mean())
    ends = np.array([discordance_of(*each).limits() for each in zip(a, b)])
    assert np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) >= 0.93


def test_many_images_have_the_normal_interval() -> None:
    a, b = RANDOM.random((2, 50_000)) < np.array([[0.9], [0.88]])
    error = (a.astype(float) - b).std() / np.sqrt(50_000)
    low, high = discordance_of(a, b).limits()
    middle = a.mean() - b.mean()
    assert (low, high) == pytest.approx((middle - 1.96 * error, middle + 1.96 * error), abs=0.05 * error)


def test_counts_of_two_networks_are_those_of_the_images() -> None:
    a, b = RANDOM.random((2, 300)) < 0.8
    found = discordance_of(a, b)
    assert (found.only_a, found.only_b, found.images) == pytest.approx(((a & ~b).sum(), (~a & b).sum(), 300))


def test_means_over_networks_keep_the_variance_of_their_difference() -> None:
    a, b = RANDOM.random((2, 5, 20_000)) < np.array([[[0.9]], [[0.85]]])
    difference = a.mean(0) - b.mean(0)
    half = 1.96 * difference.std() / np.sqrt(20_000)
    low, high = discordance_of(a.mean(0), b.mean(0)).limits()
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.05 * half)


def test_shares_that_are_alike_up_to_rounding_are_no_infinite_number_of_images() -> None:
    seeds = np.tile(np.eye(7), 10)
    found = discordance_of(seeds.mean(0), (1 - seeds).mean(0))
    assert found.images == 70
    assert (found.p_value < 0.05) == (found.limits()[1] < 0)
