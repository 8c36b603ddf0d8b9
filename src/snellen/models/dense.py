"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, final

import numpy as np
from torch import Tensor

from snellen.errors import ShapeError
from snellen.kernels.library import DenseSizes, Operation
from snellen.models.activations import (
    Activation,
    activate,
    activation_values,
    add_activation,
    compiled_activation,
)
from snellen.models.compiled import CompiledLayer
from snellen.models.compiled_products import CHANNELS, Product
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.initializers import Initializer, draw
from snellen.models.keys import Key
from snellen.models.layer import (
    Arrays,
    Count,
    Layer,
    Penalty,
    Shape,
    Step,
    Tensors,
    kernel_penalties,
    penalty_words,
    product,
)


class Dense(Layer):
    """y = activation(x W + b) on vectors."""

    kind: Literal["dense"] = "dense"
    shorthand: ClassVar = "units"
    identity_baseline: ClassVar = {"l1": None, "l2": None}
    units: Count
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"
    l1: Penalty = None
    l2: Penalty = None

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("`dense` needs vectors", found=f"shape {shape}", hint="Put `flatten` before it.")
        return (self.units,)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        kernel = draw(self.initializer, key.at("kernel"), (shape[0], self.units), shape[0], self.units)
        bias = {"bias": np.zeros((len(key.seeds), self.units))} if self.use_bias else {}
        return {"kernel": kernel, **bias}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        y = product(x, parameters["kernel"], parameters.get("bias"), step.mode)
        return activate(y, self.activation), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return add_activation(graph, graph.dense(x, arrays["kernel"], arrays.get("bias")), self.activation)

    def compiled(self, shape: Shape) -> CompiledLayer | None:
        activation = compiled_activation(self.activation)
        return activation and replace(activation, operation=Operation.DENSE)

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        return AcceleratedDense(**dict(self)) if lanes == 1 and self.units % CHANNELS == 0 else self

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def working_values(self, shape: Shape) -> int:
        return activation_values(self.activation, self.output_shape(shape))

    def penalties(self, shape: Shape) -> Mapping[str, tuple[float, float]]:
        return kernel_penalties(self.l1, self.l2)

    def detail(self) -> str:
        return f"{self.units} units, {self.activation}{penalty_words(self.l1, self.l2)}"


@final
class AcceleratedDense(Dense):
    """Dense by the compiled library, for the training of one lane."""

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        weights, relu = parameters["kernel"].contiguous(), self.activation == "relu"
        sizes, shape = DenseSizes(*x.shape[1:], self.units), (1, x.shape[1], self.units)
        y = Product.apply(sizes, x.contiguous(), weights, parameters.get("bias"), shape, relu)
        return y if relu else activate(y, self.activation), {}
