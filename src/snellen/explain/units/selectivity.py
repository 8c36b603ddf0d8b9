"""How well the activation of a unit separates classes: areas under ROC curves, mutual information, share of active
images.

All are computed from one ranking of the activations of each unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.delong_roc_areas import count_ties, roc_areas

LEVELS = 16
"""Most levels of activation in the mutual information; equal activations are in the same level."""


@dataclass(frozen=True, eq=False)
class Selectivity:
    """For U units and K classes. area, low, high, p: (U, K), the area of a class against the rest, its interval, and
    the p-value of "the unit does not separate this class from the rest"; NaN (p: 1) for a class with fewer than 2
    images.

    information: (U,) bits. active: (U,) number of images with an activation above 0, of `images`.
    """

    area: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    information: np.ndarray
    active: np.ndarray
    images: int


def selectivity(activation_NU: np.ndarray, labels_N: np.ndarray, num_classes: int) -> Selectivity:
    """The selectivity of all units. activation_NU: for images that the weights were not fitted to."""
    tied = [count_ties(values, labels_N, num_classes) for values in activation_NU.T]
    areas = [roc_areas(each) for each in tied]
    return Selectivity(
        area=np.stack([each.area for each in areas]),
        low=np.stack([each.low for each in areas]),
        high=np.stack([each.high for each in areas]),
        p=np.stack([each.p_value for each in areas]),
        information=np.array([information_bits(_levels(each)) for each in tied]),
        active=(activation_NU > 0).sum(0),
        images=len(labels_N),
    )


def _levels(tied: np.ndarray) -> np.ndarray:
    """(B, K) counts of each class in at most LEVELS levels with about the same number of images each."""
    sizes = tied.sum(1)
    middle = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    level = (middle * LEVELS).astype(int)
    counts = np.zeros((LEVELS, tied.shape[1]))
    np.add.at(counts, level, tied)
    return np.asarray(counts[counts.sum(1) > 0])


def information_bits(counts: np.ndarray) -> float:
    """Mutual information of level and class from (B, K) counts, in bits, corrected for bias; at least 0.

    The plug-in estimate is too large by about (B - 1)(K - 1)/(2 n) nats (Miller 1955).
    """
    total = counts.sum()
    joint = counts / total
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    plug_in = (joint * np.log(np.divide(joint, apart, where=joint > 0, out=np.ones_like(joint)))).sum()
    classes = (counts.sum(0) > 0).sum()
    return float(max(0.0, plug_in - (len(counts) - 1) * (classes - 1) / (2 * total)) / np.log(2))
