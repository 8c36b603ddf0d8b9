"""Two trained networks on the same images. The sentence is about these two networks, not about their recipes."""

from __future__ import annotations

import numpy as np

from snellen.errors import StudyError
from snellen.evaluate.bootstrap import resample_means
from snellen.evaluate.intervals import percentiles
from snellen.evaluate.student import IMAGES, Difference


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value: of the images that one network alone gets right, is either's half? 1 when there is none.

    2 P(X <= min(b, c)) of X binomial(b + c, 1/2), at most 1 (McNemar 1947; the exact form).
    """
    from scipy.stats import binomtest

    discordant = int(only_a) + int(only_b)
    return float(binomtest(int(only_a), discordant).pvalue) if discordant else 1.0


def discordance(right_A: np.ndarray, right_B: np.ndarray) -> float:
    """Share of (N,) images that exactly one of two networks gets right."""
    return float(np.mean(np.asarray(right_A, bool) != np.asarray(right_B, bool)))


def network_difference(
    right_A: np.ndarray, right_B: np.ndarray, strata: np.ndarray | None = None, seed: int = 0
) -> Difference:
    """Accuracy of network A minus B from (N,) bool: exact McNemar p-value, paired bootstrap interval.

    strata: (N,) classes, where the split was stratified.
    """
    a, b = _same(np.asarray(right_A, bool), np.asarray(right_B, bool))
    p_value = mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    return _bootstrapped(a.astype(np.float64) - b, p_value, strata, seed, "exact McNemar, paired bootstrap")


def paired_bootstrap(
    values_A: np.ndarray, values_B: np.ndarray, strata: np.ndarray | None = None, seed: int = 0
) -> Difference:
    """Mean of (N,) per-image values (a loss, a Brier score) of A minus B; percentile interval, no p-value."""
    a, b = _same(np.asarray(values_A, np.float64), np.asarray(values_B, np.float64))
    return _bootstrapped(a - b, None, strata, seed, "paired bootstrap")


def _bootstrapped(
    differences_N: np.ndarray, p_value: float | None, strata: np.ndarray | None, seed: int, method: str
) -> Difference:
    value = float(differences_N.mean())
    draws = resample_means(differences_N[None], strata, seed)[:, 0]
    if np.ptp(draws) == 0:
        return Difference(value, None, None, p_value, 0.0, None, IMAGES, method)
    return Difference(value, *percentiles(draws), p_value, float(draws.std(ddof=1)), None, IMAGES, method)


def _same(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if a.shape != b.shape or a.ndim != 1:
        raise StudyError("two networks are compared on the same images", found=f"{a.shape} and {b.shape}")
    return a, b
