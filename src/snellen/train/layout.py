"""All parameters of a pack as one (L, P) tensor, so that an optimizer step is a few operations, however many layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where each named parameter lies in a lane of the flat tensor; shapes without the lane axis."""

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @staticmethod
    def of(parameters: Mapping[str, Tensor]) -> Layout:
        """The layout of parameters name -> (L, ...)."""
        return Layout(tuple((name, tuple(value.shape[1:])) for name, value in parameters.items()))

    @property
    def size(self) -> int:
        """Numbers of a lane."""
        return sum(math.prod(shape) for _, shape in self.shapes)

    def flatten(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """(L, P), a copy."""
        return torch.cat([parameters[name].flatten(1) for name, _ in self.shapes], 1)

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """name -> (L, ...), views of theta; one split, so that the gradient comes back as one tensor."""
        parts = theta.split([math.prod(shape) for _, shape in self.shapes], 1)
        return {name: part.unflatten(1, shape) for part, (name, shape) in zip(parts, self.shapes)}
