"""Layers that bring values to mean 0 and variance 1: over the batch, or over the channels of each place."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

import numpy as np
import torch
import torch.nn.functional as functional
from pydantic import Field
from torch import Tensor

from snellen.errors import IdentityError
from snellen.models.batch_shard import BatchShard
from snellen.models.compiled_norm import CHANNELS, compiled_norm, is_channels_last
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key
from snellen.models.lanes import fold, unfold
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors
from snellen.models.sharded_norm import sharded_norm

LEAST_LENGTH = 1e-12
"""Of a vector that `unit_norm` divides by, as in Keras."""
Epsilon = Annotated[float, Field(gt=0, le=1)]


class BatchNorm(Layer):
    """Batch normalisation over all axes but the last (Ioffe and Szegedy 2015).

    Moving statistics follow Keras: moving = momentum * moving + (1 - momentum) * batch, with the biased variance.
    """

    kind: Literal["batch_norm"] = "batch_norm"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    epsilon: Epsilon = 1e-3

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        size = (len(key.seeds), shape[-1])
        parameters = {"gamma": np.ones(size), "beta": np.zeros(size)}
        return parameters, {"moving_mean": np.zeros(size), "moving_variance": np.ones(size)}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        if step.mode == "evaluate":
            return self._normalise(x, parameters, state["moving_mean"], state["moving_variance"]), {}
        if step.sample_weight is None:
            y, mean, variance = self._by_batch(x, parameters, step.shard)
        else:
            mean, variance = _weighted_moments(x, step.sample_weight)
            y = self._normalise(x, parameters, mean, variance)
        return y, {
            "moving_mean": torch.lerp(mean.detach(), state["moving_mean"], self.momentum),
            "moving_variance": torch.lerp(variance.detach(), state["moving_variance"], self.momentum),
        }

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        scale = arrays["gamma"] / np.sqrt(arrays["moving_variance"] + self.epsilon)
        return graph.shift(graph.scale(x, scale), arrays["beta"] - arrays["moving_mean"] * scale)

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        """Training may round a variance of 0 to a little less than 0, but not to less than -epsilon."""
        lowest = float(state["moving_variance"].min())
        if lowest <= -self.epsilon:
            raise IdentityError("moving_variance is negative", found=f"{lowest:g}", expected="variances")

    def _normalise(self, x: Tensor, parameters: Tensors, mean: Tensor, variance: Tensor) -> Tensor:
        scale = parameters["gamma"] * torch.rsqrt(variance + self.epsilon)
        offset = parameters["beta"] - mean * scale
        return torch.addcmul(_broadcast(offset, x), x, _broadcast(scale, x))

    def _by_batch(self, x: Tensor, parameters: Tensors, shard: BatchShard | None) -> tuple[Tensor, Tensor, Tensor]:
        """y, and the mean and variance (L, C) of the batch."""
        gamma, beta = parameters["gamma"].flatten(), parameters["beta"].flatten()
        y, mean, scale = self._fused(fold(x), gamma, beta, shard)
        return unfold(y, len(x)), mean.view(len(x), -1), (scale.pow(-2) - self.epsilon).view(len(x), -1)

    def _fused(self, x: Tensor, gamma: Tensor, beta: Tensor, shard: BatchShard | None) -> tuple[Tensor, Tensor, Tensor]:
        """y, mean and 1 / deviation by one function, several times faster than by the formula. x: (N, C, ...)."""
        if shard is None:
            return torch.native_batch_norm(x, gamma, beta, None, None, True, 0.0, self.epsilon)
        return sharded_norm(x, gamma, beta, self.epsilon, shard)

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        return self if lanes * shape[-1] % CHANNELS else AcceleratedBatchNorm(**dict(self))

    def detail(self) -> str:
        return f"momentum {self.momentum:g}, epsilon {self.epsilon:g}"


@final
class AcceleratedBatchNorm(BatchNorm):
    """Batch normalisation by the compiled library."""

    def _fused(self, x: Tensor, gamma: Tensor, beta: Tensor, shard: BatchShard | None) -> tuple[Tensor, Tensor, Tensor]:
        if is_channels_last(x):
            return compiled_norm(x, gamma, beta, self.epsilon, shard)
        return super()._fused(x, gamma, beta, shard)


def _weighted_moments(x: Tensor, sample_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (L, C) over the rows whose weight is 1."""
    axes = tuple(range(1, x.dim() - 1))
    weight = sample_weight.view(sample_weight.shape + (1,) * (x.dim() - 2))
    total = sample_weight.sum(1, keepdim=True) * math.prod(x.shape[2:-1])
    mean = (x * weight).sum(axes) / total
    centred = x - _broadcast(mean, x)
    return mean, (centred.square() * weight).sum(axes) / total


@final
class LayerNorm(Layer):
    """Normalisation of each place over its channels, the last axis (Ba, Kiros and Hinton 2016)."""

    kind: Literal["layer_norm"] = "layer_norm"
    epsilon: Epsilon = 1e-3

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        size = (len(key.seeds), shape[-1])
        return {"gamma": np.ones(size), "beta": np.zeros(size)}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        normal = functional.layer_norm(x, x.shape[-1:], eps=self.epsilon)
        return torch.addcmul(_broadcast(parameters["beta"], x), normal, _broadcast(parameters["gamma"], x)), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        normal = graph.add("standardise_channels", [x], x.shape, epsilon=self.epsilon)
        return graph.shift(graph.scale(normal, arrays["gamma"]), arrays["beta"])

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)

    def detail(self) -> str:
        return f"epsilon {self.epsilon:g}"


@final
class UnitNorm(Layer):
    """Each place divided by the length of its vector of channels; a vector of zeros stays."""

    kind: Literal["unit_norm"] = "unit_norm"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return functional.normalize(x, dim=-1, eps=LEAST_LENGTH), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.add("unit_length", [x], x.shape, least=LEAST_LENGTH)


def _broadcast(values: Tensor, x: Tensor) -> Tensor:
    """(L, C) as (L, 1, ..., C), to be combined with x (L, N, ..., C)."""
    return values.view((len(x),) + (1,) * (x.dim() - 2) + (-1,))
