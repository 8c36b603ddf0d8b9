"""Layers that only move values: flatten, and a margin of zeros around images."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, final

import torch.nn.functional as functional
from pydantic import Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.compiled import CompiledLayer
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors
from snellen.models.named import in_one_sentence

Margin = Annotated[int, Field(ge=0, le=512)]
Margins = Annotated[
    Margin | tuple[Margin, Margin] | tuple[tuple[Margin, Margin], tuple[Margin, Margin]],
    in_one_sentence("a number of pixels, [height, width] or [[above, below], [left, right]], each from 0 to 512"),
]


@final
class Flatten(Layer):
    """Images as vectors, row by row, channels innermost."""

    kind: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x.flatten(2), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.flatten(x)

    def compiled(self, shape: Shape) -> CompiledLayer:
        return CompiledLayer()


@final
class ZeroPad(Layer):
    """Zeros around images.

    padding: pixels on every side, [above and below, left and right], or [[above, below], [left, right]].
    """

    kind: Literal["zero_pad"] = "zero_pad"
    shorthand: ClassVar = "padding"
    padding: Margins = 1

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Pixels above, below, left, right."""
        if isinstance(self.padding, int):
            return (self.padding,) * 4
        height, width = ((each, each) if isinstance(each, int) else each for each in self.padding)
        return (*height, *width)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ShapeError("`zero_pad` needs images", found=f"shape {shape}", expected="(height, width, channels)")
        above, below, left, right = self.sides
        return (above + shape[0] + below, left + shape[1] + right, shape[2])

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        above, below, left, right = self.sides
        return functional.pad(x, (0, 0, left, right, above, below)), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        above, below, left, right = self.sides
        return graph.add("zero_pad", [x], self.output_shape(x.shape), pads=((above, below), (left, right)))

    def detail(self) -> str:
        above, below, left, right = self.sides
        return f"{above} above, {below} below, {left} left, {right} right"
