"""Two-dimensional convolutions: full, depthwise, and separable.

Kernels are Keras's with the last axis turned to the front, (outputs, height, width, inputs): torch's channels_last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
from pydantic import Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.kernels.library import Operation, WinogradSizes
from snellen.models.activations import (
    Activation,
    activate,
    activation_values,
    add_activation,
    compiled_activation,
)
from snellen.models.compiled import CompiledLayer
from snellen.models.compiled_products import CHANNELS, MAX_CHANNELS, Product
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.initializers import Initializer, draw
from snellen.models.keys import Key
from snellen.models.lanes import convolution, depthwise_convolution, on_channels
from snellen.models.layer import (
    OPERATIONS_A_VALUE,
    Arrays,
    Count,
    Layer,
    Penalty,
    Shape,
    Sides,
    Step,
    Tensors,
    kernel_penalties,
    penalty_words,
)
from snellen.models.windows import (
    Padding,
    Sliding,
    add_convolution,
    compiled_window,
    convolution_operations,
    convolution_values,
    window_output,
)

Multiplier = Annotated[int, Field(ge=1, le=512)]
Groups = Annotated[int, Field(ge=1, le=65_536)]


class Conv(Layer):
    """Every output channel sees all input channels, or those of its group. kernel: (filters, height, width, channels /
    groups)."""

    kind: Literal["conv"] = "conv"
    identity_baseline: ClassVar[Mapping[str, Any]] = {"dilation": 1, "groups": 1, "l1": None, "l2": None}
    filters: Count
    kernel: Sides
    strides: Sides = 1
    padding: Padding = "valid"
    dilation: Sides = 1
    groups: Groups = 1
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"
    l1: Penalty = None
    l2: Penalty = None

    @property
    def sliding(self) -> Sliding:
        """How the window slides."""
        return Sliding.of(self.kernel, self.strides, self.padding, self.dilation)

    def output_shape(self, shape: Shape) -> Shape:
        size = window_output(self, shape, self.sliding)
        if shape[2] % self.groups or self.filters % self.groups:
            found = f"{shape[2]} channels and {self.filters} filters in {self.groups} groups"
            raise ShapeError("`groups` of `conv` must divide channels and filters", found=found)
        return (*size, self.filters)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        window, inputs = self.sliding.window, shape[2] // self.groups
        kernel = _draw_kernel(self.initializer, key.at("kernel"), self.filters, window, inputs)
        return {"kernel": kernel, **_zero_bias(self.use_bias, key, self.filters)}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        def convolve(x: Tensor) -> Tensor:
            y = convolution(x, parameters["kernel"], parameters.get("bias"), self.sliding, self.groups)
            return activate(y, self.activation)

        return on_channels(convolve, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        y = add_convolution(graph, x, arrays["kernel"], arrays.get("bias"), self.sliding, self.groups)
        return add_activation(graph, y, self.activation)

    def compiled(self, shape: Shape) -> CompiledLayer | None:
        activation, window = compiled_activation(self.activation), compiled_window(shape, self.sliding)
        if activation is None or window is None or self.groups > 1:
            return None
        return replace(activation, operation=Operation.CONV, window=window)

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        fits = all(each <= MAX_CHANNELS and each % CHANNELS == 0 for each in (self.filters, shape[2]))
        fits = fits and (lanes, self.kernel, self.strides, self.dilation, self.groups) == (1, 3, 1, 1, 1)
        return AcceleratedConv(**dict(self)) if fits else self

    def multiply_adds(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * self.sliding.area * shape[2] // self.groups

    def operations(self, shape: Shape) -> int:
        height, width, filters = self.output_shape(shape)
        places, each = height * width * self.groups, (shape[2] // self.groups, filters // self.groups)
        windows = convolution_operations(places, self.sliding.area, *each)
        return windows + OPERATIONS_A_VALUE * (math.prod(shape) + height * width * filters)

    def working_values(self, shape: Shape) -> int:
        return _working_values(self, shape)

    def penalties(self, shape: Shape) -> Mapping[str, tuple[float, float]]:
        return kernel_penalties(self.l1, self.l2)

    def detail(self) -> str:
        groups = f" in {self.groups} groups" if self.groups > 1 else ""
        penalties = penalty_words(self.l1, self.l2)
        return f"{self.filters} filters{groups} {self.sliding.detail()}, {self.activation}{penalties}"


@final
class AcceleratedConv(Conv):
    """A convolution of 3x3 pixels by the compiled library, for the training of one lane."""

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        kernel, relu = parameters["kernel"].contiguous(), self.activation == "relu"
        _, rows, height, width, channels = x.shape
        sizes = WinogradSizes(rows, height, width, channels, self.filters, int(self.padding == "same"))
        shape = (1, rows, *self.output_shape(tuple(x.shape[2:])))
        y = Product.apply(sizes, x.contiguous(), kernel, parameters.get("bias"), shape, relu)
        return y if relu else activate(y, self.activation), {}


@final
class DepthwiseConv(Layer):
    """Every input channel has output channels of its own. kernel: (depth_multiplier, height, width, channels)."""

    kind: Literal["depthwise_conv"] = "depthwise_conv"
    identity_baseline: ClassVar[Mapping[str, Any]] = {"dilation": 1}
    kernel: Sides
    strides: Sides = 1
    padding: Padding = "valid"
    dilation: Sides = 1
    depth_multiplier: Multiplier = 1
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"

    @property
    def sliding(self) -> Sliding:
        """How the window slides."""
        return Sliding.of(self.kernel, self.strides, self.padding, self.dilation)

    def output_shape(self, shape: Shape) -> Shape:
        size = window_output(self, shape, self.sliding)
        return (*size, shape[2] * self.depth_multiplier)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        kernel = _draw_kernel(self.initializer, key.at("kernel"), self.depth_multiplier, self.sliding.window, shape[2])
        return {"kernel": kernel, **_zero_bias(self.use_bias, key, shape[2] * self.depth_multiplier)}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        def convolve(x: Tensor) -> Tensor:
            y = depthwise_convolution(x, parameters["kernel"], parameters.get("bias"), self.sliding)
            return activate(y, self.activation)

        return on_channels(convolve, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        y = _convolved_by_channel(graph, x, arrays["kernel"], arrays.get("bias"), self.sliding)
        return add_activation(graph, y, self.activation)

    def multiply_adds(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * self.sliding.area

    def operations(self, shape: Shape) -> int:
        outputs = math.prod(self.output_shape(shape))
        windows = convolution_operations(outputs, self.sliding.area, 1, 1)
        return windows + OPERATIONS_A_VALUE * (math.prod(shape) + outputs)

    def working_values(self, shape: Shape) -> int:
        return _working_values(self, shape)

    def detail(self) -> str:
        return f"multiplier {self.depth_multiplier}, {self.sliding.detail()}, {self.activation}"


@final
class SeparableConv(Layer):
    """A depthwise convolution without bias, then one of 1x1 pixel (Chollet 2017).

    depthwise_kernel: (multiplier, height, width, channels), pointwise_kernel: (filters, 1, 1, channels * multiplier).
    """

    kind: Literal["separable_conv"] = "separable_conv"
    identity_baseline: ClassVar[Mapping[str, Any]] = {"dilation": 1}
    filters: Count
    kernel: Sides
    strides: Sides = 1
    padding: Padding = "valid"
    dilation: Sides = 1
    depth_multiplier: Multiplier = 1
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"

    @property
    def sliding(self) -> Sliding:
        """How the window slides."""
        return Sliding.of(self.kernel, self.strides, self.padding, self.dilation)

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.sliding), self.filters)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        name, between = self.initializer, shape[2] * self.depth_multiplier
        depthwise = _draw_kernel(name, key.at("depthwise_kernel"), self.depth_multiplier, self.sliding.window, shape[2])
        pointwise = _draw_kernel(name, key.at("pointwise_kernel"), self.filters, (1, 1), between)
        bias = _zero_bias(self.use_bias, key, self.filters)
        return {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise, **bias}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        def convolve(x: Tensor) -> Tensor:
            between = depthwise_convolution(x, parameters["depthwise_kernel"], None, self.sliding)
            y = convolution(between, parameters["pointwise_kernel"], parameters.get("bias"))
            return activate(y, self.activation)

        return on_channels(convolve, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        between = _convolved_by_channel(graph, x, arrays["depthwise_kernel"], None, self.sliding)
        y = add_convolution(graph, between, arrays["pointwise_kernel"], arrays.get("bias"), Sliding.of(1, 1, "valid"))
        return add_activation(graph, y, self.activation)

    def multiply_adds(self, shape: Shape) -> int:
        places = math.prod(self.output_shape(shape)[:2])
        return places * shape[2] * self.depth_multiplier * (self.sliding.area + self.filters)

    def operations(self, shape: Shape) -> int:
        height, width, filters = self.output_shape(shape)
        between = height * width * shape[2] * self.depth_multiplier
        depthwise = convolution_operations(between, self.sliding.area, 1, 1)
        pointwise = convolution_operations(height * width, 1, shape[2] * self.depth_multiplier, filters)
        values = math.prod(shape) + 2 * between + height * width * filters
        return depthwise + pointwise + OPERATIONS_A_VALUE * values

    def working_values(self, shape: Shape) -> int:
        height, width, _ = self.output_shape(shape)
        return height * width * shape[2] * self.depth_multiplier + _working_values(self, shape)

    def detail(self) -> str:
        return f"{self.filters} filters, multiplier {self.depth_multiplier}, {self.sliding.detail()}, {self.activation}"


def _convolved_by_channel(
    graph: InferenceGraph, x: Value, kernel: np.ndarray, bias: np.ndarray | None, sliding: Sliding
) -> Value:
    """kernel (multiplier, height, width, channels) as that of a convolution with a group for each channel."""
    grouped = kernel.transpose(3, 0, 1, 2).reshape(-1, *sliding.window, 1)
    return add_convolution(graph, x, grouped, bias, sliding, x.shape[2])


def _draw_kernel(name: Initializer, key: Key, outputs: int, sides: tuple[int, int], inputs: int) -> np.ndarray:
    """(L, outputs, height, width, inputs); fans as Keras counts them, for depthwise kernels and groups too."""
    area = math.prod(sides)
    return draw(name, key, (outputs, *sides, inputs), area * inputs, area * outputs)


def _zero_bias(use_bias: bool, key: Key, channels: int) -> Arrays:
    return {"bias": np.zeros((len(key.seeds), channels))} if use_bias else {}


def _working_values(layer: Conv | DepthwiseConv | SeparableConv, shape: Shape) -> int:
    height, width, _ = output = layer.output_shape(shape)
    sliding = convolution_values(shape, height * width, layer.sliding)
    return sliding + activation_values(layer.activation, output)
