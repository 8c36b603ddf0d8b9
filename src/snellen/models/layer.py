"""What a layer is: a shape rule and a pure pair of functions, with a leading lane axis.

Shapes: pictures are (L, N, H, W, C), vectors (L, N, F), with L lanes (models trained side by side) and N rows. A
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
from pydantic import Field
from torch import Tensor

from snellen.models.batch_shard import BatchShard
from snellen.models.keys import Key, Randomness
from snellen.models.named import Named

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]
Tensors = Mapping[str, Tensor]
Mode = Literal["train", "evaluate"]
Count = Annotated[int, Field(ge=1, le=65_536)]
"""Units or filters."""
Side = Annotated[int, Field(ge=1, le=512)]
"""Pixels of a window or a stride."""

OPERATIONS_A_VALUE = 20
"""To read or write a value takes as long as so many multiply-adds of a large product: 2e9 to 4e10 a second and core."""

NARROW = 16
"""Columns below which a product is computed the other way round."""


@dataclass(frozen=True)
class Step:
    """What a forward pass is made for.

    key: address of this step's randomness; None where nothing is random. weights: (L, N), 0 for rows that only fill a
    batch up, or None when all rows count. share: the rows that are seen of the batch; None when all are.
    """

    mode: Mode
    key: Randomness | None = None
    weights: Tensor | None = None
    share: BatchShard | None = None

    def at(self, name: str) -> Step:
        """The same step inside the layer called `name`."""
        return Step(self.mode, self.key.at(name) if self.key else None, self.weights, self.share)


class Layer(Named):
    """Base of all layers.

    init(key, shape) -> parameters, state: dicts of (L, ...) float64 arrays; the state is what training changes without
    a gradient. apply(parameters, state, x, step) -> y, changed entries of the state; changes none of its arguments.
    """

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """The shape of y for x of `shape`; raises ShapeError when `shape` does not fit."""

    @property
    def num_layers(self) -> int:
        """1, and more for a layer that holds layers."""
        return 1

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        """No parameters and no state, unless a layer says otherwise."""
        return {}, {}

    @abstractmethod
    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        """y and the changed entries of the state."""

    def multiply_adds(self, shape: Shape) -> int:
        """Multiplications of one forward pass of one row; 0 where they do not count."""
        return 0

    def operations(self, shape: Shape) -> int:
        """What a forward pass of one row takes, in multiply-adds of a large product."""
        values = math.prod(shape) + math.prod(self.output_shape(shape))
        return self.multiply_adds(shape) + OPERATIONS_A_VALUE * values

    def working_values(self, shape: Shape) -> int:
        """Numbers that a forward pass of one row holds at once beside its input and its output; at most."""
        return 0

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        """Raises IdentityError for values (1, ...) from a file that neither training nor fitting gives."""

    def detail(self) -> str:
        """The arguments in a few words, for the table of layers."""
        return ""


def row_product(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (L, N, F) times kernel (L, F, U), plus bias (L, U): every row rounded alike wherever it stands in the batch.

    Few columns are computed as W' x': in x W the rounding of a row depends on its place for 5 to 11 columns (MKL), and
    W' x' is up to twice as fast. Many columns with few rows are far slower that way.
    """
    if kernel.shape[2] < NARROW:
        y = (kernel.transpose(1, 2) @ x.transpose(1, 2)).transpose(1, 2)
        return y if bias is None else y + bias.unsqueeze(1)
    return plain_product(x, kernel, bias)


def plain_product(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same for training, where the place of a row may round it: its gradients lie in memory as x does, and ten
    lanes of ten columns take two thirds of the time, forward and backward."""
    return x @ kernel if bias is None else torch.baddbmm(bias.unsqueeze(1), x, kernel)
