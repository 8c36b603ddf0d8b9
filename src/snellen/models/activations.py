"""Functions of each value alone: as layers, and as the `activation` argument of other layers."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import torch.nn.functional as functional
from pydantic import Field
from torch import Tensor

from snellen.kernels.library import Function
from snellen.models.compiled import CompiledLayer
from snellen.models.elementwise import Elementwise
from snellen.models.hard_activations import HardSigmoid, HardSilu, HardTanh, Relu6
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Shape

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
"""Of selu (Klambauer et al. 2017)."""
SAME_AS_LINE = 40.0
"""From here on softplus is x to the last place of a float64."""


@final
class Relu(Elementwise):
    """max(x, 0)."""

    kind: Literal["relu"] = "relu"

    def values(self, x: Tensor) -> Tensor:
        return x.relu()

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.each("relu", x)

    def overwrite(self, y: Tensor) -> Tensor:
        return y.relu_()

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.RELU)


@final
class LeakyRelu(Elementwise):
    """x where positive, else negative_slope * x."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    is_argument: ClassVar[bool] = False
    shorthand: ClassVar = "negative_slope"
    negative_slope: Annotated[float, Field(ge=0, le=1)] = 0.3

    def values(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.negative_slope)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.pair("maximum", x, graph.scale(x, self.negative_slope))

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.LEAKY_RELU, alpha=self.negative_slope)

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

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.elu(x, self.alpha)

    def overwrite(self, y: Tensor) -> Tensor:
        return functional.elu(y, self.alpha, inplace=True)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.ELU, alpha=self.alpha)

    def detail(self) -> str:
        return f"alpha {self.alpha:g}"


@final
class Gelu(Elementwise):
    """x times the normal distribution function of x, not its approximation by tanh (Hendrycks and Gimpel 2016)."""

    kind: Literal["gelu"] = "gelu"

    def values(self, x: Tensor) -> Tensor:
        return functional.gelu(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        normal = graph.scale(graph.shift(graph.each("erf", graph.scale(x, math.sqrt(0.5))), 1.0), 0.5)
        return graph.pair("multiply", x, normal)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.GELU)


@final
class Silu(Elementwise):
    """x * sigmoid(x), also called swish (Elfwing, Uchibe and Doya 2018)."""

    kind: Literal["silu"] = "silu"

    def values(self, x: Tensor) -> Tensor:
        return functional.silu(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.pair("multiply", x, graph.each("sigmoid", x))

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.SILU)


@final
class Tanh(Elementwise):
    """The hyperbolic tangent."""

    kind: Literal["tanh"] = "tanh"
    sign: ClassVar = "squasher"

    def values(self, x: Tensor) -> Tensor:
        return x.tanh()

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.each("tanh", x)

    def overwrite(self, y: Tensor) -> Tensor:
        return y.tanh_()

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.TANH)


