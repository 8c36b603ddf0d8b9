"""The power of a comparison at the margin, never at the observed difference, and the images or seeds that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, crossed_variance
from snellen.statistics.student_t import Term, satterthwaite, t_quantile

WANTED = 0.8
MOST_IMAGES = 100_000_000
MOST_SEEDS = 1_000
"""Larger numbers are not returned: the answer is None."""


def network_power(discordance: float, images: int, margin: float, level: float = SIGNIFICANT) -> float:
    """Probability that exact McNemar finds a network better by `margin` (a share), at the observed discordance.

    The number of discordant images is Binomial(n, discordance), of which the better network gets (discordance + margin)
    / (2 discordance) right; summed over both binomials, without approximation. Networks that differ by the margin
    disagree on at least that share, so the discordance is at least the margin. level: two-sided; divide it by the
    comparisons.
    """
    from scipy.stats import binom

    discordance = max(discordance, margin)
    low, high = binom.ppf([1e-10, 1 - 1e-10], images, discordance).astype(np.int64)
    counts = np.arange(low, high + 1)
    most_against = binom.ppf(level / 2, counts, 0.5) - 1
    power = binom.sf(counts - most_against - 1, counts, (discordance + margin) / (2 * discordance))
    return float(binom.pmf(counts, images, discordance) @ np.where(most_against < 0, 0.0, power))


def detectable_by_networks(discordance: float, images: int, level: float = SIGNIFICANT) -> float | None:
    """The smallest difference that exact McNemar finds with power 0.8, if it is added to the observed discordance: the
    better network is right on that many more images. None if it is above 1."""
    return _smallest(lambda margin: network_power(min(1.0, discordance + margin), images, margin, level))


def images_for_networks(discordance: float, margin: float, level: float = SIGNIFICANT) -> int | None:
    """The number of images with which a difference of `margin` between two networks of this discordance is found with
    power 0.8."""
    return _least(lambda images: network_power(discordance, images, margin, level), 1, MOST_IMAGES)


@dataclass(frozen=True)
class RecipeNoise:
    """Variances of one answer to one image, of recipes A and B. seeds: variance of the accuracy between seeds, without
    the noise of images; residual: variance that neither seed nor image explains; images: variance over images of the
    difference."""

    seeds_A: float
    seeds_B: float
    residual_A: float
    residual_B: float
    images: float


def recipe_noise(a_SN: np.ndarray, b_SN: np.ndarray) -> RecipeNoise:
    """The noise of two recipes on the same N images, (S_A, N) and (S_B, N), at least 2 seeds a side.

    By mean squares, none below 0: seeds = s_a^2 - MS_r/n; images = var_i(d_i) - MS_rA/S_A - MS_rB/S_B.
    """
    a, b = crossed_variance(a_SN), crossed_variance(b_SN)
    d_N = np.mean(a_SN, 0) - np.mean(b_SN, 0)
    images = float(d_N.var(ddof=1)) - a.residual / a.seeds - b.residual / b.seeds
    seeds_A, seeds_B = (max(0.0, side.between_seeds - side.residual / side.images) for side in (a, b))
    return RecipeNoise(seeds_A, seeds_B, a.residual, b.residual, max(0.0, images))


def recipe_power(noise: RecipeNoise, seeds: int, images: int, margin: float, level: float = SIGNIFICANT) -> float:
    """Probability that `recipe_difference` finds a recipe better by `margin` with this many seeds a side and images.

    Noncentral t at margin / SE, with the SE and the degrees of freedom that are expected from the noise.
    """
    from scipy.stats import nct

    terms = _expected(noise, seeds, images)
    squared_error = sum(term.variance for term in terms)
    if squared_error == 0:
        return 1.0
    freedom = satterthwaite(squared_error, terms)
    quantile = t_quantile(1 - level / 2, freedom)
    return float(nct.sf(quantile, freedom, margin / float(np.sqrt(squared_error))))


def detectable_by_recipes(noise: RecipeNoise, seeds: int, images: int, level: float = SIGNIFICANT) -> float | None:
    """The smallest difference that `recipe_difference` finds with power 0.8, from this many seeds a side and images."""
    return _smallest(lambda margin: recipe_power(noise, seeds, images, margin, level))


def detectable_by_t(standard_error: float, degrees_of_freedom: float, level: float = SIGNIFICANT) -> float | None:
    """The smallest difference that a t test with this standard error finds with power 0.8: the upper tail of the
    noncentral t."""
    from scipy.stats import nct

    quantile = t_quantile(1 - level / 2, degrees_of_freedom)
    return _smallest(lambda margin: float(nct.sf(quantile, degrees_of_freedom, margin / standard_error)))


def seeds_for_recipes(noise: RecipeNoise, images: int, margin: float, level: float = SIGNIFICANT) -> int | None:
    """The number of seeds a side with which a difference of `margin` is found with power 0.8 on these images. None if
    no number of seeds suffices, because there are too few images.
    """
    return _least(lambda seeds: recipe_power(noise, seeds, images, margin, level), MIN_SEEDS_COMPARED, MOST_SEEDS)


def images_for_recipes(noise: RecipeNoise, seeds: int, margin: float, level: float = SIGNIFICANT) -> int | None:
    """The number of images with which a difference of `margin` is found with power 0.8 from these seeds a side. None if
    no number of images suffices, because there are too few seeds.
    """
    return _least(lambda images: recipe_power(noise, seeds, images, margin, level), 2, MOST_IMAGES)


def _expected(noise: RecipeNoise, seeds: int, images: int) -> tuple[Term, Term, Term]:
    """The expected values of the three terms of `recipe_difference`."""
    a, b = noise.seeds_A + noise.residual_A / images, noise.seeds_B + noise.residual_B / images
    between_images = noise.images + (noise.residual_A + noise.residual_B) / seeds
    return Term(a / seeds, seeds - 1), Term(b / seeds, seeds - 1), Term(between_images / images, images - 1)


def _least(power: Callable[[int], float], lowest: int, highest: int) -> int | None:
    """The smallest number with enough power; `power` grows with the number. None if it is above `highest`."""
    low, high = lowest - 1, lowest
    while power(high) < WANTED:
        if high >= highest:
            return None
        low, high = high, min(2 * high, highest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= WANTED else (middle, high)
    return high


def _smallest(power: Callable[[float], float]) -> float | None:
    """The smallest difference in (0, 1] with enough power, to a relative accuracy of 1 in 10,000; `power` grows with
    the difference."""
    low, high = 0.0, 1.0
    if not power(high) >= WANTED:
        return None
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= WANTED else (middle, high)
    return high
