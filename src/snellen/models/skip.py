"""The residual connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

from pydantic import FailFast, Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import MAX_LAYERS
from snellen.models.branches import Branching, listed
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Layer, Shape

if TYPE_CHECKING:
    AnyLayer = Layer  # any one of LAYERS, known to pydantic once layers.py has put them together

UNEQUAL = "`layers` of a `skip` must give the shape of its `shortcut`"
CHANGED = "the layers inside a `skip` must keep the shape"


@final
class Skip(Branching):
    """g(x) + f(x), with f the list `layers` and g the list `shortcut` (He et al. 2016); both give the same shape.

    An empty shortcut is x itself.
    """

    kind: Literal["skip"] = "skip"
    shorthand: ClassVar = "layers"
    identity_baseline: ClassVar[Mapping[str, Any]] = {"shortcut": []}
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1, max_length=MAX_LAYERS), FailFast()]
    shortcut: Annotated[tuple[AnyLayer, ...], Field(max_length=MAX_LAYERS), FailFast()] = ()

    @property
    def branches_by_name(self) -> dict[str, tuple[Layer, ...]]:
        return {"": self.layers, "shortcut": self.shortcut}

    def with_branches(self, branches: Sequence[tuple[Layer, ...]]) -> Self:
        return self.model_copy(update={"layers": branches[0], "shortcut": branches[1]})

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        inside, expected = shapes
        if inside != expected:
            hint = None if self.shortcut else "Or give it a `shortcut`: layers that change the shape alike."
            raise ShapeError(UNEQUAL if self.shortcut else CHANGED, found=inside, expected=expected, hint=hint)
        return inside

    def merge(self, outputs: Sequence[Tensor]) -> Tensor:
        return outputs[1] + outputs[0]

    def add_merge(self, graph: InferenceGraph, outputs: Sequence[Value]) -> Value:
        return graph.pair("add", outputs[1], outputs[0])

    def detail(self) -> str:
        inside = listed(self.layers)
        return f"{inside}; shortcut {listed(self.shortcut)}" if self.shortcut else inside
