"""Layers that give values mean 0 and deviation 1: over the batch, or over the channels of each place."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

import numpy as np
import torch
import torch.nn.functional as functional
from pydantic import Field
from torch import Tensor

from snellen.errors import IdentityError
from snellen.models import kernel_norm
from snellen.models.batch_shard import BatchShard
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors
from snellen.models.shared_norm import shared_norm
from snellen.models.windows import fold, unfold

Epsilon = Annotated[float, Field(gt=0, le=1)]


@final
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
        if step.weights is None:
            y, mean, variance = self._native(x, parameters, step.share)
        else:
            mean, variance = _weighted_moments(x, step.weights)
            y = self._normalise(x, parameters, mean, variance)
        return y, {
            "moving_mean": torch.lerp(mean.detach(), state["moving_mean"], self.momentum),
            "moving_variance": torch.lerp(variance.detach(), state["moving_variance"], self.momentum),
        }

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        """A variance, and training may round one of 0 to a little less, is more than minus epsilon."""
        lowest = float(state["moving_variance"].min())
        if lowest <= -self.epsilon:
            raise IdentityError("moving_variance is negative", found=f"{lowest:g}", expected="variances")

    def _normalise(self, x: Tensor, parameters: Tensors, mean: Tensor, variance: Tensor) -> Tensor:
        scale = parameters["gamma"] * torch.rsqrt(variance + self.epsilon)
        offset = parameters["beta"] - mean * scale
        return torch.addcmul(_beside(offset, x), x, _beside(scale, x))

    def _native(self, x: Tensor, parameters: Tensors, share: BatchShard | None) -> tuple[Tensor, Tensor, Tensor]:
        """torch's fused kernel, several times faster than the formula; the lanes stand beside the channels."""
        lanes, channels = len(x), x.shape[-1]
        folded = fold(x) if x.dim() == 5 else x.transpose(0, 1).flatten(1)
        gamma, beta = parameters["gamma"].flatten(), parameters["beta"].flatten()
        if kernel_norm.normalises(folded):
            y, mean, scale = kernel_norm.normalise(folded, gamma, beta, self.epsilon, share)
        elif share is None:
            y, mean, scale = torch.native_batch_norm(folded, gamma, beta, None, None, True, 0.0, self.epsilon)
        else:
            y, mean, scale = shared_norm(folded, gamma, beta, self.epsilon, share)
        unfolded = unfold(y, lanes) if x.dim() == 5 else y.unflatten(1, (lanes, channels)).transpose(0, 1)
        variance = scale.pow(-2) - self.epsilon
        return unfolded, mean.view(lanes, channels), variance.view(lanes, channels)

    def detail(self) -> str:
        return f"momentum {self.momentum:g}, epsilon {self.epsilon:g}"


def _weighted_moments(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (L, C) over the rows whose weight is 1."""
    axes = tuple(range(1, x.dim() - 1))
    share = weights.view(weights.shape + (1,) * (x.dim() - 2))
    total = weights.sum(1, keepdim=True) * math.prod(x.shape[2:-1])
    mean = (x * share).sum(axes) / total
    centred = x - _beside(mean, x)
    return mean, (centred.square() * share).sum(axes) / total


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
        return torch.addcmul(_beside(parameters["beta"], x), normal, _beside(parameters["gamma"], x)), {}

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)

    def detail(self) -> str:
        return f"epsilon {self.epsilon:g}"


def _beside(values: Tensor, x: Tensor) -> Tensor:
    """(L, C) with axes of length 1 between, to stand beside x (L, N, ..., C)."""
    return values.view((len(x),) + (1,) * (x.dim() - 2) + (-1,))
