"""Sets of classes that hold the true one with a stated probability: adaptive prediction sets (APS), split conformal.

Romano, Sesia and Candès, "Classification with Valid and Adaptive Coverage", NeurIPS 2020, without randomisation, so
that equal images get equal sets, which are a little larger than needed. The guarantee is an average over all images and
over draws of the calibration images; it does not hold for each class.
"""

from __future__ import annotations

from math import ceil

import numpy as np


def cumulative(probabilities_NK: np.ndarray) -> np.ndarray:
    """(N, K) float64: for each class the sum of the probabilities of the classes that are at least as probable; ties go
    to the first classes."""
    order = np.argsort(-probabilities_NK, axis=1, kind="stable")
    ordered = np.cumsum(np.take_along_axis(probabilities_NK.astype(np.float64), order, 1), 1)
    sums = np.empty_like(ordered)
    np.put_along_axis(sums, order, ordered, 1)
    return sums


def conformal_limit(probabilities_NK: np.ndarray, labels_N: np.ndarray, coverage: float) -> float | None:
    """The limit of `cumulative` that the true class of a new image does not exceed with probability `coverage`, from N
    calibration images: the ceil((N + 1) coverage)-th smallest of theirs; None if there are too few images."""
    place = ceil((len(labels_N) + 1) * coverage - 1e-9)
    if place > len(labels_N):
        return None
    own = cumulative(probabilities_NK)[np.arange(len(labels_N)), labels_N]
    return float(np.partition(own, place - 1)[place - 1])


def conformal_sets(probabilities_NK: np.ndarray, limit: float) -> np.ndarray:
    """(N, K) bool: the classes whose `cumulative` does not exceed the limit, and always the most probable one."""
    sets = cumulative(probabilities_NK) <= limit
    sets[np.arange(len(sets)), probabilities_NK.argmax(1)] = True
    return np.asarray(sets)
