"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field
from torch import Tensor

from snellen.models.batch_shard import rows_of
from snellen.models.compiled import CompiledLayer
from snellen.models.keys import Randomness
from snellen.models.layer import Layer, Shape, Step, Tensors


@final
class Dropout(Layer):
    """While training, sets values to zero with probability `rate` and divides the others by 1 - rate."""

    kind: Literal["dropout"] = "dropout"
    shorthand: ClassVar = "rate"
    rate: Annotated[float, Field(ge=0, lt=1)]

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return _dropped(x, (self.rate,) * len(x), step), {}

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(dropout_rates=(self.rate,))

    def detail(self) -> str:
        return f"rate {self.rate:g}"


class LanesDropout(Layer):
    """Dropout with one rate for each lane of a pack; it cannot be written in a study."""

    kind: Literal["dropout"] = "dropout"
    rates: tuple[float, ...]

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return _dropped(x, self.rates, step), {}

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer(dropout_rates=self.rates)


def _dropped(x: Tensor, rates: Sequence[float], step: Step) -> Tensor:
    if step.mode == "evaluate" or step.key is None or not any(rates):
        return x
    return x * factors(rates, _batch_like(x, step), step.key)[:, rows_of(step.shard)]


def factors(rates: Sequence[float], like: Tensor, key: Randomness) -> Tensor:
    """The factor of each value of a whole batch in training: 0, or 1 / (1 - rate). like: (L, N, ...); rates: one a
    lane."""
    mask = key.keep_mask(rates, like)
    for own, rate in zip(mask, rates):
        own.mul_(1 / (1 - rate))
    return mask


def _batch_like(x: Tensor, step: Step) -> Tensor:
    """A tensor of the shape of the whole batch, whose mask is drawn at once; x may be a shard of it."""
    return x.new_empty((len(x), step.shard.total, *x.shape[2:])) if step.shard else x
