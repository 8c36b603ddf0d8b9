"""The fully connected layer."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models import kernel_products
from snellen.models.activations import Activation, activate, activation_values
from snellen.models.initializers import Initializer, draw
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Count, Layer, Shape, Step, Tensors, plain_product, row_product


@final
class Dense(Layer):
    """y = activation(x W + b) on vectors."""

    kind: Literal["dense"] = "dense"
    shorthand: ClassVar = "units"
    units: Count
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("`dense` needs vectors", found=f"shape {shape}", hint="Put `flatten` before it.")
        return (self.units,)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        kernel = draw(self.initializer, key.at("kernel"), (shape[0], self.units), shape[0], self.units)
        bias = {"bias": np.zeros((len(key.seeds), self.units))} if self.use_bias else {}
        return {"kernel": kernel, **bias}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        kernel, bias, relu = parameters["kernel"], parameters.get("bias"), self.activation == "relu"
        if step.mode == "train" and kernel_products.multiplies(x, kernel):
            y = kernel_products.multiply(x, kernel, bias, relu)
            return y if relu else activate(y, self.activation), {}
        product = row_product if step.mode == "evaluate" else plain_product
        return activate(product(x, kernel, bias), self.activation), {}

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def working_values(self, shape: Shape) -> int:
        return activation_values(self.activation, self.output_shape(shape))

    def detail(self) -> str:
        return f"{self.units} units, {self.activation}"
