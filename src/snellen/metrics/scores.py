"""The metrics by name. labels: (N,) int64; probabilities: (N, K); N >= 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np

Average = Literal["macro", "weighted"]
ClassMeasure = Literal["precision", "recall", "f1"]
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Metric:
    """function(labels, probabilities) -> float. is_fraction_of_images: whether it is the fraction of correct images.
    average: the class measure that it averages, and how; None for other metrics. per_image: (labels, probabilities) ->
    (N,) values whose mean is the metric; None if the metric is no such mean."""

    function: Callable[[np.ndarray, np.ndarray], float]
    is_fraction_of_images: bool
    higher_is_better: bool
    min_classes: int = 2
    average: tuple[ClassMeasure, Average] | None = None
    per_image: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    @property
    def is_percentage(self) -> bool:
        """Whether its values are in [0, 1] and printed as percentages: fractions of images and class averages."""
        return self.is_fraction_of_images or self.average is not None


def hits(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) bool, whether the most probable class is the true one."""
    return np.asarray(probabilities.argmax(1) == labels)


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose most probable class is the true one, in [0, 1]."""
    return float(np.mean(hits(labels, probabilities)))


def losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) cross-entropy of each image, in nats; at most 87.3, because probabilities of 0 are replaced by the smallest
    float32."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(chosen, SMALLEST)))


def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean cross-entropy, in nats."""
    return float(losses(labels, probabilities).mean())


def top_hits(labels: np.ndarray, probabilities: np.ndarray, k: int) -> np.ndarray:
    """(N,) bool, whether the true class is among the k most probable; ties go to the first classes."""
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return np.asarray((ranked == labels[:, None]).any(1))


def top_k(labels: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Share of images whose true class is among the k most probable."""
    return float(np.mean(top_hits(labels, probabilities, k)))


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) int64 counts [true class, predicted class]."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of each class for precision, recall and F1: (..., K). Leading axes are resamples."""

    hits: np.ndarray
    support: np.ndarray
    predicted: np.ndarray

    @staticmethod
    def of(matrix: np.ndarray) -> Counts:
        """The counts of (K, K) confusion counts [true, predicted]."""
        return Counts(np.diagonal(matrix), matrix.sum(1), matrix.sum(0))

    def per_class(self, which: ClassMeasure) -> np.ndarray:
        """(..., K) precision, recall or F1 of each class; 0 where there is nothing to divide by."""
        total = {"precision": self.predicted, "recall": self.support, "f1": (self.support + self.predicted) / 2}[which]
        return np.asarray(self.hits / np.maximum(total, 1e-12))

    def mean(self, which: ClassMeasure, average: Average) -> np.ndarray:
        """(...): macro, a plain mean over the classes that occur; weighted, by their images.

        A class that occurs but is never predicted counts as precision 0, as in scikit-learn.
        """
        weights = self.support if average == "weighted" else self.support > 0
        return np.asarray((self.per_class(which) * weights).sum(-1) / weights.sum(-1))


def _mean_of(which: ClassMeasure, average: Average, labels: np.ndarray, probabilities: np.ndarray) -> float:
    matrix = confusion(labels, probabilities.argmax(1), probabilities.shape[1])
    return float(Counts.of(matrix).mean(which, average))


def _averaged(which: ClassMeasure, average: Average) -> Metric:
    return Metric(
        partial(_mean_of, which, average), is_fraction_of_images=False, higher_is_better=True, average=(which, average)
    )


def _top(k: int, min_classes: int) -> Metric:
    return Metric(
        partial(top_k, k=k),
        is_fraction_of_images=True,
        higher_is_better=True,
        min_classes=min_classes,
        per_image=partial(top_hits, k=k),
    )


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(accuracy, is_fraction_of_images=True, higher_is_better=True, per_image=hits),
    "loss": Metric(loss, is_fraction_of_images=False, higher_is_better=False, per_image=losses),
    "top_2": _top(2, min_classes=3),
    "top_5": _top(5, min_classes=6),
    "macro_precision": _averaged("precision", "macro"),
    "macro_recall": _averaged("recall", "macro"),
    "macro_f1": _averaged("f1", "macro"),
    "weighted_precision": _averaged("precision", "weighted"),
    "weighted_recall": _averaged("recall", "weighted"),
    "weighted_f1": _averaged("f1", "weighted"),
}


def is_percentage(measure: str) -> bool:
    """Whether a measure, given by name, also that of a class, is in [0, 1] and printed as a percentage."""
    return METRICS[measure].is_percentage if measure in METRICS else measure in (*get_args(ClassMeasure), "auc")
