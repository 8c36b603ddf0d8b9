"""The Wilson interval of a proportion. Counts need not be whole: they may be effective numbers of images."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE, ROUNDING


def wilson(hits: np.ndarray | float, count: np.ndarray | float, confidence: float = CONFIDENCE) -> np.ndarray:
    """(2, ...) the limits of the Wilson score interval of `hits` of `count` > 0 (Wilson, JASA 22, 1927)."""
    from scipy.special import ndtri

    hits, count = np.asarray(hits, np.float64), np.asarray(count, np.float64)
    square = float(ndtri((1 + confidence) / 2)) ** 2
    centre = hits + square / 2
    reach = np.sqrt(square * (hits * (count - hits) / count + square / 4))
    return np.clip(np.stack([centre - reach, centre + reach]) / (count + square), 0.0, 1.0)


def wilson_limits(hits: float, count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The limits of `wilson`, of one proportion."""
    low, high = wilson(hits, count, confidence)
    return float(low), float(high)


def spread_ratio(shares_N: np.ndarray) -> float:
    """The variance over images of (N,) shares of right answers, divided by the variance of single answers with the same
    mean, in (0, 1]; 1 for answers that are 0 or 1, and if all shares are equal."""
    shares = np.asarray(shares_N, np.float64)
    single = float(shares.mean() * (1 - shares.mean()))
    ratio = float(shares.var()) / single if single > 0 else 1.0
    return min(1.0, ratio) if ratio > ROUNDING else 1.0


def share_limits(shares_N: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The limits of the mean of (N,) shares in [0, 1], such as the share of networks that are right on an image:
    Wilson's, for the number of single answers that has the variance of the shares."""
    shares = np.asarray(shares_N, np.float64)
    answers = len(shares) / spread_ratio(shares)
    return wilson_limits(float(shares.mean()) * answers, answers, confidence)
