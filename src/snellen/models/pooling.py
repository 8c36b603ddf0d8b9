"""Layers that sum up windows, or whole pictures, by their largest value or their mean."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.layer import OPERATIONS_A_VALUE, Layer, Shape, Side, Step, Tensors
from snellen.models.windows import Padding, fold, pad_same, padded_values, unfold, window_output

OPERATIONS_A_PIXEL = 100
"""To look at a pixel of a window takes as long as so many multiply-adds of a large product: 2e8 a second and core
where there is one channel."""


class Pool(Layer):
    """Base of the layers that sum up windows; each says how."""

    shorthand: ClassVar = "size"
    size: Side = 2
    strides: Side | None = None
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.size, self.stride, self.padding), shape[2])

    @property
    def stride(self) -> int:
        """From window to window; windows lie side by side unless the study says otherwise."""
        return self.strides or self.size

    def operations(self, shape: Shape) -> int:
        outputs = math.prod(self.output_shape(shape))
        return OPERATIONS_A_PIXEL * outputs * self.size**2 + OPERATIONS_A_VALUE * (math.prod(shape) + outputs)

    def working_values(self, shape: Shape) -> int:
        """torch finds places in eight bytes with the largest values; means of `same` windows are divided."""
        return padded_values(shape, self.size, self.stride, self.padding) + 2 * math.prod(self.output_shape(shape))

    def padded(self, rows: Tensor, value: float) -> Tensor:
        """(N, C, H, W) with `value` around it, where the padding asks for it."""
        return pad_same(rows, self.size, self.stride, value) if self.padding == "same" else rows

    def detail(self) -> str:
        return f"{self.size}x{self.size}, strides {self.stride}, {self.padding}"


@final
class MaxPool(Pool):
    """The largest value of each window."""

    kind: Literal["max_pool"] = "max_pool"

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        rows = self.padded(fold(x), -math.inf)
        return unfold(functional.max_pool2d(rows, self.size, self.stride), len(x)), {}


@final
class AveragePool(Pool):
    """The mean of each window; of a window over the edge, the mean of its pixels inside the picture."""

    kind: Literal["average_pool"] = "average_pool"

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        rows = fold(x)
        y = self._means(rows)
        if self.padding == "same":
            y = y / self._means(rows.new_ones(1, 1, *rows.shape[2:]))
        return unfold(y, len(x)), {}

    def _means(self, rows: Tensor) -> Tensor:
        """Means of all windows of (N, C, H, W), zeros around the picture counted."""
        return functional.avg_pool2d(self.padded(rows, 0.0), self.size, self.stride)


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
