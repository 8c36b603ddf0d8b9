"""Layers that hold branches: chains of layers that all see the same input, and whose outputs are merged into one."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Self

from pydantic import model_validator
from torch import Tensor

from snellen.errors import ShapeError, located
from snellen.limits import MAX_BRANCH_DEPTH
from snellen.models import chain
from snellen.models.chain import Placed
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key
from snellen.models.layer import OPERATIONS_A_VALUE, Arrays, Layer, Shape, Step, Tensors


class Branching(Layer):
    """Base of layers with branches. A branch without layers is the input itself.

    Values of a layer in the branch called "shortcut" are named "shortcut.conv_1.kernel", those in the branch called ""
    just "conv_1.kernel".
    """

    @property
    @abstractmethod
    def branches_by_name(self) -> Mapping[str, tuple[Layer, ...]]:
        """The layers of each branch."""

    @abstractmethod
    def with_branches(self, branches: Sequence[tuple[Layer, ...]]) -> Self:
        """The same layer with other branches, as many and in the same order."""

    @abstractmethod
    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the merged outputs; raises ShapeError for shapes that cannot be merged."""

    @abstractmethod
    def merge(self, outputs: Sequence[Tensor]) -> Tensor:
        """The outputs of the branches, (L, N, ...) each, as one."""

    @abstractmethod
    def add_merge(self, graph: InferenceGraph, outputs: Sequence[Value]) -> Value:
        """`merge` in what is exported."""

    @model_validator(mode="after")
    def _not_too_deep(self) -> Self:
        if self.depth > MAX_BRANCH_DEPTH:
            raise ShapeError(f"`{self.name}` is inside too many branches", expected=f"at most {MAX_BRANCH_DEPTH} deep")
        return self

    @property
    def depth(self) -> int:
        """1 where no branch has branches."""
        return 1 + max((layer.depth for layer in self.inside() if isinstance(layer, Branching)), default=0)

    def inside(self) -> Iterator[Layer]:
        """The layers of all branches; not those inside these layers."""
        for branch in self.branches_by_name.values():
            yield from branch

    @property
    def num_layers(self) -> int:
        return 1 + sum(layer.num_layers for layer in self.inside())

    def output_shape(self, shape: Shape) -> Shape:
        return self.merged_shape([_output(branch, shape) for branch in self.placed(shape).values()])

    def placed(self, shape: Shape) -> dict[str, tuple[Placed, ...]]:
        """The layers of each branch, placed; their names begin with that of the branch."""
        return {name: _placed(name, layers, shape) for name, layers in self.branches_by_name.items()}

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        parameters: Arrays = {}
        state: Arrays = {}
        for branch in self.placed(shape).values():
            branch_parameters, branch_state = chain.init(branch, key)
            parameters, state = parameters | branch_parameters, state | branch_state
        return parameters, state

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        outputs: list[Tensor] = []
        changed: dict[str, Tensor] = {}
        for branch in self.placed(tuple(x.shape[2:])).values():
            y, changed_here = chain.apply(branch, parameters, state, x, step)
            outputs.append(y)
            changed |= changed_here
        return self.merge(outputs), changed

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        inside = graph.layer
        branches = self.placed(x.shape).values()
        outputs = [chain.add_to(graph, branch, x, arrays, f"{inside}.") for branch in branches]
        graph.layer = inside
        return self.add_merge(graph, outputs)

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        branches = self.placed(shape).values()
        return self.with_branches(
            [tuple(each.layer.accelerated(each.input_shape, lanes) for each in branch) for branch in branches]
        )

    def multiply_adds(self, shape: Shape) -> int:
        return sum(map(chain.multiply_adds, self.placed(shape).values()))

    def operations(self, shape: Shape) -> int:
        branches = self.placed(shape).values()
        merged = sum(math.prod(_output(branch, shape)) for branch in branches) + math.prod(self.output_shape(shape))
        return sum(map(chain.operations, branches)) + OPERATIONS_A_VALUE * merged

    def working_values(self, shape: Shape) -> int:
        """The input and the outputs so far stay while the next branch is computed; then all outputs are merged."""
        most = done = 0
        for branch in self.placed(shape).values():
            most = max(most, done + chain.live_values(branch))
            done += math.prod(_output(branch, shape))
        return max(most - math.prod(self.output_shape(shape)), done)

    def penalties(self, shape: Shape) -> Mapping[str, tuple[float, float]]:
        return {name: each for branch in self.placed(shape).values() for name, each in chain.penalties(branch).items()}

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        for branch in self.placed(shape).values():
            chain.check(branch, parameters, state)


def _placed(name: str, layers: tuple[Layer, ...], shape: Shape) -> tuple[Placed, ...]:
    if not name:
        return chain.place(layers, shape)
    with located(name):
        placed = chain.place(layers, shape)
    return tuple(replace(each, name=f"{name}.{each.name}") for each in placed)


def _output(branch: tuple[Placed, ...], shape: Shape) -> Shape:
    return branch[-1].output_shape if branch else shape


def listed(layers: tuple[Layer, ...]) -> str:
    """The layers of a branch in a few words, for the table of layers."""
    return " > ".join(f"{layer.name} ({layer.detail()})".replace(" ()", "") for layer in layers) or "its input"
