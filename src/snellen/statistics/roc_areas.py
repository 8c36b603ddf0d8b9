"""Areas under the ROC curve of one class against the rest, with DeLong's covariance between models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.errors import DataError
from snellen.statistics.proportions import CONFIDENCE
from snellen.statistics.t_intervals import IMAGES, NEGLIGIBLE, Difference


@dataclass(frozen=True, eq=False)
class Areas:
    """values: (M,) areas. covariance: (M, M) of their estimates over other images."""

    values: np.ndarray
    covariance: np.ndarray


def roc_areas(positive_N: np.ndarray, scores_MN: np.ndarray) -> Areas:
    """Areas of M models from (N,) bool and (M, N) scores, higher for the class; ties count half.

    DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) in O(N log N) by midranks (Sun and Xu, IEEE Signal
    Processing Letters 21, 2014). With p positives and q negatives, v = (rank among all - rank among positives)/q of a
    positive, w = 1 - (rank among all - rank among negatives)/p of a negative: covariance = cov(v)/p + cov(w)/q.
    Raises DataError unless there are at least 2 images on each side.
    """
    from scipy.stats import rankdata

    positive = np.asarray(positive_N, bool)
    p, q = int(positive.sum()), int((~positive).sum())
    if min(p, q) < 2:
        raise DataError("too few images for the area", found=f"{p} of the class, {q} others", expected="2 of each")
    scores = np.atleast_2d(scores_MN)
    ranks = rankdata(scores, axis=1)
    v = (ranks[:, positive] - rankdata(scores[:, positive], axis=1)) / q
    w = 1 - (ranks[:, ~positive] - rankdata(scores[:, ~positive], axis=1)) / p
    return Areas(v.mean(1), np.atleast_2d(np.cov(v) / p + np.cov(w) / q))


def area_interval(positive_N: np.ndarray, scores_N: np.ndarray) -> tuple[float, float | None, float | None]:
    """Area of one model and its 95 % DeLong interval, within [0, 1]; without one when the two sides do not overlap."""
    areas = roc_areas(positive_N, scores_N)
    value, error = float(areas.values[0]), float(np.sqrt(areas.covariance[0, 0]))
    if error <= NEGLIGIBLE:
        return value, None, None
    half = _normal_quantile() * error
    return value, max(0.0, value - half), min(1.0, value + half)


def area_difference(positive_N: np.ndarray, a_N: np.ndarray, b_N: np.ndarray) -> Difference:
    """Area of A minus area of B on the same images, normal interval and p-value (DeLong 1988)."""
    from scipy.special import ndtr

    areas = roc_areas(positive_N, np.stack([a_N, b_N]))
    value = float(areas.values[0] - areas.values[1])
    contrast = np.array([1.0, -1.0])
    variance = float(contrast @ areas.covariance @ contrast)
    if variance <= NEGLIGIBLE * np.trace(areas.covariance):
        return Difference(value, None, None, None, 0.0, None, IMAGES, "DeLong")
    error = float(np.sqrt(variance))
    half, p_value = _normal_quantile() * error, float(2 * ndtr(-abs(value) / error))
    return Difference(value, value - half, value + half, p_value, error, None, IMAGES, "DeLong")


def _normal_quantile() -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - (1 - CONFIDENCE) / 2))
