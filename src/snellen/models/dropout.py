"""Layers that are random in training and change nothing afterwards: dropout, and noise added to or times the values."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.activations import SELU_ALPHA, SELU_SCALE
from snellen.models.batch_shard import rows_of
from snellen.models.compiled import CompiledLayer
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Randomness
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors

Rate = Annotated[float, Field(ge=0, lt=1)]
SELU_FLOOR = -SELU_SCALE * SELU_ALPHA
"""What selu tends to for x far below 0 (Klambauer et al. 2017)."""


class TrainingNoise(Layer):
    """Base of layers that are random in training and the identity in evaluation; the shape stays."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        if step.mode == "evaluate" or step.key is None or not self.strength:
            return x, {}
        return self.noisy(x, step, step.key), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return x

    @property
    @abstractmethod
    def strength(self) -> float:
        """0 where the layer changes nothing in training either."""

    @abstractmethod
    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        """x (L, n, ...) in training. Random numbers are drawn for the whole batch, of which x may be a shard."""


class RateNoise(TrainingNoise):
    """Base of those that have a rate."""

    shorthand: ClassVar = "rate"
    rate: Rate

    @property
    def strength(self) -> float:
        return self.rate

    def detail(self) -> str:
        return f"rate {self.rate:g}"


@final
class Dropout(RateNoise):
    """While training, sets values to zero with probability `rate` and divides the others by 1 - rate."""

    kind: Literal["dropout"] = "dropout"

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        return _dropped(x, (self.rate,) * len(x), step, key)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(dropout_rates=(self.rate,))


class LanesDropout(TrainingNoise):
    """Dropout with one rate for each lane of a pack; it cannot be written in a study."""

    kind: Literal["dropout"] = "dropout"
    rates: tuple[float, ...]

    @property
    def strength(self) -> float:
        return max(self.rates)

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        return _dropped(x, self.rates, step, key)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(dropout_rates=self.rates)


@final
class SpatialDropout(RateNoise):
    """Dropout of whole channels of images (Tompson et al. 2015)."""

    kind: Literal["spatial_dropout"] = "spatial_dropout"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            expected = "(height, width, channels)"
            raise ShapeError("`spatial_dropout` needs images", found=f"shape {shape}", expected=expected)
        return shape

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        whole = x.new_empty((*_batch_like(x, step).shape[:2], 1, 1, x.shape[-1]))
        return x * factors((self.rate,) * len(x), whole, key)[:, rows_of(step.shard)]


@final
class GaussianNoise(TrainingNoise):
    """While training, adds normal noise of mean 0 and standard deviation `stddev`."""

    kind: Literal["gaussian_noise"] = "gaussian_noise"
    shorthand: ClassVar = "stddev"
    stddev: Annotated[float, Field(ge=0, le=1000)]

    @property
    def strength(self) -> float:
        return self.stddev

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        return x + _normal(x, step, key) * self.stddev

    def detail(self) -> str:
        return f"standard deviation {self.stddev:g}"


@final
class GaussianDropout(RateNoise):
    """While training, multiplies by normal noise of mean 1 and variance rate / (1 - rate) (Srivastava et al. 2014)."""

    kind: Literal["gaussian_dropout"] = "gaussian_dropout"

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        return x * (1 + _normal(x, step, key) * math.sqrt(self.rate / (1 - self.rate)))


@final
class AlphaDropout(RateNoise):
    """While training, sets values to -1.7581 with probability `rate`, and scales and shifts all of them so that values
    of mean 0 and variance 1 keep both; for networks of selu (Klambauer et al. 2017)."""

    kind: Literal["alpha_dropout"] = "alpha_dropout"

    def noisy(self, x: Tensor, step: Step, key: Randomness) -> Tensor:
        kept = key.keep_mask((self.rate,) * len(x), _batch_like(x, step))[:, rows_of(step.shard)]
        scale = math.sqrt(1 / ((1 - self.rate) * (1 + self.rate * SELU_FLOOR**2)))
        return scale * (x * kept + SELU_FLOOR * (1 - kept)) - scale * SELU_FLOOR * self.rate


def _dropped(x: Tensor, rates: Sequence[float], step: Step, key: Randomness) -> Tensor:
    return x * factors(rates, _batch_like(x, step), key)[:, rows_of(step.shard)]


def factors(rates: Sequence[float], like: Tensor, key: Randomness) -> Tensor:
    """The factor of each value of a whole batch in training: 0, or 1 / (1 - rate). like: (L, N, ...); rates: one a
    lane."""
    mask = key.keep_mask(rates, like)
    for own, rate in zip(mask, rates):
        own.mul_(1 / (1 - rate))
    return mask


def _normal(x: Tensor, step: Step, key: Randomness) -> Tensor:
    """Standard normal values for the rows x."""
    return key.normal(_batch_like(x, step))[:, rows_of(step.shard)]


def _batch_like(x: Tensor, step: Step) -> Tensor:
    """A tensor of the shape of the whole batch, whose mask is drawn at once; x may be a shard of it."""
    return x.new_empty((len(x), step.shard.total, *x.shape[2:])) if step.shard else x
