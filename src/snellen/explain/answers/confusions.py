"""The worst cells of a model's confusion matrix: their pictures, what they share, and which units are involved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from snellen.explain.answers.cells import FEWEST, UnitShifts, unit_shifts
from snellen.explain.last_layer import LastLayer
from snellen.explain.subject import Subject
from snellen.explain.thumbnails import tone
from snellen.metrics.scores import confusion
from snellen.models.predictions import Predictions
from snellen.statistics.false_discovery import benjamini_hochberg
from snellen.statistics.levels import SIGNIFICANT

PICTURES = 12
"""Pictures of a cell that are shown, the most confident first."""

UNITS = 6
"""Units of a cell that are shown, those that move the margin most first."""

RIGHT_ROWS = 2_000
"""Right answers of a class that stand for all of them."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Pictures of class `label` called `answer`. called: their rows, most confident first. right: rows of the pictures
    of `label` that were called so; of_answer: those of `answer` that were."""

    label: int
    answer: int
    called: np.ndarray
    right: np.ndarray
    of_answer: np.ndarray


def worst_cells(predictions: Predictions, num_classes: int, count: int) -> list[Cell]:
    """The `count` cells with the most mistakes, most first; equals in the order of the classes; none without one."""
    assert predictions.labels is not None  # the caller passes a role whose labels are known
    matrix = confusion(predictions.labels, predictions.predicted, num_classes)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix.ravel(), kind="stable")[:count]
    pairs = [divmod(int(place), num_classes) for place in order if matrix.ravel()[place]]
    return [_cell(predictions, label, answer) for label, answer in pairs]


def _cell(predictions: Predictions, label: int, answer: int) -> Cell:
    order = np.argsort(-predictions.probabilities.max(1), kind="stable")
    labels, predicted = np.asarray(predictions.labels)[order], predictions.predicted[order]
    rows = predictions.rows[order]
    called, right = (rows[(labels == label) & (predicted == each)] for each in (answer, label))
    return Cell(label, answer, called, right, rows[(labels == answer) & (predicted == answer)])


@dataclass(frozen=True, eq=False)
class Confusions:
    """facts: one entry a cell. table: a row a cell and unit. means: (3 cells, H, W, C) uint8, of each cell the mean
    picture of those called wrongly, of those of its class called rightly, and of the class that was answered, called
    rightly. differences: (cells, H, W) float32, the first minus the second, in shares of the way from black to white.
    """

    facts: list[dict[str, Any]]
    table: pl.DataFrame
    means: np.ndarray
    differences: np.ndarray


def confusions(subject: Subject, layer: LastLayer | None, count: int) -> Confusions:
    """Of validation. layer: None where the network has no hidden layer, and no units are compared."""
    cells = worst_cells(subject.parts["validation"], len(subject.classes), count)
    pictures = (
        np.stack([_means(subject, cell) for cell in cells]) if cells else np.zeros((0, 3, *subject.images.shape[1:]))
    )
    shifts = [_shifts(layer, cell) for cell in cells]
    table = _table(layer, cells, shifts)
    facts = [
        _facts(cell, shift, table.filter(pl.col("cell") == place))
        for place, (cell, shift) in enumerate(zip(cells, shifts))
    ]
    low, high = subject.pixel_range
    return Confusions(
        facts,
        table,
        tone(pictures.reshape(-1, *pictures.shape[2:]), subject.pixel_range),
        ((pictures[:, 0] - pictures[:, 1]).mean(-1) / (high - low)).astype(np.float32),
    )


def _means(subject: Subject, cell: Cell) -> np.ndarray:
    """(3, H, W, C), in the pixels' own values; zeros for no pictures."""
    parts = (subject.images[part].double().cpu().numpy() for part in (cell.called, cell.right, cell.of_answer))
    return np.stack([part.mean(0) if len(part) else np.zeros(part.shape[1:]) for part in parts])


def _shifts(layer: LastLayer | None, cell: Cell) -> UnitShifts | None:
    if layer is None or min(len(cell.called), len(cell.right)) < FEWEST:
        return None
    weights = layer.weights[:, cell.answer] - layer.weights[:, cell.label]
    spread = cell.right[np.linspace(0, len(cell.right) - 1, min(RIGHT_ROWS, len(cell.right))).astype(int)]
    return unit_shifts(layer.activations(cell.called), layer.activations(spread), weights)


def _table(layer: LastLayer | None, cells: list[Cell], shifts: list[UnitShifts | None]) -> pl.DataFrame:
    """One row a cell and unit; p-values corrected over all of them together."""
    there = [place for place, shift in enumerate(shifts) if shift is not None]
    found = [shift for shift in shifts if shift is not None]
    if layer is None or not found:
        return pl.DataFrame(schema={"cell": pl.Int64, "unit": pl.Int64, "name": pl.String, **_MEASURES})
    adjusted = benjamini_hochberg(np.stack([each.p_values for each in found]))
    return pl.concat(
        pl.DataFrame(
            {
                "cell": np.full(len(each.shifts), place),
                "unit": np.arange(len(each.shifts)),
                "name": [layer.unit_name(unit) for unit in range(len(each.shifts))],
                "shift": each.shifts,
                "effect": each.effects,
                "adjusted_p": own,
                "margin": each.margin,
            }
        )
        for place, each, own in zip(there, found, adjusted, strict=True)
    )


_MEASURES = dict.fromkeys(("shift", "effect", "adjusted_p", "margin"), pl.Float64)


def _facts(cell: Cell, shifts: UnitShifts | None, table: pl.DataFrame) -> dict[str, Any]:
    shown = table.sort("margin", descending=True).head(UNITS)
    return {
        "label": cell.label,
        "answer": cell.answer,
        "images": len(cell.called),
        "right": len(cell.right),
        "rows": cell.called[:PICTURES].tolist(),
        "units": shown.drop("cell").to_dicts(),
        "differing": int((table["adjusted_p"] < SIGNIFICANT).sum()),
        "compared": len(table),
        "margin": None if shifts is None else float(shifts.margin.sum()),
    }
