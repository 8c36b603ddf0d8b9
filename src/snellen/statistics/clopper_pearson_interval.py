"""The exact interval of a proportion, of Clopper and Pearson. Counts need not be whole."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE, ROUNDING


def clopper_pearson(hits: np.ndarray | float, count: np.ndarray | float, confidence: float = CONFIDENCE) -> np.ndarray:
    """(2, ...) the exact limits of `hits` of `count` >= 0, by quantiles of the beta distribution; 0 and 1 for a count
    of 0.

    Clopper and Pearson, Biometrika 26, 1934. They leave out 1/2 where the doubled exact binomial test of 1/2 rejects.
    """
    from scipy.special import betaincinv

    hits, count = np.asarray(hits, np.float64), np.asarray(count, np.float64)
    misses, tail = np.maximum(count - hits, 0.0), (1 - confidence) / 2
    no_hits, no_misses = hits <= ROUNDING, misses <= ROUNDING
    low = betaincinv(np.where(no_hits, 1.0, hits), misses + 1, tail)
    high = betaincinv(hits + 1, np.where(no_misses, 1.0, misses), 1 - tail)
    return np.stack([np.where(no_hits, 0.0, low), np.where(no_misses, 1.0, high)])
