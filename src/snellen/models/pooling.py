"""Pooling layers: the largest value or the mean of each window, or of whole images."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.kernels.library import Operation
from snellen.models.compiled import CompiledLayer
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.lanes import on_channels
from snellen.models.layer import OPERATIONS_A_VALUE, Arrays, Layer, Shape, Sides, Step, Tensors
from snellen.models.windows import Padding, Sliding, compiled_window, pad_same, padded_values, shown, window_output

OPERATIONS_A_PIXEL = 100
"""Reading a pixel of a window takes as long as so many multiply-adds of a large product: 2e8 a second and core where
there is one channel."""


class Pool(Layer):
    """Base of the layers that give one value for each window. operation: for the compiled library."""

    shorthand: ClassVar = "size"
    operation: ClassVar[Operation]
    size: Sides = 2
    strides: Sides | None = None
    padding: Padding = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.sliding), shape[2])

    @property
    def sliding(self) -> Sliding:
        """By default windows lie side by side."""
        return Sliding.of(self.size, self.strides or self.size, self.padding)

    def operations(self, shape: Shape) -> int:
        outputs = math.prod(self.output_shape(shape))
        return OPERATIONS_A_PIXEL * outputs * self.sliding.area + OPERATIONS_A_VALUE * (math.prod(shape) + outputs)

    def working_values(self, shape: Shape) -> int:
        """For each maximum torch stores its place in eight bytes; means of `same` windows are divided."""
        return padded_values(shape, self.sliding) + 2 * math.prod(self.output_shape(shape))

    def padded(self, x: Tensor, value: float) -> Tensor:
        """(N, C, H, W) with a margin of `value` where the padding is `same`."""
        return pad_same(x, self.sliding, value) if self.padding == "same" else x

    def pooled(self, graph: InferenceGraph, x: Value, kind: Literal["max_pool", "average_pool"]) -> Value:
        """The windows in what is exported."""
        size, pads = self.sliding.places(*x.shape[:2]), self.sliding.pads(*x.shape[:2])
        window, strides = self.sliding.window, self.sliding.strides
        return graph.add(kind, [x], (*size, x.shape[2]), window=window, strides=strides, pads=pads)

    def compiled(self, shape: Shape) -> CompiledLayer | None:
        window = compiled_window(shape, self.sliding)
        return None if window is None else CompiledLayer(self.operation, window=window)

    def detail(self) -> str:
        down, across = self.sliding.window
        return f"{down}x{across}, strides {shown(self.sliding.strides)}, {self.padding}"


@final
class MaxPool(Pool):
    """The largest value of each window."""

    kind: Literal["max_pool"] = "max_pool"
    operation: ClassVar = Operation.MAX_POOL

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return on_channels(self._maxima, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return self.pooled(graph, x, "max_pool")

    def _maxima(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(self.padded(x, -math.inf), self.sliding.window, self.sliding.strides)


@final
class AveragePool(Pool):
    """The mean of each window; of a window over the edge, the mean of its pixels inside the image."""

    kind: Literal["average_pool"] = "average_pool"
    operation: ClassVar = Operation.AVERAGE_POOL

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return on_channels(self._means, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return self.pooled(graph, x, "average_pool")

    def _means(self, x: Tensor) -> Tensor:
        if self.padding == "valid":
            return self._padded_means(x)
        return self._padded_means(x) / self._padded_means(x.new_ones(1, 1, *x.shape[2:]))

    def _padded_means(self, x: Tensor) -> Tensor:
        """Means of all windows of (N, C, H, W), zeros in the margin included."""
        return functional.avg_pool2d(self.padded(x, 0.0), self.sliding.window, self.sliding.strides)


@final
class GlobalAveragePool(Layer):
    """The mean of each channel: images as vectors (Lin, Chen and Yan 2014)."""

    kind: Literal["global_average_pool"] = "global_average_pool"

    def output_shape(self, shape: Shape) -> Shape:
        return _channels(self, shape)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.mean((2, 3)), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.add("global_average_pool", [x], x.shape[2:])

    def compiled(self, shape: Shape) -> CompiledLayer | None:
        """A window as large as the image, where that is square."""
        if shape[0] != shape[1]:
            return None
        window = compiled_window(shape, Sliding.of(shape[0], shape[0], "valid"))
        return CompiledLayer(Operation.AVERAGE_POOL, window=window)


@final
class GlobalMaxPool(Layer):
    """The largest value of each channel: images as vectors."""

    kind: Literal["global_max_pool"] = "global_max_pool"

    def output_shape(self, shape: Shape) -> Shape:
        return _channels(self, shape)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.amax((2, 3)), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.add("global_max_pool", [x], x.shape[2:])


def _channels(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ShapeError(f"`{layer.name}` needs images", found=f"shape {shape}", expected="(height, width, channels)")
    return (shape[2],)
