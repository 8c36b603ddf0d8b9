"""Values brought to mean 0 and variance 1 by numbers that the study gives."""

from __future__ import annotations

import math
from typing import Annotated, Literal, final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors
from snellen.models.named import in_one_sentence

LEAST_DEVIATION = 1e-7
"""Smaller standard deviations count as this much, as in Keras."""
MAX_CHANNELS = 4096
"""Of a list of numbers, one a channel."""
LISTED = Field(min_length=1, max_length=MAX_CHANNELS)
FORMS = ", or a list of them, one for each channel"
Variance = Annotated[float, Field(ge=0)]
Means = Annotated[float | Annotated[tuple[float, ...], LISTED], in_one_sentence(f"a number{FORMS}")]
Variances = Annotated[
    Variance | Annotated[tuple[Variance, ...], LISTED], in_one_sentence(f"a number of at least 0{FORMS}")
]


@final
class Normalization(Layer):
    """(x - mean) / sqrt(variance) with a mean and a variance for all values, or a list with one for each channel: what
    Keras's Normalization computes after `adapt`. `standardise`, a feature step, finds them from the training images."""

    kind: Literal["normalization"] = "normalization"
    mean: Means
    variance: Variances

    def output_shape(self, shape: Shape) -> Shape:
        for name, value in (("mean", self.mean), ("variance", self.variance)):
            if isinstance(value, tuple) and len(value) != shape[-1]:
                raise ShapeError(
                    f"`{name}` of `normalization` needs one number, or one for each channel",
                    found=f"{len(value)} numbers",
                    expected=f"{shape[-1]}, for shape {shape}",
                )
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return (x - _like(self.mean, x)) / _like(self._deviation, x), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.scale(graph.shift(x, -np.asarray(self.mean)), 1 / np.asarray(self._deviation))

    @property
    def _deviation(self) -> float | tuple[float, ...]:
        if isinstance(self.variance, tuple):
            return tuple(max(math.sqrt(each), LEAST_DEVIATION) for each in self.variance)
        return max(math.sqrt(self.variance), LEAST_DEVIATION)

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)

    def detail(self) -> str:
        return f"mean {_listed(self.mean)}, variance {_listed(self.variance)}"


def _like(value: float | tuple[float, ...], x: Tensor) -> float | Tensor:
    """Numbers of channels as a tensor (C,). On a GPU it is filled there: a captured step may copy nothing from the
    CPU's memory."""
    if not isinstance(value, tuple):
        return value
    return x.new_tensor(value) if x.device.type == "cpu" else torch.stack([x.new_full((), each) for each in value])


def _listed(value: float | tuple[float, ...]) -> str:
    shown = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{each:g}" for each in shown[:4]) + (f" ... ({len(shown)} numbers)" if len(shown) > 4 else "")
