"""The layers, one class each: Keras's names, arguments, initialisers and semantics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import numpy as np
import torch
import torch.nn.functional as functional
from pydantic import Field, model_validator
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import MAX_LAYERS, MAX_SKIP_DEPTH
from snellen.models import chain
from snellen.models.initializers import Initializer, draw
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors, row_product
from snellen.models.named import one_of
from snellen.models.windows import Padding, fold, pad_same, unfold, window_output

Activation = Literal["linear", "relu"]
Count = Annotated[int, Field(ge=1, le=65_536)]
Side = Annotated[int, Field(ge=1, le=512)]


def _activate(y: Tensor, activation: Activation) -> Tensor:
    """In place: y is the layer's own fresh output, which no gradient needs."""
    return y.relu_() if activation == "relu" else y


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
        bias = parameters["bias"] if self.use_bias else None
        return _activate(row_product(x, parameters["kernel"], bias), self.activation), {}

    def multiply_adds(self, shape: Shape) -> int:
        return shape[0] * self.units

    def detail(self) -> str:
        return f"{self.units} units, {self.activation}"


@final
class Conv(Layer):
    """Two-dimensional convolution. The kernel is stored (filters, height, width, channels): torch's channels_last."""

    kind: Literal["conv"] = "conv"
    filters: Count
    kernel: Side
    strides: Side = 1
    padding: Padding = "valid"
    activation: Activation = "linear"
    use_bias: bool = True
    initializer: Initializer = "glorot_uniform"

    def output_shape(self, shape: Shape) -> Shape:
        return (*window_output(self, shape, self.kernel, self.strides, self.padding), self.filters)

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        window = self.kernel**2
        size = (self.filters, self.kernel, self.kernel, shape[2])
        kernel = draw(self.initializer, key.at("kernel"), size, window * shape[2], window * self.filters)
        bias = {"bias": np.zeros((len(key.seeds), self.filters))} if self.use_bias else {}
        return {"kernel": kernel, **bias}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        lanes = len(x)
        kernel = parameters["kernel"].flatten(0, 1).permute(0, 3, 1, 2)
        bias = parameters["bias"].flatten() if self.use_bias else None
        folded, padding = fold(x), 0
        if self.padding == "same" and self.strides == 1 and self.kernel % 2:
            padding = self.kernel // 2
        elif self.padding == "same":
            folded = pad_same(folded, self.kernel, self.strides, 0.0)
        y = functional.conv2d(folded, kernel, bias, self.strides, padding, groups=lanes)
        return unfold(_activate(y, self.activation), lanes), {}

    def multiply_adds(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * self.kernel**2 * shape[2]

    def detail(self) -> str:
        stride = f", strides {self.strides}" if self.strides > 1 else ""
        return f"{self.filters} filters {self.kernel}x{self.kernel}, {self.padding}{stride}, {self.activation}"


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
        rows = x.flatten(0, 1).permute(0, 3, 1, 2)
        padded = pad_same(rows, self.size, strides, -math.inf) if self.padding == "same" else rows
        y = functional.max_pool2d(padded, self.size, strides)
        return y.permute(0, 2, 3, 1).unflatten(0, x.shape[:2]), {}

    def detail(self) -> str:
        return f"{self.size}x{self.size}, strides {self.strides or self.size}, {self.padding}"


@final
class Flatten(Layer):
    """Pictures as vectors, row by row, channels innermost."""

    kind: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.flatten(2), {}


@final
class Dropout(Layer):
    """While training, sets values to zero with probability `rate` and divides the others by 1 - rate."""

    kind: Literal["dropout"] = "dropout"
    shorthand: ClassVar = "rate"
    rate: Annotated[float, Field(ge=0, lt=1)]

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        if step.mode == "evaluate" or self.rate == 0 or step.key is None:
            return x, {}
        return x * step.key.keep_mask(self.rate, x).mul_(1 / (1 - self.rate)), {}

    def detail(self) -> str:
        return f"rate {self.rate:g}"


@final
class BatchNorm(Layer):
    """Batch normalisation over all axes but the last (Ioffe and Szegedy 2015).

    Moving statistics follow Keras: moving = momentum * moving + (1 - momentum) * batch, with the biased variance.
    """

    kind: Literal["batch_norm"] = "batch_norm"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Annotated[float, Field(gt=0, le=1)] = 1e-3

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        size = (len(key.seeds), shape[-1])
        parameters = {"gamma": np.ones(size), "beta": np.zeros(size)}
        return parameters, {"moving_mean": np.zeros(size), "moving_variance": np.ones(size)}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        if step.mode == "evaluate":
            return self._normalise(x, parameters, state["moving_mean"], state["moving_variance"]), {}
        if step.weights is None:
            y, mean, variance = self._native(x, parameters)
        else:
            mean, variance = _weighted_moments(x, step.weights)
            y = self._normalise(x, parameters, mean, variance)
        return y, {
            "moving_mean": torch.lerp(mean.detach(), state["moving_mean"], self.momentum),
            "moving_variance": torch.lerp(variance.detach(), state["moving_variance"], self.momentum),
        }

    def _normalise(self, x: Tensor, parameters: Tensors, mean: Tensor, variance: Tensor) -> Tensor:
        scale = parameters["gamma"] * torch.rsqrt(variance + self.epsilon)
        offset = parameters["beta"] - mean * scale
        size = (len(x),) + (1,) * (x.dim() - 2) + (-1,)
        return torch.addcmul(offset.view(size), x, scale.view(size))

    def _native(self, x: Tensor, parameters: Tensors) -> tuple[Tensor, Tensor, Tensor]:
        """torch's fused kernel, several times faster than the formula; the lanes stand beside the channels."""
        lanes, channels = len(x), x.shape[-1]
        folded = fold(x) if x.dim() == 5 else x.transpose(0, 1).flatten(1)
        gamma, beta = parameters["gamma"].flatten(), parameters["beta"].flatten()
        y, mean, deviation = torch.native_batch_norm(folded, gamma, beta, None, None, True, 0.0, self.epsilon)
        unfolded = unfold(y, lanes) if x.dim() == 5 else y.unflatten(1, (lanes, channels)).transpose(0, 1)
        variance = deviation.pow(-2) - self.epsilon
        return unfolded, mean.view(lanes, channels), variance.view(lanes, channels)

    def detail(self) -> str:
        return f"momentum {self.momentum:g}, epsilon {self.epsilon:g}"


def _weighted_moments(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (L, C) over the rows whose weight is 1."""
    axes = tuple(range(1, x.dim() - 1))
    share = weights.view(weights.shape + (1,) * (x.dim() - 2))
    total = weights.sum(1, keepdim=True) * math.prod(x.shape[2:-1])
    mean = (x * share).sum(axes) / total
    centred = x - mean.view((len(x),) + (1,) * (x.dim() - 2) + (-1,))
    return mean, (centred.square() * share).sum(axes) / total


@final
class Relu(Layer):
    """max(x, 0)."""

    kind: Literal["relu"] = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.relu(), {}


@final
class LeakyRelu(Layer):
    """x where positive, else negative_slope * x."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    shorthand: ClassVar = "negative_slope"
    negative_slope: Annotated[float, Field(ge=0, le=1)] = 0.3

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return functional.leaky_relu(x, self.negative_slope), {}

    def detail(self) -> str:
        return f"slope {self.negative_slope:g}"


@final
class Skip(Layer):
    """x + f(x), with f a list of layers (He et al. 2016); f must keep the shape."""

    kind: Literal["skip"] = "skip"
    shorthand: ClassVar = "layers"
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1, max_length=MAX_LAYERS)]

    @model_validator(mode="after")
    def _not_too_deep(self) -> Skip:
        if self.depth > MAX_SKIP_DEPTH:
            raise ShapeError("`skip` inside `skip` too often", expected=f"at most {MAX_SKIP_DEPTH} deep")
        return self

    @property
    def depth(self) -> int:
        """1 without a skip inside."""
        return 1 + max((layer.depth for layer in self.layers if isinstance(layer, Skip)), default=0)

    def output_shape(self, shape: Shape) -> Shape:
        inside = chain.place(self.layers, shape)[-1].output_shape
        if inside != shape:
            raise ShapeError("the layers inside a `skip` must keep the shape", found=inside, expected=shape)
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        return chain.init(chain.place(self.layers, shape), key)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        inside, changed = chain.apply(chain.place(self.layers, tuple(x.shape[2:])), parameters, state, x, step)
        return x + inside, changed

    def multiply_adds(self, shape: Shape) -> int:
        return chain.multiply_adds(chain.place(self.layers, shape))

    def detail(self) -> str:
        return " > ".join(f"{layer.name} ({layer.detail()})".replace(" ()", "") for layer in self.layers)


LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "conv": Conv,
    "max_pool": MaxPool,
    "flatten": Flatten,
    "dropout": Dropout,
    "batch_norm": BatchNorm,
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "skip": Skip,
}

if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = one_of(LAYERS, "layer")
    Skip.model_rebuild()
