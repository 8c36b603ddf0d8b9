"""Comparison with the best: which models may be the best one, and how far below it each of the others may lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.evaluate.student import SIGNIFICANT


@dataclass(frozen=True)
class WithBest:
    """A model minus the best of the others: simultaneous 95 % limits, low <= 0 <= high.

    not_worse: it may be the best; the only one if `low` is 0.
    """

    low: float
    high: float
    not_worse: bool


def compare_with_best(differences_MM: np.ndarray, errors_MM: np.ndarray, freedom_MM: np.ndarray) -> list[WithBest]:
    """Hsu's constrained intervals for theta_i - max of the other thetas, one a model.

    Hsu, Annals of Statistics 9, 1981, and Multiple Comparisons, 1996, chapter 4.

    differences_MM: [i, j] = estimate of theta_i - theta_j; errors_MM: standard errors; freedom_MM: degrees of freedom
    (np.inf: normal); diagonals are not read. With c the one-sided t quantile at 5 % over the M - 1 comparisons of a
    model with the others (Bonferroni in place of Dunnett, since the errors differ from pair to pair):

        high_i = max(0, min_j (d_ij + c SE_ij)),  i may be the best when that minimum is not negative
        low_i  = min(0, min over the j != i that may be the best of (d_ij - c SE_ij)), 0 when there is none

    The best model stands among `not_worse` with 95 % confidence. Hsu asks fewer and one-sided questions, so a model
    that shares a letter with the first may still be worse than the best.
    """
    models = len(differences_MM)
    if models < 2:
        return [WithBest(0.0, 0.0, True)] * models
    reach = _quantile(1 - SIGNIFICANT / (models - 1), np.asarray(freedom_MM, np.float64)) * errors_MM
    own = np.eye(models, dtype=bool)
    highest = np.where(own, np.inf, differences_MM + reach).min(1)
    candidates = highest >= 0
    lowest = np.where(own | ~candidates, np.inf, differences_MM - reach).min(1)
    lows = np.where(np.isinf(lowest), 0.0, np.minimum(0.0, lowest))
    highs = np.maximum(0.0, highest)
    return [WithBest(float(low), float(high), bool(may)) for low, high, may in zip(lows, highs, candidates)]


def _quantile(probability: float, freedom: np.ndarray) -> np.ndarray:
    """Quantiles of Student's t; of the normal where the degrees of freedom are infinite."""
    from scipy.special import ndtri, stdtrit

    finite = np.where(np.isfinite(freedom), freedom, 1.0)
    return np.asarray(np.where(np.isfinite(freedom), stdtrit(finite, probability), ndtri(probability)))
