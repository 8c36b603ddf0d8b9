"""Areas under the ROC curve of one score for each class against the rest, with DeLong's intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.levels import CONFIDENCE


@dataclass(frozen=True, eq=False)
class RocAreas:
    """(K,) each. low, high: the interval. p_value: two-sided, for the hypothesis that the score does not separate this
    class from the rest. Areas and limits are NaN, and p-values 1, if there are fewer than 2 images of the class, or of
    the others."""

    area: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray


def count_ties(scores_N: np.ndarray, labels_N: np.ndarray, num_classes: int) -> np.ndarray:
    """(T, K): images of each class at each of the T different scores, in ascending order."""
    order = np.argsort(scores_N, kind="stable")
    starts = np.flatnonzero(np.diff(scores_N[order], prepend=np.nan) != 0)
    hits = np.zeros((len(scores_N), num_classes))
    hits[np.arange(len(scores_N)), labels_N[order]] = 1
    return np.add.reduceat(hits, starts, axis=0)


def roc_areas(tied_TK: np.ndarray, clipped: bool = True) -> RocAreas:
    """The area of each class; higher scores speak for the class, and ties count half. tied_TK: as `count_ties` returns
    it. clipped: whether limits are cut to [0, 1].

    The interval is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) in the fast form by ranks (Sun and
    Xu, IEEE Signal Processing Letters 21, 2014). The p-value is the larger of two: of the rank test (Mann and Whitney
    1947, with ties), which is right where the score separates nothing, and of DeLong's standard error. The latter
    protects scores that are nearly always 0, where the rank test would give p = 1e-7 for 3 positive scores of one
    class.
    """
    from scipy.special import ndtr, ndtri

    sizes = tied_TK.sum(1).astype(np.int64)
    total = sizes.sum()
    positives = tied_TK.sum(0)
    negatives = total - positives
    below = np.cumsum(tied_TK, 0) - tied_TK / 2
    others_below = (np.cumsum(sizes) - sizes / 2)[:, None] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        v, w = others_below / negatives, 1 - below / positives
        area = (v * tied_TK).sum(0) / positives
        variance = _variance(v, tied_TK) / positives + _variance(w, sizes[:, None] - tied_TK) / negatives
        ties = 1 - (sizes.astype(float) ** 3 - sizes).sum() / (total**3 - total)
        unrelated = (total + 1) / (12 * positives * negatives) * ties
        distance = np.abs(area - 0.5)
        p = 2 * ndtr(-np.minimum(distance / np.sqrt(unrelated), _per_error(distance, variance)))
    half = ndtri(1 - (1 - CONFIDENCE) / 2) * np.sqrt(variance)
    low, high = area - half, area + half
    if clipped:
        low, high = low.clip(0), high.clip(max=1)
    known = (np.minimum(positives, negatives) >= 2) & (len(sizes) > 1)
    enough = np.minimum(positives, negatives) >= 2
    return RocAreas(
        np.where(enough, area, np.nan),
        np.where(enough, low, np.nan),
        np.where(enough, high, np.nan),
        np.where(known, p, 1.0),
    )


def _variance(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(K,) of (T, K) values, each as often as weights says; divided by one less than there are."""
    count = weights.sum(0)
    mean = (values * weights).sum(0) / count
    variance: np.ndarray = ((values - mean) ** 2 * weights).sum(0) / (count - 1)
    return variance


def _per_error(distance: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Distances divided by their standard errors; without an error only the rank test counts."""
    return np.asarray(np.where(variance > 0, distance / np.sqrt(variance), np.inf))
