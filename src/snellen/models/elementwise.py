"""What functions of each value alone have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors


class Elementwise(Layer):
    """Base of layers that are a function of each value alone; the shape stays.

    is_argument: whether the name may also stand as the `activation` of a layer, with the default arguments. sign: how
    the drawing of a network shows it: `rectifier`, a hinge, or `squasher`, an S.
    """

    is_argument: ClassVar[bool] = True
    sign: ClassVar[Literal["rectifier", "squasher"]] = "rectifier"

    @abstractmethod
    def values(self, x: Tensor) -> Tensor:
        """The function; a new tensor."""

    def overwrite(self, y: Tensor) -> Tensor:
        """The function, written over y where its gradient needs only the result; by default a new tensor."""
        return self.values(y)

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return self.exported(graph, x)

    def exported(self, graph: InferenceGraph, x: Value) -> Value:
        """The function as operations of an export; by default an ExportError."""
        return super().add_to(graph, x, {})

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return self.values(x), {}
