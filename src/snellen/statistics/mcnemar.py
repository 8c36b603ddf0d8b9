"""Two classifiers on the same images: the exact test of McNemar, and an interval that agrees with it.

only_a, only_b: the numbers of images that only A, and only B, gets right. They need not be whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.clopper_pearson_interval import clopper_pearson
from snellen.statistics.levels import CONFIDENCE, ROUNDING
from snellen.statistics.wilson_interval import wilson


def mcnemar(only_a: float, only_b: float) -> float:
    """Exact two-sided p-value of the hypothesis that each gets half of the images that only one of them gets right; 1
    if there are no such images.

    2 P(X >= max(b, c)) of X binomial(b + c, 1/2), at most 1 (McNemar, Psychometrika 12, 1947; the exact form), by the
    incomplete beta function.
    """
    from scipy.special import betainc

    most, least = max(only_a, only_b), min(only_a, only_b)
    return min(1.0, 2 * float(betainc(most, least + 1, 0.5))) if most > 0 else 1.0


def mcnemar_of_counts(lost: np.ndarray, won: np.ndarray) -> np.ndarray:
    """`mcnemar` of many pairs of whole counts at once, by the binomial distribution."""
    from scipy.special import bdtr

    changed = lost + won
    p: np.ndarray = 2 * bdtr(np.minimum(lost, won).astype(float), changed, 0.5)
    return p.clip(max=1)


def paired_limits(only_a: float, only_b: float, images: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The limits of the difference (only_a - only_b) / images of two accuracies, in [-1, 1]; images > 0.

    The difference is a product: the share of images that only one of them gets right, times 2 theta - 1, with theta the
    part of these images that A gets right. The share has Wilson limits and theta exact ones, which are combined by
    MOVER (Zou and Donner, Statistics in Medicine 27, 2008). So the interval excludes 0 exactly if that of theta
    excludes 1/2, which is when `mcnemar` rejects; and its width is above 0 also if no image differs. Coverage measured:
    at least 93 % of 20,000 draws, from 5 images to 10,000 (tests/statistics), but 91 % where the two differ on nearly
    all of 5 or 10 images.
    """
    discordant = only_a + only_b
    share, (share_low, share_high) = discordant / images, wilson(discordant, images, confidence)
    lean = 2 * clopper_pearson(only_a, discordant, confidence) - 1
    value = (only_a - only_b) / discordant if discordant > 0 else 0.0

    def upper(value: float, lean_high: float) -> float:
        edge = share_high - share if lean_high > 0 else share - share_low
        return float(share * value + np.hypot(share * (lean_high - value), lean_high * edge))

    return max(-1.0, -upper(-value, -float(lean[0]))), min(1.0, upper(value, float(lean[1])))


@dataclass(frozen=True)
class Discordance:
    """Effective counts of images that only one side gets right, when a side is a mean over networks. images: the
    effective number of images, which is larger than the real one if the mean varies less from image to image than one
    network does."""

    only_a: float
    only_b: float
    images: float

    @property
    def p_value(self) -> float:
        """The exact p-value, by `mcnemar`."""
        return mcnemar(self.only_a, self.only_b)

    def limits(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The limits over other images alone, by `paired_limits`."""
        return paired_limits(self.only_a, self.only_b, self.images, confidence)


def discordance_of(right_A: np.ndarray, right_B: np.ndarray) -> Discordance:
    """The discordance of (N,) shares of networks that are right on each image; for shares of 0 and 1, the counts of
    images.

    The counts of one pair of networks are sums of p_A (1 - p_B) and (1 - p_A) p_B; all three numbers are divided by the
    ratio of the variance of p_A - p_B over images to that of one pair, so the variance of the difference is kept.
    """
    a, b = np.asarray(right_A, np.float64), np.asarray(right_B, np.float64)
    only_a, only_b, images = float((a * (1 - b)).sum()), float(((1 - a) * b).sum()), len(a)
    single = (only_a + only_b) / images - ((only_a - only_b) / images) ** 2
    ratio = float((a - b).var()) / single if single > 0 else 1.0
    ratio = min(1.0, ratio) if ratio > ROUNDING else 1.0
    return Discordance(only_a / ratio, only_b / ratio, images / ratio)
