"""A network as the compiled library computes it: a table with a row for each layer."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from snellen.kernels.library import Function, Operation, Record
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.compiled import CompiledLayer, Window
from snellen.models.features import Feature
from snellen.models.layer import Shape
from snellen.models.views import Views
from snellen.train.layout import Layout

ALONE = CompiledLayer(Operation.POINTWISE)
"""A row that computes only a function of each value, or only dropout."""


@dataclass(frozen=True)
class PlacedDropout:
    """Dropout after a row of the table: the number of the row, the name of the layer, its rate in each lane, and the
    shape of its values."""

    row: int
    name: str
    rates: tuple[float, ...]
    shape: Shape


@dataclass(frozen=True, eq=False)
class CompiledNetwork:
    """leading: the feature steps in front, which torch computes. records: the table of all other layers."""

    leading: tuple[Placed, ...]
    records: ctypes.Array[Record]
    dropouts: tuple[PlacedDropout, ...]
    classes: int

    @staticmethod
    def of(network: Network, lanes: int = 1) -> CompiledNetwork | None:
        """The network of so many lanes; None where the library lacks one of its layers."""
        leading = _leading(network.computed)
        table = _Table(_offsets(Layout(tuple(network.shapes[0].items()))), lanes)
        for placed in network.computed[len(leading) :]:
            layer = placed.layer.compiled(placed.input_shape)
            if layer is None:
                return None
            table.add(placed, layer)
        records = (Record * len(table.rows))(*(Record(**row) for row in table.rows))
        return CompiledNetwork(leading, records, tuple(table.dropouts), network.classes)


def _leading(layers: Sequence[Placed]) -> tuple[Placed, ...]:
    """All layers up to the last feature step; none of them is trained."""
    numbers = [number for number, placed in enumerate(layers, 1) if isinstance(placed.layer, Feature | Views)]
    return tuple(layers[: max(numbers, default=0)])


def _offsets(layout: Layout) -> dict[str, int]:
    """Where each parameter begins in the numbers of a lane."""
    offsets, first = {}, 0
    for name, shape in layout.shapes:
        offsets[name] = first
        first += math.prod(shape)
    return offsets


@dataclass(eq=False)
class _Table:
    """Grows layer by layer: a function of each value joins the row before, where that has none yet."""

    offsets: dict[str, int]
    lanes: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    dropouts: list[PlacedDropout] = field(default_factory=list)

    def add(self, placed: Placed, layer: CompiledLayer) -> None:
        """A layer that only reshapes needs no row."""
        if layer.operation is not None:
            self._append(placed, layer)
        elif layer.function != Function.LINEAR:
            self._apply(placed, layer)
        elif any(layer.dropout_rates):
            self._drop(placed, layer.dropout_rates)

    def _apply(self, placed: Placed, layer: CompiledLayer) -> None:
        if not self.rows or self._ends_in_dropout() or self.rows[-1]["function"] != Function.LINEAR:
            self._append(placed, replace(layer, operation=Operation.POINTWISE))
        else:
            self.rows[-1] |= {"function": layer.function, "alpha": layer.alpha, "beta": layer.beta}

    def _drop(self, placed: Placed, rates: tuple[float, ...]) -> None:
        if not self.rows or self._ends_in_dropout():
            self._append(placed, ALONE)
        rates = rates * self.lanes if len(rates) == 1 else rates
        self.dropouts.append(PlacedDropout(len(self.rows) - 1, placed.name, rates, placed.output_shape))

    def _ends_in_dropout(self) -> bool:
        return bool(self.dropouts) and self.dropouts[-1].row == len(self.rows) - 1

    def _append(self, placed: Placed, layer: CompiledLayer) -> None:
        self.rows.append(
            {
                "operation": layer.operation,
                **{"function": layer.function, "alpha": layer.alpha, "beta": layer.beta},
                **_window(layer.window),
                **_sizes("in", placed.input_shape),
                **_sizes("out", placed.output_shape),
                "weights": self.offsets.get(f"{placed.name}.kernel", -1),
                "bias": self.offsets.get(f"{placed.name}.bias", -1),
            }
        )


def _window(window: Window | None) -> dict[str, int]:
    if window is None:
        return {}
    return {"window": window.side, "stride": window.stride, "pad_top": window.pad_top, "pad_left": window.pad_left}


def _sizes(side: str, shape: Shape) -> dict[str, int]:
    """A vector is an image of one pixel."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, *shape)
    return {f"{side}_height": height, f"{side}_width": width, f"{side}_channels": channels}
