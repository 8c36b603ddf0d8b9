"""Pairs of classes that are confused in both directions more often than the other mistakes explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.holm import holm
from snellen.statistics.levels import SIGNIFICANT


@dataclass(frozen=True)
class MutualConfusion:
    """a_called_b, b_called_a: images. adjusted_p: Holm's, over all pairs of classes."""

    a: int
    b: int
    a_called_b: int
    b_called_a: int
    adjusted_p: float


def pairs_of(num_classes: int) -> int:
    """How many pairs of classes there are."""
    return num_classes * (num_classes - 1) // 2


def mutual_confusions(matrix_KK: np.ndarray) -> list[MutualConfusion]:
    """The pairs of K >= 3 classes that are confused both ways, most images first. For two classes there are none,
    because their mistakes can only go to each other. matrix_KK: int counts [true, predicted].

    A pair is confused both ways when, in each direction, the mistakes on one class go to the other more often than (1)
    mistakes that are spread evenly over the K - 1 other classes (one-sided binomial test), and (2) the mistakes on the
    remaining classes go to it, those that go to the first class left out (one-sided Fisher's exact test; without such
    mistakes only the first test counts), so that classes that are predicted too often in general are not called
    confused. The p-value of a pair is the largest of its four (an intersection-union test; Berger, Technometrics 24,
    1982); all pairs are corrected together (Holm).
    """
    num_classes = len(matrix_KK)
    if num_classes < 3:
        return []
    wrong = np.asarray(matrix_KK, np.int64) * (1 - np.eye(num_classes, dtype=np.int64))
    pairs = [(int(a), int(b)) for a, b in np.argwhere(np.triu(wrong * wrong.T, 1) > 0)]
    if not pairs:
        return []
    p_values = np.ones(pairs_of(num_classes))  # pairs that are never confused are part of the correction as well
    p_values[: len(pairs)] = [max(_one_way(wrong, a, b), _one_way(wrong, b, a)) for a, b in pairs]
    adjusted = holm(p_values)
    found = [
        MutualConfusion(a, b, int(wrong[a, b]), int(wrong[b, a]), float(p))
        for (a, b), p in zip(pairs, adjusted)
        if p < SIGNIFICANT
    ]
    return sorted(found, key=lambda one: -(one.a_called_b + one.b_called_a))


def _one_way(wrong_KK: np.ndarray, a: int, b: int) -> float:
    """p-value of the hypothesis that mistakes on `a` go to `b` no more often than by chance, or than mistakes on other
    classes."""
    from scipy.special import bdtrc

    hits, mistakes = int(wrong_KK[a, b]), int(wrong_KK[a].sum())
    evenly = float(bdtrc(hits - 1, mistakes, 1 / (len(wrong_KK) - 1)))
    to_b = int(wrong_KK[:, b].sum()) - hits
    to_a = int(wrong_KK[:, a].sum()) - int(wrong_KK[b, a])  # left out: mistakes on `a` cannot go to `a`
    of_others = int(wrong_KK.sum()) - mistakes - int(wrong_KK[b].sum()) - to_a
    return max(evenly, _fisher(hits, mistakes, to_b, of_others)) if of_others else evenly


def _fisher(hits: int, mistakes: int, to_b: int, of_others: int) -> float:
    """One-sided p-value of the hypothesis that `hits` of `mistakes` are not more frequent than `to_b` of
    `of_others`."""
    from scipy.special import gammaln

    total, successes = mistakes + of_others, hits + to_b
    drawn = np.arange(hits, min(mistakes, successes) + 1)

    def log_choose(n: np.ndarray | int, k: np.ndarray | int) -> np.ndarray:
        return np.asarray(gammaln(np.add(n, 1)) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n, k) + 1))

    logs = log_choose(mistakes, drawn) + log_choose(of_others, successes - drawn) - log_choose(total, successes)
    return float(min(1.0, np.exp(logs).sum()))
