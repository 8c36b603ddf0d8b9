"""Networks as the compiled kernels compute them: a table of layers."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from snellen.kernels.library import Record, instructions, library
from snellen.models import chain
from snellen.models.activations import Elementwise, Elu, Gelu, LeakyRelu, Relu, Rescale, Sigmoid, Silu, Tanh
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.conv import Conv
from snellen.models.dense import Dense
from snellen.models.dropout import Dropout, LanesDropout
from snellen.models.features import Feature
from snellen.models.layer import Shape
from snellen.models.pooling import AveragePool, GlobalAveragePool, MaxPool, Pool
from snellen.models.shaping import Flatten
from snellen.models.views import Views
from snellen.models.windows import Padding, same_pads
from snellen.train.job import Trajectory
from snellen.train.layout import Layout

DENSE, CONV, MAX_POOL, AVERAGE_POOL, POINTWISE = range(5)
LINEAR, RELU, TANH, SIGMOID, ELU, LEAKY_RELU, SILU, GELU, SCALE = range(9)
"""As kernels.h has them."""
NAMED = {"linear": LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID, "elu": ELU, "silu": SILU, "gelu": GELU}
"""Activations by the names that layers write."""
KERNELS, TORCH = "kernels", "torch"
CHANNELS = 32
"""Convolutions with as many, in and out, take torch 1.15 to 1.3 times as long, and less by Winograd's way."""

Numbers = dict[str, Any]
"""The fields of a record."""


