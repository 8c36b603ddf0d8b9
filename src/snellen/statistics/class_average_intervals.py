"""Intervals of precision, recall and F1 averaged over classes, for one to thousands of images per class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.metrics.scores import Average, ClassMeasure, Counts
from snellen.statistics.clopper_pearson_interval import clopper_pearson
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.wilson_interval import wilson_limits

PSEUDO_COUNTS = 4.0
"""Images of the average class that are added to each class before its variance is computed: the few answers of a small
class may all be right although its true recall is below 1. With 4 the coverage is at least 93 % and mostly 95 to 99 %,
from one image a class on (tests/statistics)."""


FEW_IMAGES = 10
"""With fewer images, a class that was never predicted may only be rare."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """A measure as a function of a proportion for each class: `value` of hits / count. slope: the derivative of
    `value`."""

    hits: np.ndarray
    count: np.ndarray
    measure: ClassMeasure

    def value(self, share: np.ndarray) -> np.ndarray:
        return 2 * share / (1 + share) if self.measure == "f1" else share

    def slope(self, share: np.ndarray) -> np.ndarray:
        return 2 / (1 + share) ** 2 if self.measure == "f1" else np.ones_like(share)


def f1_limits(hits: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The limits of a class's F1. hits: right answers of the class; count: images that are of the class, or were
    answered as it, or both, at least 1.

    F1 = 2 J / (1 + J) with J = hits / count, the Jaccard index, which is a proportion with Wilson limits (Hand,
    Christen and Kirielle, Machine Learning 110, 2021, for the transformation).
    """
    low, high = wilson_limits(hits, count, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def average_limits(
    matrix_KK: np.ndarray,
    measure: ClassMeasure,
    average: Average,
    confidence: float = CONFIDENCE,
    ratio: float = 1.0,
) -> tuple[float, float]:
    """The limits of a measure averaged over the classes, from confusion counts [true, predicted] with an image at
    least; class sizes are treated as fixed. Counts may be means over networks; ratio: variance of that mean over the
    variance of one network, see `variance_ratio`.

    Each class is a proportion (F1: of the Jaccard index), whose variance is taken after adding PSEUDO_COUNTS images of
    the average class; the variance of the average includes the covariances between classes, because an image answered
    wrongly counts against two classes. The limits are the exact ones for the effective number of images (Korn and
    Graubard, Survey Methodology 24, 1998). Precision and F1 are ratios, and biased where a class is small; the limits
    are widened by the first term of the bias, and by the possible values of classes that were never predicted.
    """
    counts = Counts.of(np.asarray(matrix_KK, np.float64))
    occurs = counts.support > 0
    weights = counts.support if average == "weighted" else occurs.astype(np.float64)
    weights = weights / weights.sum()
    total = {"precision": counts.predicted, "recall": counts.support, "f1": counts.support + counts.predicted}[measure]
    parts = _Parts(counts.hits, total - counts.hits if measure == "f1" else total, measure)
    raw = np.divide(parts.hits, parts.count, out=np.zeros_like(parts.count), where=parts.count > 0)
    known = int((occurs & (parts.count > 0)).sum())
    typical = (float(weights @ raw) * known + PSEUDO_COUNTS / 2) / (known + PSEUDO_COUNTS)
    share = (parts.hits + PSEUDO_COUNTS * typical) / (parts.count + PSEUDO_COUNTS)
    # the denominator of precision and F1 varies too, which matters where it is small
    few = 1.0 if measure == "recall" else 1 + 1 / np.maximum(counts.support, 1)
    variance = weights**2 * share * (1 - share) * parts.slope(share) ** 2 / np.maximum(parts.count, 1) * few
    scale = _covariances(matrix_KK, counts, measure, weights) * ratio
    smoothed = float(weights @ parts.value(share))
    images = min(smoothed * (1 - smoothed) / (float(variance.sum()) * scale), float(parts.count[occurs].sum()))
    value = float(weights @ parts.value(raw))
    down, up = _biases(counts, measure, weights, parts.value(share), typical)
    low, _ = clopper_pearson(images * max(0.0, value - down), images, confidence)
    _, high = clopper_pearson(images * min(1.0, value + up), images, confidence)
    return float(low), float(high)


def influences(matrix_KK: np.ndarray, measure: ClassMeasure, average: Average) -> np.ndarray:
    """(K, K): by how much one more image in a cell [true, predicted] would change the average, to first order."""
    counts = Counts.of(np.asarray(matrix_KK, np.float64))
    weights = counts.support if average == "weighted" else (counts.support > 0).astype(np.float64)
    diagonal, row, column = (each * weights / weights.sum() for each in _slopes(counts, measure))
    moved = row[:, None] + column[None, :]
    np.fill_diagonal(moved, diagonal)
    return np.asarray(moved)


def variance_ratio(influences_SN: np.ndarray) -> float:
    """The variance of the mean of S networks over other images, as a share of one network's, in (0, 1].

    influences_SN: the influence of each image with each network. 1 if all influences are 0.
    """
    single = float(np.mean((influences_SN**2).sum(1)))
    return float((influences_SN.mean(0) ** 2).sum()) / single if single > 0 else 1.0


def _slopes(counts: Counts, measure: ClassMeasure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K,) each: by how much the measure of a class changes with one more image that is of the class and predicted as
    it; of the class only; predicted as it only."""
    value, none = counts.per_class(measure), np.zeros(len(counts.support))
    total = np.maximum({"precision": counts.predicted, "recall": counts.support}.get(measure, counts.support), 1e-9)
    if measure == "recall":
        return (1 - value) / total, -value / total, none
    if measure == "precision":
        return (1 - value) / total, none, -value / total
    total = np.maximum(counts.support + counts.predicted, 1e-9)
    return 2 * (1 - value) / total, -value / total, -value / total


def _covariances(matrix_KK: np.ndarray, counts: Counts, measure: ClassMeasure, weights: np.ndarray) -> float:
    """The variance of the average divided by the sum of the variances of the classes. If no answer is wrong: 2 for F1,
    where every wrong answer would count twice, and 1 for other measures."""
    wrong = np.asarray(matrix_KK, np.float64) * (1 - np.eye(len(weights)))
    if measure == "recall":
        return 1.0
    if not wrong.any():
        return 2.0 if measure == "f1" else 1.0
    diagonal, row, column = (each * weights for each in _slopes(counts, measure))
    right = float(counts.hits @ diagonal**2)
    class_variances = float(wrong.sum(1) @ row**2 + wrong.sum(0) @ column**2) + right
    together = float((wrong * (row[:, None] + column[None, :]) ** 2).sum()) + right
    return together / class_variances if class_variances > 0 else 1.0


def _biases(
    counts: Counts, measure: ClassMeasure, weights: np.ndarray, value: np.ndarray, typical: float
) -> tuple[float, float]:
    """By how much the average may be too high and too low, each at least 0, because it contains ratios of small
    counts."""
    if measure == "recall":
        return 0.0, 0.0
    recall = (counts.hits + PSEUDO_COUNTS * typical) / (counts.support + PSEUDO_COUNTS)
    of_hits = counts.support * recall * (1 - recall)
    of_predicted = of_hits + counts.predicted - counts.hits
    over = counts.predicted if measure == "precision" else counts.support + counts.predicted
    hits = of_hits if measure == "precision" else 2 * of_hits
    bias = float(weights @ ((value * of_predicted - hits) / np.maximum(over, 1) ** 2))
    if measure == "f1":
        return max(bias, 0.0), max(-bias, 0.0)
    # a class that was never predicted counts as 0, and may have any precision where it is small
    chance = np.where(counts.support < FEW_IMAGES, 1.0, np.exp(-counts.support * typical))
    never_predicted = float(weights @ np.where(counts.predicted > 0, value * np.exp(-counts.support), chance))
    return max(bias, 0.0), max(-bias, 0.0) + never_predicted
