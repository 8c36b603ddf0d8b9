"""A trained network as it answers, as a list of simple operations: what exports write in formats of their own.

Each layer says in its own file which operations it is (`Layer.add_to`). Images are (H, W, C) and vectors (F,), without
the axis of rows. Layers that are random in training, such as dropout, are no operation here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Shape = tuple[int, ...]
Pads = tuple[tuple[int, int], tuple[int, int]]
Setting = float | tuple[int, ...] | Pads

Pair = Literal["add", "multiply", "divide", "maximum", "minimum"]
Function = Literal["abs", "erf", "exp", "relu", "sigmoid", "softplus", "tanh"]
Kind = (
    Pair
    | Function
    | Literal["dense", "conv", "max_pool", "average_pool", "global_max_pool", "global_average_pool", "zero_pad"]
    | Literal["flatten", "unflatten", "select", "concatenate", "scale", "shift", "clip", "elu"]
    | Literal["standardise_channels", "unit_length"]
)


@dataclass(frozen=True)
class Value:
    """What an operation gives: its place in the list, from 1 (0 is the image), and its shape without the axis of
    rows."""

    place: int
    shape: Shape


@dataclass(frozen=True, eq=False)
class Operation:
    """One step. inputs: places of the values that it reads. arrays: names in `InferenceGraph.arrays`, by their role.

    | kind | arrays | settings |
    |---|---|---|
    | dense | kernel (F, U), bias (U,) or none | |
    | conv | kernel (O, H, W, C / groups), bias (O,) or none | strides, pads, dilation, groups |
    | max_pool, average_pool | | window, strides, pads; means are of the pixels inside the image |
    | global_max_pool, global_average_pool | | over height and width: (H, W, C) -> (C,) |
    | zero_pad | | pads |
    | flatten, unflatten | | (H, W, C) row by row, channels innermost, as (H * W * C,), and back |
    | select | places (U,) int64 of a vector | |
    | concatenate | | along the last axis |
    | add, multiply, divide, maximum, minimum | | of two values; a vector (C,) stands at every position of (H, W, C) |
    | scale, shift | factor, offset: the shape of the value, or of its last axes | |
    | clip | | low, high |
    | elu | | alpha: x where positive, else alpha * (exp(x) - 1) |
    | abs, erf, exp, relu, sigmoid, softplus, tanh | | of each value |
    | standardise_channels | | epsilon: (x - mean) / sqrt(variance + epsilon) over the last axis |
    | unit_length | | least: x / max(length, least) over the last axis |
    """

    kind: Kind
    inputs: tuple[int, ...]
    shape: Shape
    arrays: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)


@dataclass(eq=False)
class InferenceGraph:
    """The operations from the network's input, values from 0 (black) to 1 (white), to its logits.

    arrays: all numbers by name, float32 but for places. layer: name of the layer that is being added. views: the
    logits are the mean of those of so many changed copies of the image (models/views.py); "flip" and "shift".
    """

    input_shape: Shape
    operations: list[Operation] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    layer: str = ""
    views: tuple[str, ...] = ()

    @property
    def image(self) -> Value:
        """The input."""
        return Value(0, self.input_shape)

    def add(
        self,
        kind: Kind,
        inputs: Sequence[Value],
        shape: Shape,
        arrays: dict[str, np.ndarray | None] | None = None,
        **settings: Setting,
    ) -> Value:
        """Appends an operation; arrays that are None are left out."""
        named = {role: self._stored(role, value) for role, value in (arrays or {}).items() if value is not None}
        self.operations.append(Operation(kind, tuple(each.place for each in inputs), shape, named, settings))
        return Value(len(self.operations), shape)

    def _stored(self, role: str, value: np.ndarray) -> str:
        base = f"{self.layer}.{role}"
        name, number = base, 1
        while name in self.arrays:
            number += 1
            name = f"{base}_{number}"
        kept = value if value.dtype == np.int64 else value.astype(np.float32)
        self.arrays[name] = np.ascontiguousarray(kept)
        return name

    def dense(self, x: Value, kernel: np.ndarray, bias: np.ndarray | None) -> Value:
        """x (F,) times kernel (F, U), plus bias."""
        return self.add("dense", [x], (kernel.shape[1],), {"kernel": kernel, "bias": bias})

    def flatten(self, x: Value) -> Value:
        """Images as vectors."""
        return x if len(x.shape) == 1 else self.add("flatten", [x], (math.prod(x.shape),))

    def each(self, kind: Function, x: Value) -> Value:
        """A function of each value."""
        return self.add(kind, [x], x.shape)

    def pair(self, kind: Pair, a: Value, b: Value) -> Value:
        """Two values at each position as one."""
        return self.add(kind, [a, b], max(a.shape, b.shape, key=len))

    def scale(self, x: Value, factor: np.ndarray | float) -> Value:
        """x times numbers."""
        return x if _is(factor, 1.0) else self.add("scale", [x], x.shape, {"factor": np.asarray(factor)})

    def shift(self, x: Value, offset: np.ndarray | float) -> Value:
        """x plus numbers."""
        return x if _is(offset, 0.0) else self.add("shift", [x], x.shape, {"offset": np.asarray(offset)})

    def elu(self, x: Value, alpha: float) -> Value:
        """x where positive, else alpha * (exp(x) - 1)."""
        return self.add("elu", [x], x.shape, alpha=alpha)

    def clip(self, x: Value, low: float, high: float) -> Value:
        """min(max(x, low), high)."""
        return self.add("clip", [x], x.shape, low=low, high=high)


def _is(values: np.ndarray | float, number: float) -> bool:
    return isinstance(values, float | int) and values == number
