"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field
from torch import Tensor

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

    def detail(self) -> str:
        return f"rate {self.rate:g}"


class LanesDropout(Layer):
    """Dropout at a rate of its own for each lane of a pack; never written in a study."""

    kind: Literal["dropout"] = "dropout"
    rates: tuple[float, ...]

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return _dropped(x, self.rates, step), {}


def _dropped(x: Tensor, rates: Sequence[float], step: Step) -> Tensor:
    if step.mode == "evaluate" or step.key is None or not any(rates):
        return x
    return x * factors(rates, _whole(x, step), step.key)[:, step.share.rows if step.share else slice(None)]


def factors(rates: Sequence[float], like: Tensor, key: Randomness) -> Tensor:
    """What training multiplies the values of a whole batch with: 0, or 1 / (1 - rate). like: (L, N, ...), a rate for
    each lane."""
    mask = key.keep_mask(rates, like)
    for own, rate in zip(mask, rates):
        own.mul_(1 / (1 - rate))
    return mask


def _whole(x: Tensor, step: Step) -> Tensor:
    """A tensor like the whole batch of which x may be a share: its mask is that of the batch."""
    return x.new_empty((len(x), step.share.total, *x.shape[2:])) if step.share else x
