"""Dropout."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

from pydantic import Field
from torch import Tensor

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
        if step.mode == "evaluate" or self.rate == 0 or step.key is None:
            return x, {}
        return x * step.key.keep_mask(self.rate, x).mul_(1 / (1 - self.rate)), {}

    def detail(self) -> str:
        return f"rate {self.rate:g}"
