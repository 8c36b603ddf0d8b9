"""What a layer is: a shape rule and a pure pair of functions, with a leading lane axis.

Shapes: images are (L, N, H, W, C), vectors (L, N, F), with L lanes (models trained side by side) and N rows. A
layer's own shapes leave L and N out: (H, W, C) or (F,).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from snellen.errors import ExportError
from snellen.models.batch_shard import BatchShard
from snellen.models.compiled import CompiledLayer
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key, Randomness
from snellen.models.named import Named, in_one_sentence

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]
Tensors = Mapping[str, Tensor]
Mode = Literal["train", "evaluate"]
Count = Annotated[int, Field(ge=1, le=65_536)]
"""Units or filters."""
Side = Annotated[int, Field(ge=1, le=512)]
"""Pixels of a window or a stride."""
Sides = Annotated[
    Side | tuple[Side, Side],
    AfterValidator(lambda sides: sides[0] if isinstance(sides, tuple) and sides[0] == sides[1] else sides),
    in_one_sentence("a number of pixels or [height, width], each from 1 to 512"),
]
"""Down and across: one number where both are the same, so that a square has one identity."""

Penalty = Annotated[float | None, Field(ge=0, le=1_000, description="on the kernel; none, or that of `train`")]
"""Factor of an L1 or L2 penalty. None: that of `train`, where it has one; 0 is no penalty whatever `train` has."""

OPERATIONS_A_VALUE = 20
"""Reading or writing a value takes as long as so many multiply-adds of a large product, of which a core does 2e9 to
4e10 a second."""
NARROW = 16
"""A product with fewer columns is computed as the transposed product of the transposed matrices."""


@dataclass(frozen=True)
class Step:
    """What a forward pass is for.

    key: where its random numbers come from; None where nothing is random. sample_weight: (L, N), 0 for rows that only
    pad the batch, or None when all rows count. shard: the rows that x holds of the batch; None when it holds all.
    """

    mode: Mode
    key: Randomness | None = None
    sample_weight: Tensor | None = None
    shard: BatchShard | None = None

    def at(self, name: str) -> Step:
        """The same step inside the layer called `name`."""
        return Step(self.mode, self.key.at(name) if self.key else None, self.sample_weight, self.shard)


class Layer(Named):
    """Base of all layers.

    init(key, shape) -> parameters, state: dicts of (L, ...) float64 arrays; the state is what training changes without
    a gradient. apply(parameters, state, x, step) -> y, changed entries of the state; changes none of its arguments.

    A new layer needs its file and a line in LAYERS. `compiled` and `accelerated` are optional: torch trains a layer
    without them. Without `add_to` a model with the layer cannot be exported.
    """

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The shape of y for x of `shape`; raises ShapeError when `shape` does not fit."""

    @property
    def num_layers(self) -> int:
        """1, and more for a layer that holds layers."""
        return 1

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        """Initial parameters and state; none by default."""
        return {}, {}

    @abstractmethod
    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        """y and the changed entries of the state."""

    def compiled(self, shape: Shape) -> CompiledLayer | None:
        """The layer as a row of the compiled library's table, for inputs of `shape`; None where it has no such layer,
        and then torch trains the whole network."""
        return None

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        """Appends what the layer computes in evaluation to what is exported, and returns its output. arrays: parameters
        and state by name, of one model. By default an ExportError: a layer without this method cannot be exported."""
        raise ExportError(
            f"`{self.name}` cannot be exported", hint="The layer has no `add_to`; `snellen predict` can use the model."
        )

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        """A layer that computes the same with functions of the compiled library, in the training of so many lanes in
        float32 on a CPU, for inputs of `shape`; by default the layer itself."""
        return self

    def multiply_adds(self, shape: Shape) -> int:
        """Multiplications of one forward pass of one row; 0 where they are negligible."""
        return 0

    def operations(self, shape: Shape) -> int:
        """The time of a forward pass of one row, in multiply-adds of a large product."""
        values = math.prod(shape) + math.prod(self.output_shape(shape))
        return self.multiply_adds(shape) + OPERATIONS_A_VALUE * values

    def working_values(self, shape: Shape) -> int:
        """The most numbers that a forward pass of one row holds at once beside its input and its output."""
        return 0

    def penalties(self, shape: Shape) -> Mapping[str, tuple[float, float]]:
        """The factors l1 and l2 of each parameter with a penalty, by name; none by default."""
        return {}

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        """Raises IdentityError for values (1, ...) from a file that neither training nor fitting can have produced."""

    def detail(self) -> str:
        """The arguments in a few words, for the table of layers."""
        return ""


def both(sides: int | tuple[int, int]) -> tuple[int, int]:
    """Down and across."""
    return (sides, sides) if isinstance(sides, int) else sides


def product(x: Tensor, weights: Tensor, bias: Tensor | None, mode: Mode) -> Tensor:
    """x (L, N, F) times weights (L, F, U), plus bias (L, U).

    In training the place of a row may affect its rounding: gradients then lie in memory as x does, and ten lanes of ten
    columns take two thirds of the time, forward and backward.
    """
    if mode == "evaluate":
        return row_product(x, weights, bias)
    return x @ weights if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weights)


def row_product(x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same product, in which every row is rounded alike wherever it stands in the batch.

    Few columns are computed as W' x': in x W the rounding of a row depends on its place for 5 to 11 columns (MKL), and
    W' x' is up to twice as fast. Many columns with few rows are far slower that way.
    """
    if weights.shape[2] < NARROW:
        y = (weights.transpose(1, 2) @ x.transpose(1, 2)).transpose(1, 2)
        return y if bias is None else y + bias.unsqueeze(1)
    return product(x, weights, bias, "train")


def kernel_penalties(l1: float | None, l2: float | None) -> Mapping[str, tuple[float, float]]:
    """`Layer.penalties` of a layer with these on its kernel."""
    return {"kernel": (l1 or 0.0, l2 or 0.0)} if l1 or l2 else {}


def penalty_words(l1: float | None, l2: float | None) -> str:
    """For `Layer.detail`, with a comma before each."""
    return "".join(f", {name} {value:g}" for name, value in (("l1", l1), ("l2", l2)) if value)
