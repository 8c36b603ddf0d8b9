"""The activations of a layer as a table: one row per image, one column per unit."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import polars as pl
import torch
from torch import Tensor

from snellen.errors import StudyError, unknown
from snellen.explain.analysis_inputs import ROWS_AT_ONCE, TrainedModel
from snellen.explain.units.layer import chosen_layer, layers_with_units, over_positions, pooled, unit_layer
from snellen.limits import EXPORTED_BYTES

Positions = Literal["mean", "max", "all"]
"""What is exported of a unit with a value at each position: the mean or maximum, or all values."""


def read_activations(model: TrainedModel, layer: str | None, rows: np.ndarray, positions: Positions) -> pl.DataFrame:
    """(n rows, one column per unit) float32, the outputs of a layer for these rows of the data set. layer: a layer with
    units is read as on the units' page, after its normalisation and activation function; any other layer as it is;
    None: the last hidden layer with units. Raises UnknownName, or StudyError if the table is larger than
    EXPORTED_BYTES.
    """
    if positions not in get_args(Positions):
        raise unknown("positions", str(positions), get_args(Positions))
    network = model.network
    if layer is None or layer not in [placed.name for placed in network.layers]:
        layer = chosen_layer(network, layer)
    read_at = unit_layer(network, layer).read_at if layer in layers_with_units(network) else layer
    until = network.layers[: model.place_of(read_at) + 1]
    names = _columns(until[-1].output_shape, positions)
    _expect_to_fit(layer, len(rows), len(names), positions)
    values = np.empty((len(names), len(rows)), np.float32)  # one row per column of the table, which avoids a copy
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        with torch.inference_mode():
            values[:, part] = _written(model.through(until, rows[part]), positions).float().cpu().numpy().T
    return pl.DataFrame({name: pl.Series(column) for name, column in zip(names, values, strict=True)})


def _written(values: Tensor, positions: Positions) -> Tensor:
    """(n, columns)"""
    if positions == "all":
        return values.flatten(1)
    return pooled(values) if positions == "mean" else over_positions(values).amax(1)


def _columns(shape: tuple[int, ...], positions: Positions) -> list[str]:
    """Names in the order of the flattened outputs: rows, columns, units."""
    if positions != "all" or len(shape) == 1:
        return [f"unit_{unit}" for unit in range(shape[-1])]
    return [f"unit_{place[-1]}_at_{'_'.join(map(str, place[:-1]))}" for place in np.ndindex(*shape)]


def _expect_to_fit(layer: str, rows: int, columns: int, positions: Positions) -> None:
    needed = math.prod((rows, columns, np.dtype(np.float32).itemsize))
    if needed <= EXPORTED_BYTES:
        return
    fewer = ' `positions="mean"` gives one number a unit.' if positions == "all" else ""
    raise StudyError(
        f"the activations of `{layer}` are too many for one table",
        found=f"{rows:,} images x {columns:,} numbers: {needed / 2**30:.1f} GiB",
        expected=f"at most {EXPORTED_BYTES / 2**30:g} GiB",
        hint=f"Choose another role or layer.{fewer}",
    )
