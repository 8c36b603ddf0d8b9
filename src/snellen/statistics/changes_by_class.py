"""Changes from one network to another on the same images, for all classes at once: changes of shares, changes of means,
and whether a class changes more than the others."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE

NEGLIGIBLE = 1e-9
"""Changes of probabilities up to this are rounding errors of float32."""


def share_changes(lost: np.ndarray, won: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The change of a share of images and its interval, from the numbers of images lost, won, and in all.

    Adjusted Wald interval (Bonett and Price, Journal of Educational and Behavioral Statistics 37, 2012).
    """
    from scipy.special import ndtri

    with np.errstate(invalid="ignore", divide="ignore"):
        change = (won - lost) / images
    fewer, more = (lost + 1) / (images + 2), (won + 1) / (images + 2)
    half = ndtri(1 - (1 - CONFIDENCE) / 2) * np.sqrt((fewer + more - (more - fewer) ** 2) / (images + 2))
    low, high = more - fewer - half, more - fewer + half
    empty = np.where(images > 0, 0.0, np.nan)
    return change, np.minimum(low, change).clip(-1) + empty, np.maximum(high, change).clip(max=1) + empty


def mean_changes(differences_N: np.ndarray, labels_N: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean of each class, its t interval and p-value."""
    from scipy.special import stdtr, stdtrit

    num_classes = len(images)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(labels_N, differences_N, num_classes) / images
        squares = np.bincount(labels_N, (differences_N - mean[labels_N]) ** 2, num_classes)
        error = np.sqrt(squares / (images - 1) / images)
        degrees = np.maximum(images - 1, 1)
        half = stdtrit(degrees, 1 - (1 - CONFIDENCE) / 2) * error
        certain = np.where(np.abs(mean) <= NEGLIGIBLE, 1.0, 0.0)  # every image changes by the same amount
        p = np.where(error > NEGLIGIBLE, 2 * stdtr(degrees, -np.abs(mean) / error), certain)
    return mean, mean - half, mean + half, np.where(images > 1, p, 1.0)


def own_class_p_values(change_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """(K,) one-sided p-values of the hypothesis that column k falls no more for images of class k than for other
    images. The mean changes are compared with their variance under random labels.
    """
    from scipy.special import ndtr

    total, num_classes = change_NK.shape
    images = np.bincount(labels_N, minlength=num_classes)
    own = np.bincount(labels_N, change_NK[np.arange(total), labels_N], num_classes)
    sums, squares = change_NK.sum(0), (change_NK**2).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = own / images - (sums - own) / (total - images)
        variance = (squares - sums**2 / total) / (total - 1) * (1 / images + 1 / (total - images))
        p = ndtr(distance / np.sqrt(variance))
    return np.where(np.isfinite(p), p, 1.0)