@final
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x))."""

    kind: Literal["sigmoid"] = "sigmoid"
    sign: ClassVar = "squasher"

    def values(self, x: Tensor) -> Tensor:
        return x.sigmoid()

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.each("sigmoid", x)

    def overwrite(self, y: Tensor) -> Tensor:
        return y.sigmoid_()

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.SIGMOID)


@final
class Selu(Elementwise):
    """1.0507 times x where positive, else 1.0507 * 1.6733 * (exp(x) - 1): keeps mean 0 and variance 1 from layer to
    layer, with initial weights of `lecun_normal` (Klambauer et al. 2017)."""

    kind: Literal["selu"] = "selu"

    def values(self, x: Tensor) -> Tensor:
        return functional.selu(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.scale(graph.elu(x, SELU_ALPHA), SELU_SCALE)

    def overwrite(self, y: Tensor) -> Tensor:
        return functional.selu(y, inplace=True)


@final
class Celu(Elementwise):
    """x where positive, else alpha * (exp(x / alpha) - 1): its slope at 0 is 1 for any alpha (Barron 2017)."""

    kind: Literal["celu"] = "celu"
    shorthand: ClassVar = "alpha"
    alpha: Annotated[float, Field(gt=0, le=10)] = 1.0

    def values(self, x: Tensor) -> Tensor:
        return functional.celu(x, self.alpha)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.scale(graph.elu(graph.scale(x, 1 / self.alpha), 1.0), self.alpha)

    def detail(self) -> str:
        return f"alpha {self.alpha:g}"


@final
class Softplus(Elementwise):
    """log(1 + exp(x))."""

    kind: Literal["softplus"] = "softplus"

    def values(self, x: Tensor) -> Tensor:
        return functional.softplus(x, threshold=SAME_AS_LINE)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.each("softplus", x)


@final
class Softsign(Elementwise):
    """x / (1 + |x|)."""

    kind: Literal["softsign"] = "softsign"
    sign: ClassVar = "squasher"

    def values(self, x: Tensor) -> Tensor:
        return functional.softsign(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.pair("divide", x, graph.shift(graph.each("abs", x), 1.0))

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)


@final
class Mish(Elementwise):
    """x * tanh(softplus(x)) (Misra 2020)."""

    kind: Literal["mish"] = "mish"

    def values(self, x: Tensor) -> Tensor:
        return functional.mish(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.pair("multiply", x, graph.each("tanh", graph.each("softplus", x)))


@final
class Exponential(Elementwise):
    """exp(x)."""

    kind: Literal["exponential"] = "exponential"

    def values(self, x: Tensor) -> Tensor:
        return x.exp()

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.each("exp", x)

    def overwrite(self, y: Tensor) -> Tensor:
        return y.exp_()


@final
class LogSigmoid(Elementwise):
    """log(1 / (1 + exp(-x)))."""

    kind: Literal["log_sigmoid"] = "log_sigmoid"

    def values(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.scale(graph.each("softplus", graph.scale(x, -1.0)), -1.0)

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)


@final
class Rescale(Elementwise):
    """scale * x + offset."""

    kind: Literal["rescale"] = "rescale"
    shorthand: ClassVar = "scale"
    scale: float
    offset: float = 0.0

    def values(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset if self.offset else x * self.scale

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        return graph.shift(graph.scale(x, self.scale), self.offset)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(function=Function.SCALE, alpha=self.scale, beta=self.offset)

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape) if self.offset else 0

    def detail(self) -> str:
        return f"scale {self.scale:g}, offset {self.offset:g}"


ACTIVATIONS: dict[str, type[Elementwise]] = {
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "elu": Elu,
    "gelu": Gelu,
    "silu": Silu,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "selu": Selu,
    "celu": Celu,
    "relu6": Relu6,
    "softplus": Softplus,
    "softsign": Softsign,
    "mish": Mish,
    "exponential": Exponential,
    "log_sigmoid": LogSigmoid,
    "hard_sigmoid": HardSigmoid,
    "hard_silu": HardSilu,
    "hard_tanh": HardTanh,
}
"""All activations by name; they are layers too."""
ARGUMENTS = ("linear", *(name for name, kind in ACTIVATIONS.items() if kind.is_argument))
"""What an `activation` argument may be."""
if TYPE_CHECKING:
    Activation = str
else:
    Activation = Literal[ARGUMENTS]


@cache
def _named(activation: Activation) -> Elementwise:
    return ACTIVATIONS[activation]()


def activate(y: Tensor, activation: Activation) -> Tensor:
    """activation(y), which may overwrite y: the output that a layer has just computed."""
    return y if activation == "linear" else _named(activation).overwrite(y)


def compiled_activation(activation: Activation) -> CompiledLayer | None:
    """The activation for the compiled library; None where it has no such function."""
    return CompiledLayer() if activation == "linear" else _named(activation).compiled(())


def add_activation(graph: InferenceGraph, y: Value, activation: Activation) -> Value:
    """The activation of a layer that gives y, in what is exported."""
    return y if activation == "linear" else _named(activation).exported(graph, y)


def activation_values(activation: Activation, shape: Shape) -> int:
    """Numbers of one row that an activation which does not overwrite its input holds beside its result."""
    overwrites = activation == "linear" or ACTIVATIONS[activation].overwrite is not Elementwise.overwrite
    return 0 if overwrites else math.prod(shape)
