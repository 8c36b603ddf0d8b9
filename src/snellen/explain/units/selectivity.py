"""How well the activation of a unit tells classes apart: areas under ROC curves, shared information, how often on.

Everything is computed for all units and classes together from one ranking of each unit's activations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = 16
"""Levels of activation between which mutual information tells: at most; equal activations stay together."""
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Selectivity:
    """Of U units and K classes. area, low, high, p: (U, K), the area of a class against the rest, its interval, and the
    p-value of "the unit does not tell this class from the rest"; NaN (p: 1) where a class has under 2 pictures.

    information: (U,) bits. active: (U,) pictures with an activation above 0, of `images`.
    """

    area: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    information: np.ndarray
    active: np.ndarray
    images: int


def selectivity(activation_NU: np.ndarray, labels_N: np.ndarray, num_classes: int) -> Selectivity:
    """All of it, from activations of pictures that fitted no weights."""
    each = [_of_unit(values, labels_N, num_classes) for values in activation_NU.T]
    area, low, high, p = (np.stack(parts) for parts in zip(*(areas for areas, _ in each), strict=True))
    information = np.array([bits for _, bits in each])
    active = (activation_NU > 0).sum(0)
    return Selectivity(area, low, high, p, information, active, len(labels_N))


def _of_unit(values: np.ndarray, labels: np.ndarray, num_classes: int) -> tuple[tuple[np.ndarray, ...], float]:
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    sizes = np.diff(starts, append=len(values))
    hits = np.zeros((len(values), num_classes))
    hits[np.arange(len(values)), labels[order]] = 1
    tied = np.add.reduceat(hits, starts, axis=0)
    return _areas(tied, sizes), information_bits(_levels(tied, sizes))


def _areas(tied: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Area, interval and p-value of each class from (T, K) counts of T activations in ascending order.

    The interval is DeLong's, in the fast form by ranks (Sun and Xu 2014). The p-value is the larger of two: of the rank
    test (Mann and Whitney 1947, with ties), right where nothing is told apart, and of DeLong's error, which does not
    fall for units that are nearly always silent: there 3 active pictures of one class would be "p = 1e-7".
    """
    from scipy.special import ndtr, ndtri

    total = sizes.sum()
    positives = tied.sum(0)
    negatives = total - positives
    below = np.cumsum(tied, 0) - tied / 2
    others_below = (np.cumsum(sizes) - sizes / 2)[:, None] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        v, w = others_below / negatives, 1 - below / positives
        area = (v * tied).sum(0) / positives
        variance = _variance(v, tied) / positives + _variance(w, sizes[:, None] - tied) / negatives
        ties = 1 - (sizes.astype(float) ** 3 - sizes).sum() / (total**3 - total)
        unrelated = (total + 1) / (12 * positives * negatives) * ties
        distance = np.abs(area - 0.5)
        p = 2 * ndtr(-np.minimum(distance / np.sqrt(unrelated), _per_error(distance, variance)))
    half = ndtri(1 - (1 - LEVEL) / 2) * np.sqrt(variance)
    known = (np.minimum(positives, negatives) >= 2) & (len(sizes) > 1)
    enough = np.minimum(positives, negatives) >= 2
    return (
        np.where(enough, area, np.nan),
        np.where(enough, (area - half).clip(0), np.nan),
        np.where(enough, (area + half).clip(max=1), np.nan),
        np.where(known, p, 1.0),
    )


def _variance(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(K,) of (T, K) values, each as often as weights says; divided by one less than there are."""
    count = weights.sum(0)
    mean = (values * weights).sum(0) / count
    found: np.ndarray = ((values - mean) ** 2 * weights).sum(0) / (count - 1)
    return found


def _per_error(distance: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Distances in errors; without an error only the rank test speaks."""
    return np.asarray(np.where(variance > 0, distance / np.sqrt(variance), np.inf))


def _levels(tied: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(B, K) counts in at most LEVELS levels of about as many pictures each."""
    middle = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    level = (middle * LEVELS).astype(int)
    counts = np.zeros((LEVELS, tied.shape[1]))
    np.add.at(counts, level, tied)
    return np.asarray(counts[counts.sum(1) > 0])


def information_bits(counts: np.ndarray) -> float:
    """Mutual information of level and class in (B, K) counts, in bits, its bias taken off; not below 0.

    Plug-in estimates are too large by about (B - 1)(K - 1)/(2 n) nats (Miller 1955).
    """
    total = counts.sum()
    joint = counts / total
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    plug_in = (joint * np.log(np.divide(joint, apart, where=joint > 0, out=np.ones_like(joint)))).sum()
    classes = (counts.sum(0) > 0).sum()
    return float(max(0.0, plug_in - (len(counts) - 1) * (classes - 1) / (2 * total)) / np.log(2))
