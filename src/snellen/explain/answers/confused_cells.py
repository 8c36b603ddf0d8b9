"""The most frequent confusions of a model: their images, the mean of these, and which units are involved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.answers.facts import CellJson, CellUnitJson
from snellen.explain.answers.unit_differences import FEWEST, UnitShifts, unit_shifts
from snellen.explain.last_layer import LastLayer
from snellen.explain.thumbnails import to_uint8
from snellen.metrics.scores import confusion
from snellen.models.predictions import Predictions
from snellen.statistics.false_discovery import benjamini_hochberg
from snellen.statistics.levels import SIGNIFICANT

IMAGES = 12
"""Images of a cell that are shown, the most confident predictions first."""

UNITS = 6
"""Units of a cell that are shown, those that shift the margin most first."""

RIGHT_ROWS = 2_000
"""Most correct predictions of a class that are compared with the mistakes; of more, an evenly spaced sample."""


@dataclass(frozen=True, eq=False)
class Cell:
    """The images of class `label` that were predicted as `answer`. called: their rows, most confident first. right:
    rows of the correctly predicted images of `label`. of_answer: rows of the correctly predicted images of `answer`."""

    label: int
    answer: int
    called: np.ndarray
    right: np.ndarray
    of_answer: np.ndarray


def worst_cells(predictions: Predictions, num_classes: int, count: int) -> list[Cell]:
    """The `count` cells with the most mistakes, largest first; ties are in the order of the classes. Cells without a
    mistake are left out."""
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
    """facts: one entry per cell. table: one row per cell and unit. means: (3 cells, H, W, C) uint8, for each cell the
    mean images of `called`, `right` and `of_answer`. differences: (cells, H, W) float32, the first mean minus the
    second, where the distance from black to white is 1.
    """

    facts: list[CellJson]
    table: pl.DataFrame
    means: np.ndarray
    differences: np.ndarray


def confusions(model: TrainedModel, layer: LastLayer | None, count: int) -> Confusions:
    """The `count` most frequent confusions on validation. layer: None for a network without a hidden layer, whose units
    are not compared."""
    cells = worst_cells(model.predictions["validation"], len(model.classes), count)
    images = np.stack([_means(model, cell) for cell in cells]) if cells else np.zeros((0, 3, *model.images.shape[1:]))
    shifts = [_shifts(layer, cell) for cell in cells]
    table = _table(layer, cells, shifts)
    facts = [
        _facts(cell, shift, table.filter(pl.col("cell") == place))
        for place, (cell, shift) in enumerate(zip(cells, shifts))
    ]
    low, high = model.pixel_range
    return Confusions(
        facts,
        table,
        to_uint8(images.reshape(-1, *images.shape[2:]), model.pixel_range),
        ((images[:, 0] - images[:, 1]).mean(-1) / (high - low)).astype(np.float32),
    )


def _means(model: TrainedModel, cell: Cell) -> np.ndarray:
    """(3, H, W, C) mean images in stored pixel values; zeros where there are no images."""
    parts = (model.images[part].double().cpu().numpy() for part in (cell.called, cell.right, cell.of_answer))
    return np.stack([part.mean(0) if len(part) else np.zeros(part.shape[1:]) for part in parts])


def _shifts(layer: LastLayer | None, cell: Cell) -> UnitShifts | None:
    if layer is None or min(len(cell.called), len(cell.right)) < FEWEST:
        return None
    weights = layer.weights[:, cell.answer] - layer.weights[:, cell.label]
    spread = cell.right[np.linspace(0, len(cell.right) - 1, min(RIGHT_ROWS, len(cell.right))).astype(int)]
    return unit_shifts(layer.activations(cell.called), layer.activations(spread), weights)


def _table(layer: LastLayer | None, cells: list[Cell], shifts: list[UnitShifts | None]) -> pl.DataFrame:
    """One row per cell and unit; p-values are corrected over all of them together."""
    compared = [place for place, shift in enumerate(shifts) if shift is not None]
    compared_shifts = [shift for shift in shifts if shift is not None]
    if layer is None or not compared_shifts:
        return pl.DataFrame(schema={"cell": pl.Int64, "unit": pl.Int64, "name": pl.String, **_MEASURES})
    adjusted = benjamini_hochberg(np.stack([each.p_values for each in compared_shifts]))
    return pl.concat(
        pl.DataFrame(
            {
                "cell": np.full(len(each.shifts), place),
                "unit": np.arange(len(each.shifts)),
                "name": [layer.unit_name(unit) for unit in range(len(each.shifts))],
                "shift": each.shifts,
                "effect": each.effects,
                "adjusted_p": adjusted_p,
                "margin": each.margin,
            }
        )
        for place, each, adjusted_p in zip(compared, compared_shifts, adjusted, strict=True)
    )


_MEASURES = dict.fromkeys(("shift", "effect", "adjusted_p", "margin"), pl.Float64)


def _facts(cell: Cell, shifts: UnitShifts | None, table: pl.DataFrame) -> CellJson:
    shown = table.sort("margin", descending=True).head(UNITS)
    return {
        "label": cell.label,
        "answer": cell.answer,
        "images": len(cell.called),
        "right": len(cell.right),
        "rows": cell.called[:IMAGES].tolist(),
        "units": cast(list[CellUnitJson], shown.drop("cell").to_dicts()),
        "differing": int((table["adjusted_p"] < SIGNIFICANT).sum()),
        "compared": len(table),
        "margin": None if shifts is None else float(shifts.margin.sum()),
    }
