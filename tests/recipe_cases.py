"""Synthetic recipes: tables of seeds x images whose true accuracy is known, for the tests of what may be said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from snellen.evaluate.verdicts import verdict
from snellen.statistics.holm import family
from snellen.statistics.results import Limits
from snellen.statistics.seed_intervals import recipe_limits

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
SPREAD_OF_IMAGES = 3.0
"""Standard deviation of the log-odds of images: most are always right, a few depend on the seed."""


def share_right(log_odds: float, spread: float) -> float:
    """The mean of expit(log_odds + spread z) over a standard normal z."""
    return float(WEIGHTS @ expit(log_odds + spread * NODES) / WEIGHTS.sum())


@dataclass(frozen=True)
class Recipe:
    """accuracy: the mean over images and seeds. seed_deviation: how far a seed's accuracy on endless images varies.

    An answer is right with log-odds of the image + the seed, both normal: seeds and images are crossed.
    """

    accuracy: float
    seed_deviation: float

    @cached_property
    def seed_spread(self) -> float:
        """In log-odds: the deviation over the slope of accuracy, the mean of p (1 - p)."""
        centre = brentq(lambda odds: share_right(odds, SPREAD_OF_IMAGES) - self.accuracy, -20, 20)
        right = expit(centre + SPREAD_OF_IMAGES * NODES)
        return float(self.seed_deviation / (WEIGHTS @ (right * (1 - right)) / WEIGHTS.sum()))

    @cached_property
    def centre(self) -> float:
        """The log-odds at which images and seeds together have the accuracy."""
        spread = float(np.hypot(SPREAD_OF_IMAGES, self.seed_spread))
        return float(brentq(lambda odds: share_right(odds, spread) - self.accuracy, -20, 20))

    def train(self, images_N: np.ndarray, seeds: int, generator: np.random.Generator) -> np.ndarray:
        """(S, N) bool of new seeds on images of standard normal ease."""
        shift_S = self.centre + self.seed_spread * generator.standard_normal(seeds)
        odds_SN = shift_S[:, None].astype(np.float32) + np.float32(SPREAD_OF_IMAGES) * images_N
        return np.asarray(generator.random(odds_SN.shape, np.float32) < expit(odds_SN))


def images(count: int, generator: np.random.Generator) -> np.ndarray:
    """(N,) eases of new images."""
    return generator.standard_normal(count, np.float32)


def judged(limits: Limits) -> str:
    """The verdict on a pair that is alone in its family, in a word."""
    p_value = family([("pair", limits.p_value)])["pair"]
    return verdict(limits.difference, limits.at(0.95), p_value, 0.005).word


def words(a: Recipe, b: Recipe, seeds: int, count: int, draws: int) -> list[str]:
    """The verdicts on so many draws of two recipes, each on new images with new seeds."""
    generator = np.random.default_rng([seeds, count, draws])
    drawn = []
    for _ in range(draws):
        shown = images(count, generator)
        sides = (recipe.train(shown, seeds, generator) for recipe in (a, b))
        drawn.append(judged(recipe_limits(*sides)))
    return drawn


def is_decided(word: str) -> bool:
    """Whether one of the two is called better."""
    return "better" in word or "worse" in word
