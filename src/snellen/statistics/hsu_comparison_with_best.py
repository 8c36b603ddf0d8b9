"""Comparison with the best: which models may be the best, and how far below the best each of the others may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.levels import SIGNIFICANT


@dataclass(frozen=True)
class WithBest:
    """A model minus the best of the others: simultaneous 95 % limits, low <= 0 <= high.

    not_worse: whether it may be the best; it is the only candidate if `low` is 0.
    """

    low: float
    high: float
    not_worse: bool


def confidence_of(models: int) -> float:
    """The confidence of the two-sided limits that `compare_with_best` needs: its questions are one-sided, at 5 % over
    the M - 1 comparisons of a model with the others (Bonferroni in place of Dunnett, since errors differ by pair)."""
    return 1 - 2 * SIGNIFICANT / max(1, models - 1)


def compare_with_best(lows_MM: np.ndarray, highs_MM: np.ndarray) -> list[WithBest]:
    """Hsu's constrained intervals for theta_i - max of the other thetas, one for each model.

    Hsu, Annals of Statistics 9, 1981, and Multiple Comparisons, 1996, chapter 4.

    lows_MM, highs_MM: [i, j] = limits of theta_i - theta_j at `confidence_of(M)`; -1 and 1 for pairs that cannot be
    compared; diagonals are not read.

        high_i = max(0, min_j high_ij),  i may be the best when that minimum is not negative
        low_i  = min(0, min over the j != i that may be the best of low_ij), 0 when there is none

    The best model is among `not_worse` with 95 % confidence. Hsu asks fewer and one-sided questions, so a model that
    shares a letter with the first may still be worse than the best.
    """
    models = len(lows_MM)
    if models < 2:
        return [WithBest(0.0, 0.0, True)] * models
    own = np.eye(models, dtype=bool)
    highest = np.where(own, np.inf, highs_MM).min(1)
    candidates = highest >= 0
    lowest = np.where(own | ~candidates, np.inf, lows_MM).min(1)
    lows = np.where(np.isinf(lowest), 0.0, np.minimum(0.0, lowest))
    highs = np.maximum(0.0, highest)
    return [WithBest(float(low), float(high), bool(may)) for low, high, may in zip(lows, highs, candidates)]
