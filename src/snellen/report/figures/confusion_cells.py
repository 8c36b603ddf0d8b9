"""Confusion matrices of any number of classes: the worst cells as a list, and blocks of classes where a row a class is
more than can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from snellen.limits import BLOCKS, CONFUSED_CELLS, CONFUSED_IMAGES, FEW_CLASSES, MATRIX_CLASSES, MATRIX_ENTRIES
from snellen.report.model_types import RoleJson


class WorstCell(TypedDict):
    """Images of class `label` that were called `predicted`. share: of the class. rows: of the most confident ones."""

    label: int
    predicted: int
    images: int
    share: float
    rows: list[int]


def worst_cells(role: RoleJson) -> list[WorstCell]:
    """The CONFUSED_CELLS cells off the diagonal with the most images, most first; equals in the order of the classes.

    Each: label, predicted, images, the share of the class, and the rows of its most confident images. Empty where the
    matrix has so few classes that it says the same.
    """
    return [] if len(role["confusion"]) <= FEW_CLASSES else most_confused(role, CONFUSED_CELLS)


def most_confused(role: RoleJson, most: int) -> list[WorstCell]:
    """The same of any number of classes."""
    matrix = np.array(role["confusion"])
    mistakes = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    return [_cell(role, matrix, *divmod(int(at), len(matrix))) for at in order if mistakes.flat[at]]


def _cell(role: RoleJson, matrix: np.ndarray, label: int, predicted: int) -> WorstCell:
    images = int(matrix[label, predicted])
    return {
        "label": label,
        "predicted": predicted,
        "images": images,
        "share": images / int(matrix[label].sum()),
        "rows": role["cells"].get(f"{label},{predicted}", [])[:CONFUSED_IMAGES],
    }


def blocks(confusion: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Blocks of neighbouring classes, at most BLOCKS: `ends`, the first and last class of each, and `mistakes`, how
    many images of the classes of one block were called another class of the same or of another block."""
    matrix = np.array(confusion)
    mistakes = matrix - np.diag(np.diag(matrix))
    starts = np.arange(0, len(matrix), math.ceil(len(matrix) / BLOCKS))
    summed = np.add.reduceat(np.add.reduceat(mistakes, starts, 0), starts, 1)
    last = [*(starts[1:] - 1).tolist(), len(matrix) - 1]
    return {"ends": list(zip(starts.tolist(), last, strict=True)), "mistakes": summed.tolist()}


def entries(confusion: Sequence[Sequence[int]]) -> list[int] | None:
    """What the page needs to draw the classes of two blocks: label, predicted, images of each cell that is not empty,
    one after another, the MATRIX_ENTRIES largest. None where the whole matrix is drawn."""
    matrix = np.array(confusion)
    if len(matrix) <= MATRIX_CLASSES:
        return None
    label, predicted = np.nonzero(matrix)
    images = matrix[label, predicted]
    largest = np.argsort(-images, kind="stable")[:MATRIX_ENTRIES]
    return [int(value) for value in np.stack([label, predicted, images], 1)[largest].ravel()]


def ranked(probabilities: Sequence[float], count: int = 3) -> list[tuple[int, float]]:
    """Class and probability of the most probable ones."""
    order = sorted(range(len(probabilities)), key=lambda code: -probabilities[code])
    return [(code, probabilities[code]) for code in order[:count]]


FILTERS = {"worst_cells": worst_cells, "blocks": blocks, "ranked": ranked}
