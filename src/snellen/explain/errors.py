"""Which pictures a model gets wrong: pure functions of stored predictions.

All of them raise RunError while the labels of the predictions are sealed.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from snellen.errors import RunError
from snellen.limits import CELL_IMAGES
from snellen.models.predictions import Predictions


class Mistake(TypedDict):
    """One wrongly classified picture. confidence: the probability of the predicted class, 0..1."""

    row: int
    id: str
    label: int
    predicted: int
    confidence: float


class Example(TypedDict):
    """One picture with the probability of every class, right or wrong."""

    row: int
    id: str
    label: int
    predicted: int
    probabilities: list[float]


def cell_rows(predictions: Predictions, num_classes: int, limit: int = CELL_IMAGES) -> dict[str, list[int]]:
    """Data set rows behind each cell of the confusion matrix that is not empty, keyed "true,predicted".

    At most `limit` a cell, most confident first; equals in row order.
    """
    labels, predicted = _labels(predictions), predictions.predicted
    order = np.lexsort((-_confidence(predictions), labels * num_classes + predicted))
    starts = np.flatnonzero(np.diff(labels[order] * num_classes + predicted[order], prepend=-1))
    return {
        f"{labels[cell[0]]},{predicted[cell[0]]}": predictions.rows[cell[:limit]].tolist()
        for cell in np.split(order, starts[1:])
        if len(cell)
    }


def confident_mistakes(predictions: Predictions, count: int) -> list[Mistake]:
    """The `count` wrong answers given with the highest probability, highest first; equals in row order."""
    wrong = np.flatnonzero(predictions.predicted != _labels(predictions))
    confidence = _confidence(predictions)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")[:count]]
    return [
        Mistake(
            row=int(predictions.rows[at]),
            id=str(predictions.ids[at]),
            label=int(_labels(predictions)[at]),
            predicted=int(predictions.predicted[at]),
            confidence=float(confidence[at]),
        )
        for at in worst
    ]


def first_examples(predictions: Predictions, count: int = 20) -> list[Example]:
    """The first `count` pictures in row order: nobody chose them, so they flatter nobody."""
    labels, predicted = _labels(predictions), predictions.predicted
    return [
        Example(
            row=int(predictions.rows[at]),
            id=str(predictions.ids[at]),
            label=int(labels[at]),
            predicted=int(predicted[at]),
            probabilities=predictions.probabilities[at].astype(float).tolist(),
        )
        for at in range(min(count, len(predictions)))
    ]


def _confidence(predictions: Predictions) -> np.ndarray:
    """(N,) float32, the probability of the predicted class."""
    confidence: np.ndarray = predictions.probabilities.max(axis=1)
    return confidence


def _labels(predictions: Predictions) -> np.ndarray:
    if predictions.labels is None:
        raise RunError("the labels of these predictions are sealed", where=predictions.role)
    return predictions.labels
