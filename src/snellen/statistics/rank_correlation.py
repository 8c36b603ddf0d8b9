"""Whether two rankings agree: Spearman's rank correlation, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import atanh, sqrt, tanh
from statistics import NormalDist

import numpy as np

from snellen.statistics.levels import CONFIDENCE

FEWEST = 6
"""With fewer pairs the interval is uninformative, or covers less than it should (tests/statistics)."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's r with the limits of its interval, each in [-1, 1]."""

    value: float
    low: float
    high: float


def rank_correlation(a_N: np.ndarray, b_N: np.ndarray, confidence: float = CONFIDENCE) -> RankCorrelation | None:
    """Spearman's correlation of (N,) and (N,) values; None for fewer than FEWEST pairs, or if all values of one side
    are equal.

    The interval is Fisher's with the variance (1 + r^2 / 2) / (N - 3) of Bonett and Wright, Psychometrika 65 (2000)
    23-28. It treats the N pairs as a random sample of pairs.
    """
    from scipy.stats import spearmanr

    n = len(a_N)
    if n < FEWEST or np.ptp(a_N) == 0 or np.ptp(b_N) == 0:
        return None
    value = float(spearmanr(a_N, b_N).statistic)
    centre = atanh(max(-1 + 1e-9, min(1 - 1e-9, value)))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt((1 + value**2 / 2) / (n - 3))
    return RankCorrelation(value, tanh(centre - half), tanh(centre + half))
