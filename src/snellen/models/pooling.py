"""Layers that sum up windows, or whole pictures, by their largest value or their mean."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.layer import Layer, Shape, Side, Step, Tensors
from snellen.models.windows import Padding, fold, pad_same, unfold, window_output


@final
class MaxPool(Layer):
    """The largest value of each window."""

    kind: Literal["max_pool"] = "max_pool"
    shorthand: ClassVar = "size"
    size: Side = 2
    strides: Side | None = None
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.size, self.strides or self.size, self.padding), shape[2])

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        strides = self.strides or self.size
        rows = fold(x)
        padded = pad_same(rows, self.size, strides, -math.inf) if self.padding == "same" else rows
        return unfold(functional.max_pool2d(padded, self.size, strides), len(x)), {}

    def detail(self) -> str:
        return f"{self.size}x{self.size}, strides {self.strides or self.size}, {self.padding}"


@final
class AveragePool(Layer):
    """The mean of each window; of a window over the edge, the mean of its pixels inside the picture."""

    kind: Literal["average_pool"] = "average_pool"
    shorthand: ClassVar = "size"
    size: Side = 2
    strides: Side | None = None
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.size, self.strides or self.size, self.padding), shape[2])

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        rows = fold(x)
        y = self._means(rows)
        if self.padding == "same":
            y = y / self._means(rows.new_ones(1, 1, *rows.shape[2:]))
        return unfold(y, len(x)), {}

    def _means(self, rows: Tensor) -> Tensor:
        """Means of all windows of (N, C, H, W), zeros around the picture counted."""
        strides = self.strides or self.size
        padded = pad_same(rows, self.size, strides, 0.0) if self.padding == "same" else rows
        return functional.avg_pool2d(padded, self.size, strides)

    def detail(self) -> str:
        return f"{self.size}x{self.size}, strides {self.strides or self.size}, {self.padding}"


@final
class GlobalAveragePool(Layer):
    """The mean of each channel: pictures as vectors (Lin, Chen and Yan 2014)."""

    kind: Literal["global_average_pool"] = "global_average_pool"

    def output_shape(self, shape: Shape) -> Shape:
        return _channels(self, shape)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.mean((2, 3)), {}


@final
class GlobalMaxPool(Layer):
    """The largest value of each channel: pictures as vectors."""

    kind: Literal["global_max_pool"] = "global_max_pool"

    def output_shape(self, shape: Shape) -> Shape:
        return _channels(self, shape)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.amax((2, 3)), {}


def _channels(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ShapeError(f"`{layer.name}` needs pictures", found=f"shape {shape}", expected="(height, width, channels)")
    return (shape[2],)
