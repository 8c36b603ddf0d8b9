"""The metrics by name. labels: (N,) int64; probabilities: (N, K); N >= 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

Average = Literal["macro", "weighted"]
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Metric:
    """function(labels, probabilities) -> float; is_proportion: a count of right images over all images."""

    function: Callable[[np.ndarray, np.ndarray], float]
    is_proportion: bool
    higher_is_better: bool
    min_classes: int = 2


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose most probable class is the true one, in [0, 1]."""
    return float(np.mean(probabilities.argmax(1) == labels))


def losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) cross-entropy of each image, in nats; probabilities that underflowed count as float32's smallest: 87.3."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(chosen, SMALLEST)))


def loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean cross-entropy, in nats."""
    return float(losses(labels, probabilities).mean())


def top_k(labels: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Share of images whose true class is among the k most probable; of equal probabilities the first classes count."""
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((ranked == labels[:, None]).any(1)))


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(K, K) int64 counts [true class, predicted class]."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def averaged(which: Literal["precision", "recall", "f1"], average: Average, matrix: np.ndarray) -> np.ndarray:
    """Precision, recall or F1 over classes that occur, of confusion counts (..., K, K) -> (...).

    macro: plain mean; weighted: by the number of true images. A class that occurs but is never predicted counts as
    precision 0, as in scikit-learn; a class of no true image is left out of recall and of both means.
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1).astype(float)
    support, predicted = matrix.sum(-1), matrix.sum(-2)
    denominator = {"precision": predicted, "recall": support, "f1": (support + predicted) / 2}[which]
    values = hits / np.maximum(denominator, 1e-12)
    weights = support if average == "weighted" else (support > 0)
    return np.asarray((values * weights).sum(-1) / weights.sum(-1))


def _of_probabilities(
    which: Literal["precision", "recall", "f1"], average: Average, labels: np.ndarray, probabilities: np.ndarray
) -> float:
    matrix = confusion(labels, probabilities.argmax(1), probabilities.shape[1])
    return float(averaged(which, average, matrix))


def _averaged(which: Literal["precision", "recall", "f1"], average: Average) -> Metric:
    return Metric(partial(_of_probabilities, which, average), is_proportion=False, higher_is_better=True)


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(accuracy, is_proportion=True, higher_is_better=True),
    "loss": Metric(loss, is_proportion=False, higher_is_better=False),
    "top_2": Metric(partial(top_k, k=2), is_proportion=True, higher_is_better=True, min_classes=3),
    "top_5": Metric(partial(top_k, k=5), is_proportion=True, higher_is_better=True, min_classes=6),
    "macro_precision": _averaged("precision", "macro"),
    "macro_recall": _averaged("recall", "macro"),
    "macro_f1": _averaged("f1", "macro"),
    "weighted_precision": _averaged("precision", "weighted"),
    "weighted_recall": _averaged("recall", "weighted"),
    "weighted_f1": _averaged("f1", "weighted"),
}
