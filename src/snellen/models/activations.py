"""Functions of each value alone: as layers, and as the `activation` of layers that multiply."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, final

import torch
import torch.nn.functional as functional
from pydantic import Field
from torch import Tensor

from snellen.models.layer import Layer, Shape, Step, Tensors

Activation = Literal["linear", "relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


def activate(y: Tensor, activation: Activation) -> Tensor:
    """activation(y). In place where the gradient needs only the result: y is the layer's own fresh output."""
    return ACTIVATIONS[activation](y)


ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "linear": lambda y: y,
    "relu": torch.relu_,
    "elu": lambda y: functional.elu(y, inplace=True),
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}


def activation_values(activation: Activation, shape: Shape) -> int:
    """Numbers of one row that an activation which does not work in place holds beside its result."""
    return math.prod(shape) if activation in ("gelu", "silu") else 0


class Elementwise(Layer):
    """Base of layers that are a function of each value alone; the shape stays."""

    @abstractmethod
    def values(self, x: Tensor) -> Tensor:
        """The function; a new tensor."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return self.values(x), {}


@final
class Relu(Elementwise):
    """max(x, 0)."""

    kind: Literal["relu"] = "relu"

    def values(self, x: Tensor) -> Tensor:
        return x.relu()


@final
class LeakyRelu(Elementwise):
    """x where positive, else negative_slope * x."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    shorthand: ClassVar = "negative_slope"
    negative_slope: Annotated[float, Field(ge=0, le=1)] = 0.3

    def values(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.negative_slope)

    def detail(self) -> str:
        return f"slope {self.negative_slope:g}"


@final
class Elu(Elementwise):
    """x where positive, else alpha * (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016)."""

    kind: Literal["elu"] = "elu"
    shorthand: ClassVar = "alpha"
    alpha: Annotated[float, Field(ge=0, le=10)] = 1.0

    def values(self, x: Tensor) -> Tensor:
        return functional.elu(x, self.alpha)

    def detail(self) -> str:
        return f"alpha {self.alpha:g}"


@final
class Gelu(Elementwise):
    """x times the normal distribution function of x, not its approximation by tanh (Hendrycks and Gimpel 2016)."""

    kind: Literal["gelu"] = "gelu"

    def values(self, x: Tensor) -> Tensor:
        return functional.gelu(x)


@final
class Silu(Elementwise):
    """x * sigmoid(x), also called swish (Elfwing, Uchibe and Doya 2018)."""

    kind: Literal["silu"] = "silu"

    def values(self, x: Tensor) -> Tensor:
        return functional.silu(x)


@final
class Tanh(Elementwise):
    """The hyperbolic tangent."""

    kind: Literal["tanh"] = "tanh"

    def values(self, x: Tensor) -> Tensor:
        return x.tanh()


@final
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x))."""

    kind: Literal["sigmoid"] = "sigmoid"

    def values(self, x: Tensor) -> Tensor:
        return x.sigmoid()


@final
class Rescale(Elementwise):
    """scale * x + offset."""

    kind: Literal["rescale"] = "rescale"
    shorthand: ClassVar = "scale"
    scale: float
    offset: float = 0.0

    def values(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset if self.offset else x * self.scale

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape) if self.offset else 0

    def detail(self) -> str:
        return f"scale {self.scale:g}, offset {self.offset:g}"
