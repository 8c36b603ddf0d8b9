"""Keras's merging layers: several branches see the same input; their outputs are added, joined, ... into one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, final

import torch
from pydantic import FailFast, Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import MAX_BRANCHES, MAX_LAYERS
from snellen.models.branches import Branching, listed
from snellen.models.inference_graph import InferenceGraph, Pair, Value
from snellen.models.layer import Layer, Shape

if TYPE_CHECKING:
    AnyLayer = Layer  # any one of LAYERS, known to pydantic once layers.py has put them together

Branch = Annotated[tuple["AnyLayer", ...], Field(max_length=MAX_LAYERS), FailFast()]


class Merge(Branching):
    """Base of layers whose `branches` are a list. Values of the first are named "branch_1.conv_1.kernel"."""

    shorthand: ClassVar = "branches"
    branches: Annotated[tuple[Branch, ...], Field(min_length=2, max_length=MAX_BRANCHES), FailFast()]

    @property
    def branches_by_name(self) -> dict[str, tuple[Layer, ...]]:
        return {f"branch_{number}": branch for number, branch in enumerate(self.branches, 1)}

    def with_branches(self, branches: Sequence[tuple[Layer, ...]]) -> Self:
        return self.model_copy(update={"branches": tuple(branches)})

    def detail(self) -> str:
        return " | ".join(map(listed, self.branches))


@final
class Concatenate(Merge):
    """The channels of all branches behind one another (Szegedy et al. 2015); height and width must be equal."""

    kind: Literal["concatenate"] = "concatenate"

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ShapeError(
                "`concatenate` joins channels: its branches must give images of one height and width, or vectors",
                found=_all(shapes),
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def merge(self, outputs: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(outputs), -1)

    def add_merge(self, graph: InferenceGraph, outputs: Sequence[Value]) -> Value:
        return graph.add("concatenate", outputs, self.merged_shape([each.shape for each in outputs]))


class Pointwise(Merge):
    """Base of layers that compute each value from the values at its place in all branches.

    A branch may give a vector (C,) where others give images (H, W, C): it then stands at every position. exported: what
    two of the values become in exports.
    """

    exported: ClassVar[Pair]

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        largest = max(shapes, key=len)
        if any(shape not in (largest, largest[-1:]) for shape in shapes):
            raise ShapeError(
                f"the branches of `{self.name}` must give one shape, or vectors with a value for each channel",
                found=_all(shapes),
            )
        return largest

    def merge(self, outputs: Sequence[Tensor]) -> Tensor:
        rank = max(output.ndim for output in outputs)
        return self.combined([_at_every_position(output, rank) for output in outputs])

    def add_merge(self, graph: InferenceGraph, outputs: Sequence[Value]) -> Value:
        return reduce(partial(graph.pair, self.exported), outputs)

    @abstractmethod
    def combined(self, values: Sequence[Tensor]) -> Tensor:
        """The result for values that broadcast to one shape."""


def _at_every_position(y: Tensor, rank: int) -> Tensor:
    """Vectors (L, N, C) as (L, N, 1, 1, C) where `rank` is that of images."""
    return y if y.ndim == rank else y[:, :, None, None]


def _all(shapes: Sequence[Shape]) -> str:
    return ", ".join(map(str, shapes))


@final
class Add(Pointwise):
    """The sum of the branches."""

    kind: Literal["add"] = "add"
    exported: ClassVar = "add"

    def combined(self, values: Sequence[Tensor]) -> Tensor:
        return reduce(torch.add, values)


@final
class Multiply(Pointwise):
    """The product of the branches; of images and a vector: images with a weight for each channel (Hu et al. 2018)."""

    kind: Literal["multiply"] = "multiply"
    exported: ClassVar = "multiply"

    def combined(self, values: Sequence[Tensor]) -> Tensor:
        return reduce(torch.mul, values)


@final
class Average(Pointwise):
    """The mean of the branches."""

    kind: Literal["average"] = "average"
    exported: ClassVar = "add"

    def combined(self, values: Sequence[Tensor]) -> Tensor:
        return reduce(torch.add, values) / len(values)

    def add_merge(self, graph: InferenceGraph, outputs: Sequence[Value]) -> Value:
        return graph.scale(super().add_merge(graph, outputs), 1 / len(outputs))


@final
class Maximum(Pointwise):
    """The largest value of the branches."""

    kind: Literal["maximum"] = "maximum"
    exported: ClassVar = "maximum"

    def combined(self, values: Sequence[Tensor]) -> Tensor:
        return reduce(torch.maximum, values)


@final
class Minimum(Pointwise):
    """The smallest value of the branches."""

    kind: Literal["minimum"] = "minimum"
    exported: ClassVar = "minimum"

    def combined(self, values: Sequence[Tensor]) -> Tensor:
        return reduce(torch.minimum, values)


MERGES: dict[str, type[Merge]] = {
    "add": Add,
    "concatenate": Concatenate,
    "multiply": Multiply,
    "average": Average,
    "maximum": Maximum,
    "minimum": Minimum,
}
