"""Images under sliding windows: output sizes, Keras's `same` padding, and how much time and memory they take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import PREDICTION_BATCH
from snellen.models.compiled import Window
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Layer, Shape, both

Padding = Literal["valid", "same"]
Pair = int | tuple[int, int]
VECTOR = 16
"""float32 numbers in a register of AVX-512."""


@dataclass(frozen=True)
class Sliding:
    """How a window slides over images: pixels down and across of the window and of its strides, the padding, and how
    many pixels apart its pixels are."""

    window: tuple[int, int]
    strides: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int] = (1, 1)

    @staticmethod
    def of(window: Pair, strides: Pair, padding: Padding, dilation: Pair = 1) -> Sliding:
        """One number stands for both."""
        return Sliding(both(window), both(strides), padding, both(dilation))

    @property
    def area(self) -> int:
        """Pixels that a window reads."""
        return math.prod(self.window)

    @property
    def span(self) -> tuple[int, int]:
        """Pixels from the first to the last that a window reads, down and across."""
        down, across = ((side - 1) * apart + 1 for side, apart in zip(self.window, self.dilation))
        return down, across

    def pads(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels above and below, left and right of images of this size."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        down, across = map(same_pads, (height, width), self.span, self.strides)
        return down, across

    def places(self, height: int, width: int) -> tuple[int, int]:
        """How many windows down and across fit into images of this size, padded."""
        padded = (height + sum(self.pads(height, width)[0]), width + sum(self.pads(height, width)[1]))
        down, across = ((size - span) // stride + 1 for size, span, stride in zip(padded, self.span, self.strides))
        return down, across

    @property
    def even_pads(self) -> tuple[int, int] | None:
        """Pixels above and below alike, left and right alike, of images of any size; None where a side gets more than
        the other, or may."""
        if self.padding == "valid":
            return 0, 0
        if self.strides != (1, 1) or not all(side % 2 for side in self.span):
            return None
        return self.span[0] // 2, self.span[1] // 2

    def detail(self) -> str:
        """3x5, same, strides 2x1, dilation 2."""
        parts = [f"{self.window[0]}x{self.window[1]}", self.padding]
        changed = (("strides", self.strides), ("dilation", self.dilation))
        return ", ".join(parts + [f"{name} {shown(sides)}" for name, sides in changed if sides != (1, 1)])


def shown(sides: tuple[int, int]) -> str:
    """One number where both are the same."""
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def window_output(layer: Layer, shape: Shape, sliding: Sliding) -> tuple[int, int]:
    """Height and width after sliding a window over images of `shape`; ShapeError when it does not fit."""
    if len(shape) != 3:
        raise ShapeError(f"`{layer.name}` needs images", found=f"shape {shape}", expected="(height, width, channels)")
    height, width, _ = shape
    tall, wide = sliding.span
    if sliding.padding == "valid" and (height < tall or width < wide):
        raise ShapeError(f"`{layer.name}` has a {tall}x{wide} window", found=f"images of {height}x{width}")
    return sliding.places(height, width)


def same_pads(size: int, span: int, stride: int) -> tuple[int, int]:
    """Pixels before and after one axis so that ceil(size / stride) windows fit; the odd one goes after, as in Keras."""
    total = max((math.ceil(size / stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def padded_values(shape: Shape, sliding: Sliding) -> int:
    """Numbers of the padded copy of one row that `same` padding may need."""
    if sliding.padding == "valid":
        return 0
    height, width = (size + sum(pads) for size, pads in zip(shape, sliding.pads(*shape[:2])))
    return height * width * shape[2]


def convolution_values(shape: Shape, places: int, sliding: Sliding) -> int:
    """Numbers of one row that a convolution holds beside input and output: the padded copy, unless both sides get the
    same; and for one channel a row's part of the windows of one image, which oneDNN copies twice."""
    columns = 2 * places * sliding.area // PREDICTION_BATCH if shape[2] == 1 else 0
    return columns + (padded_values(shape, sliding) if sliding.even_pads is None else 0)


def convolution_operations(places: int, area: int, inputs: int, outputs: int) -> int:
    """The time of windows of `area` pixels at so many places, in multiply-adds, from `inputs` channels to `outputs`;
    fewer outputs than a vector holds take as long as a full vector."""
    return places * area * inputs * max(outputs, VECTOR)


def compiled_window(shape: Shape, sliding: Sliding) -> Window | None:
    """A window over images of `shape`, for the compiled library; None for what it lacks: windows and strides that are
    not square, and dilated windows."""
    (side, across), (stride, stride_across) = sliding.window, sliding.strides
    if side != across or stride != stride_across or sliding.dilation != (1, 1):
        return None
    (top, _), (left, _) = sliding.pads(*shape[:2])
    return Window(side, stride, top, left)


def pad_same(x: Tensor, sliding: Sliding, fill: float) -> Tensor:
    """(N, C, H, W) padded with `fill` for `same` windows."""
    (top, bottom), (left, right) = sliding.pads(*x.shape[-2:])
    return functional.pad(x, (left, right, top, bottom), value=fill) if top + bottom + left + right else x


def add_convolution(
    graph: InferenceGraph, x: Value, kernel: np.ndarray, bias: np.ndarray | None, sliding: Sliding, groups: int = 1
) -> Value:
    """A convolution in what is exported. kernel: (outputs, height, width, channels / groups)."""
    return graph.add(
        "conv",
        [x],
        (*sliding.places(*x.shape[:2]), len(kernel)),
        {"kernel": kernel, "bias": bias},
        strides=sliding.strides,
        pads=sliding.pads(*x.shape[:2]),
        dilation=sliding.dilation,
        groups=groups,
    )