@dataclass(frozen=True)
class Drop:
    """Dropout after the layer in this place of the table: its name, its rate in each lane, and the shape it sees."""

    place: int
    name: str
    rates: tuple[float, ...]
    shape: Shape


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network for the kernels. leading: what torch computes, feature steps in front. records: all other layers."""

    leading: tuple[Placed, ...]
    records: ctypes.Array[Record]
    drops: tuple[Drop, ...]
    classes: int

    @staticmethod
    def of(network: Network, lanes: int = 1) -> Compiled | None:
        """The network of so many lanes; None where the kernels lack a layer."""
        leading = _leading(network.computed)
        table = _Table(_offsets(Layout(tuple(network.shapes[0].items()))), lanes)
        if not all(table.takes(placed) for placed in network.computed[len(leading) :]):
            return None
        records = (Record * len(table.rows))(*(Record(**row) for row in table.rows))
        return Compiled(leading, records, tuple(table.drops), network.classes)


def _leading(layers: Sequence[Placed]) -> tuple[Placed, ...]:
    """All layers up to the last feature step; none of them is trained."""
    numbers = [number for number, placed in enumerate(layers, 1) if isinstance(placed.layer, Feature | Views)]
    return tuple(layers[: max(numbers, default=0)])


def ways_for(trajectory: Trajectory, device: str) -> tuple[str, ...]:
    """How its steps can be computed on this machine, first by the rule: a pass by torch takes 2 to 6 times as long as
    by the kernels with AVX-512, 1.2 to 3 times with AVX2, and without both about half as long."""
    network = trajectory.network
    if device != "cpu" or library() is None or Compiled.of(network) is None:
        return (TORCH,)
    slower = instructions() == "generic" or 2 * _wide_work(network) > network.multiply_adds
    return (TORCH, KERNELS) if slower else (KERNELS, TORCH)


def _wide_work(network: Network) -> int:
    """Multiply-adds of a picture in convolutions of many channels."""
    convolutions = (placed for placed in network.layers if isinstance(placed.layer, Conv))
    wide = (placed for placed in convolutions if min(placed.input_shape[2], placed.output_shape[2]) >= CHANNELS)
    return chain.multiply_adds(wide)


def _offsets(layout: Layout) -> dict[str, int]:
    """First number of each parameter in a lane."""
    offsets, first = {}, 0
    for name, shape in layout.shapes:
        offsets[name] = first
        first += math.prod(shape)
    return offsets


@dataclass(eq=False)
class _Table:
    """Grows layer by layer: functions of each value join the layer before where that has none yet."""

    offsets: dict[str, int]
    lanes: int
    rows: list[Numbers] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)

    def takes(self, placed: Placed) -> bool:
        """Whether the kernels have such a layer, which then stands in the table."""
        layer = placed.layer
        if isinstance(layer, Elementwise):
            self._apply(placed, _function(layer))
        elif isinstance(layer, Dropout | LanesDropout):
            self._drop(placed, (layer.rate,) * self.lanes if isinstance(layer, Dropout) else layer.rates)
        elif not isinstance(layer, Flatten):
            numbers = _layer(placed)
            if numbers is None:
                return False
            self._add(placed, numbers)
        return True

    def _apply(self, placed: Placed, function: Numbers) -> None:
        if not self.rows or self._is_dropped() or self.rows[-1]["activation"] != LINEAR:
            self._add(placed, {"kind": POINTWISE})
        self.rows[-1] |= function

    def _drop(self, placed: Placed, rates: tuple[float, ...]) -> None:
        if not any(rates):
            return
        if not self.rows or self._is_dropped():
            self._add(placed, {"kind": POINTWISE})
        self.drops.append(Drop(len(self.rows) - 1, placed.name, rates, placed.output_shape))

    def _is_dropped(self) -> bool:
        return bool(self.drops) and self.drops[-1].place == len(self.rows) - 1

    def _add(self, placed: Placed, numbers: Numbers) -> None:
        parameters = {each: self.offsets.get(f"{placed.name}.{each}", -1) for each in ("kernel", "bias")}
        sizes = _sizes("in", placed.input_shape) | _sizes("out", placed.output_shape)
        self.rows.append({"activation": LINEAR, "alpha": 1.0, **sizes, **parameters, **numbers})


def _sizes(way: str, shape: Shape) -> Numbers:
    """A vector is a picture of one pixel."""
    height, width, channels = shape if len(shape) == 3 else (1, 1, *shape)
    return {f"{way}_height": height, f"{way}_width": width, f"{way}_channels": channels}


def _layer(placed: Placed) -> Numbers | None:
    """What sets this layer apart from others; None for one that the kernels lack."""
    layer, shape = placed.layer, placed.input_shape
    match layer:
        case Dense():
            return {"kind": DENSE, "activation": NAMED[layer.activation]}
        case Conv():
            window = _window(shape, layer.kernel, layer.strides, layer.padding)
            return {"kind": CONV, "activation": NAMED[layer.activation], **window}
        case MaxPool():
            return {"kind": MAX_POOL, **_pool(layer, shape)}
        case AveragePool():
            return {"kind": AVERAGE_POOL, **_pool(layer, shape)}
        case GlobalAveragePool() if shape[0] == shape[1]:
            return {"kind": AVERAGE_POOL, **_window(shape, shape[0], shape[0], "valid")}
    return None


def _pool(layer: Pool, shape: Shape) -> Numbers:
    return _window(shape, layer.size, layer.stride, layer.padding)


def _window(shape: Shape, size: int, stride: int, padding: Padding) -> Numbers:
    top, left = (same_pads(side, size, stride)[0] if padding == "same" else 0 for side in shape[:2])
    return {"window": size, "stride": stride, "pad_top": top, "pad_left": left}


def _function(layer: Elementwise) -> Numbers:
    match layer:
        case Elu():
            return {"activation": ELU, "alpha": layer.alpha}
        case LeakyRelu():
            return {"activation": LEAKY_RELU, "alpha": layer.negative_slope}
        case Rescale():
            return {"activation": SCALE, "alpha": layer.scale, "beta": layer.offset}
    plain = {Relu: RELU, Tanh: TANH, Sigmoid: SIGMOID, Silu: SILU, Gelu: GELU}
    return {"activation": plain[type(layer)]}
