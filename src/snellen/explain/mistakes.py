"""Which images a model predicts wrongly: pure functions of stored predictions.

All of them raise RunError if the labels of the predictions are hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import numpy as np

from snellen.errors import RunError
from snellen.limits import CELL_IMAGES, PAIR_IMAGES
from snellen.metrics.scores import confusion
from snellen.models.predictions import Predictions


class Mistake(TypedDict):
    """One wrongly predicted image. confidence: the probability of the predicted class, 0..1."""

    row: int
    id: str
    label: int
    predicted: int
    confidence: float


class Example(TypedDict):
    """One image with the probability of every class, predicted correctly or wrongly."""

    row: int
    id: str
    label: int
    predicted: int
    probabilities: list[float]


class GridImage(TypedDict):
    """One image of a grid. confidence: the probability of the predicted class, 0..1."""

    row: int
    confidence: float


class ConfusedImages(TypedDict):
    """Images of class `label` that were predicted as `predicted`: how many there are, and the most confident ones."""

    label: int
    predicted: int
    images: int
    pictures: list[GridImage]


class Pair(TypedDict):
    """Two classes that are confused. classes: (a, b), a < b. mistakes: in both directions together. grids: a predicted
    as a, a as b, b as a, b as b."""

    classes: tuple[int, int]
    mistakes: int
    grids: list[ConfusedImages]


def worst_pairs(predictions: Predictions, num_classes: int, count: int, limit: int = PAIR_IMAGES) -> list[Pair]:
    """The `count` pairs of classes with the most mistakes in both directions, largest first; ties are in class order.

    At most `limit` images per grid, most confident first; ties are in row order. Pairs without a mistake are left out.
    """
    matrix = confusion(_labels(predictions), predictions.predicted, num_classes)
    first, second = np.triu_indices(num_classes, 1)
    mistakes = (matrix + matrix.T)[first, second]
    order = np.argsort(-mistakes, kind="stable")[:count]
    return [
        _pair(predictions, (int(first[at]), int(second[at])), int(mistakes[at]), limit) for at in order if mistakes[at]
    ]


def _pair(predictions: Predictions, classes: tuple[int, int], mistakes: int, limit: int) -> Pair:
    grids = [_confused(predictions, label, predicted, limit) for label in classes for predicted in classes]
    return Pair(classes=classes, mistakes=mistakes, grids=grids)


def _confused(predictions: Predictions, label: int, predicted: int, limit: int) -> ConfusedImages:
    places = np.flatnonzero((_labels(predictions) == label) & (predictions.predicted == predicted))
    confidence = _confidence(predictions)[places]
    shown = np.argsort(-confidence, kind="stable")[:limit]
    most_confident = [
        GridImage(row=int(predictions.rows[places[at]]), confidence=float(confidence[at])) for at in shown
    ]
    return ConfusedImages(label=label, predicted=predicted, images=len(places), pictures=most_confident)


def most_frequent_mistakes(
    predictions: Predictions, num_classes: int, count: int, limit: int = PAIR_IMAGES
) -> list[ConfusedImages]:
    """The `count` cells of the confusion matrix with the most mistakes, largest first; ties are in class order.

    At most `limit` images per cell, most confident first; ties are in row order. Cells without a mistake are left out.
    """
    matrix = confusion(_labels(predictions), predictions.predicted, num_classes)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix.ravel(), kind="stable")[:count]
    cells = [divmod(int(place), num_classes) for place in order if matrix.ravel()[place]]
    return [_confused(predictions, label, predicted, limit) for label, predicted in cells]


def cell_rows(predictions: Predictions, num_classes: int, limit: int = CELL_IMAGES) -> dict[str, list[int]]:
    """Data set rows of the images in each cell of the confusion matrix that is not empty, by "true,predicted".

    At most `limit` per cell, most confident first; ties are in row order.
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
    """The `count` wrong predictions with the highest probability, highest first; ties are in row order."""
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
    """The first `count` images in row order, which is a selection that does not depend on the predictions."""
    return _examples(predictions, range(min(count, len(predictions))))


def random_examples(predictions: Predictions, draws: int = 5, count: int = 10) -> list[list[Example]]:
    """`draws` samples of `count` images, no image twice, the same for all models that predicted these images; fewer
    samples where there are fewer images."""
    order = np.random.default_rng(0).permutation(len(predictions))
    return [_examples(predictions, order[at : at + count]) for at in range(0, min(len(order), draws * count), count)]


def _examples(predictions: Predictions, places: Iterable[int]) -> list[Example]:
    labels, predicted = _labels(predictions), predictions.predicted
    return [
        Example(
            row=int(predictions.rows[at]),
            id=str(predictions.ids[at]),
            label=int(labels[at]),
            predicted=int(predicted[at]),
            probabilities=predictions.probabilities[at].astype(float).tolist(),
        )
        for at in places
    ]


def _confidence(predictions: Predictions) -> np.ndarray:
    """(N,) float32, the probability of the predicted class."""
    confidence: np.ndarray = predictions.probabilities.max(axis=1)
    return confidence


def _labels(predictions: Predictions) -> np.ndarray:
    if predictions.labels is None:
        raise RunError("the labels of these predictions are sealed", where=predictions.role)
    return predictions.labels
