"""The kernels of a pack as matrices in its flat parameters, and approximately the nearest orthogonal matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from snellen.train.layout import Layout

A, B, C = 3.4445, -4.7750, 2.0315
"""Coefficients of the odd polynomial that is iterated: steep at zero, so that few iterations suffice (Jordan et al.
2024)."""
SMALLEST_NORM = 1e-7


@dataclass(frozen=True)
class Matrix:
    """The kernel of a dense layer (inputs, units), or of a convolution, one filter a row. span: its place in theta."""

    span: slice
    rows: int
    columns: int

    def shaped(self, values: Tensor) -> Tensor:
        """(L, rows, columns) of the values (L, n) of its span, a view."""
        shaped: Tensor = values.unflatten(1, (self.rows, self.columns))
        return shaped


@dataclass(frozen=True)
class Division:
    """The flat parameters as matrices and the spans between them."""

    matrices: tuple[Matrix, ...]
    others: tuple[slice, ...]


@lru_cache
def divide(layout: Layout) -> Division:
    """Matrices are the kernels that mix channels, which depthwise ones do not, except that of the output layer."""
    kernels = [name for name, _ in layout.shapes if name.endswith("kernel")]
    names = {name for name in kernels[:-1] if "depthwise" not in name}
    placed = tuple(_matrices(layout, names))
    ends = [0, *(end for matrix in placed for end in (matrix.span.start, matrix.span.stop)), layout.size]
    between = [slice(*pair) for pair in zip(ends[::2], ends[1::2]) if pair[0] < pair[1]]
    return Division(placed, tuple(between))


def _matrices(layout: Layout, names: set[str]) -> Iterator[Matrix]:
    begin = 0
    for name, shape in layout.shapes:
        size = math.prod(shape)
        if name in names:
            yield Matrix(slice(begin, begin + size), shape[0], size // shape[0])
        begin += size


def orthogonalised(x: Tensor, iterations: int) -> Tensor:
    """(L, m, n) with the singular vectors of x and singular values near 1, by Newton-Schulz; 0 for 0.

    Between 0.68 and 1.14 after 5 iterations, for those of at least a hundredth of the norm of x.
    """
    wide = x if x.shape[1] <= x.shape[2] else x.transpose(1, 2)
    wide = wide / torch.linalg.matrix_norm(wide, keepdim=True).clamp_min(SMALLEST_NORM)
    for _ in range(iterations):
        gram = wide @ wide.transpose(1, 2)
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), wide, beta=A)
    return wide if wide.shape == x.shape else wide.transpose(1, 2)
