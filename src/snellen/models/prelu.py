"""The rectifier whose negative slopes are trained."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from pydantic import AfterValidator, Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors

Axes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=3)], ...],
    Field(max_length=3),
    AfterValidator(lambda axes: tuple(sorted(set(axes)))),
]


@final
class PRelu(Layer):
    """x where positive, else alpha * x, with an alpha of its own for each value of a row (He et al. 2015).

    shared_axes: along these axes alpha is the same, counted from 1: [1, 2] has one alpha a channel of images. alpha: as
    the input of the layer, with 1 for each shared axis. alpha_initializer: the number with which all begin.
    """

    kind: Literal["prelu"] = "prelu"
    shorthand: ClassVar = "shared_axes"
    shared_axes: Axes = ()
    alpha_initializer: Annotated[float, Field(ge=-1, le=1)] = 0.0

    def output_shape(self, shape: Shape) -> Shape:
        if self.shared_axes and self.shared_axes[-1] > len(shape):
            found, expected = f"axis {self.shared_axes[-1]}", f"axes 1 to {len(shape)} of shape {shape}"
            raise ShapeError("`shared_axes` of `prelu` names an axis that is not there", found=found, expected=expected)
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        sizes = (1 if axis in self.shared_axes else size for axis, size in enumerate(shape, 1))
        return {"alpha": np.full((len(key.seeds), *sizes), self.alpha_initializer)}, {}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        """As Keras computes it: at 0 its slope is 0."""
        return x.relu() - parameters["alpha"].unsqueeze(1) * (-x).relu(), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        negative = graph.each("relu", graph.scale(x, -1.0))
        alpha = np.broadcast_to(arrays["alpha"], x.shape)
        return graph.pair("add", graph.each("relu", x), graph.scale(negative, -alpha))

    def working_values(self, shape: Shape) -> int:
        """Both rectified parts, and one of them times alpha."""
        return 3 * math.prod(shape)

    def detail(self) -> str:
        shared = f"alpha shared along {' and '.join(map(str, self.shared_axes))}, " if self.shared_axes else ""
        return f"{shared}initially {self.alpha_initializer:g}"
