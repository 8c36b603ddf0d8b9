"""What is measured: three networks, in Snellen's words, and images for them. Imports nothing but NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 32
CLASSES = 10
MANY = 10
"""Models of the second rows of the table."""


def _conv(filters: int, kernel: int, padding: str) -> dict[str, Any]:
    return {"conv": {"filters": filters, "kernel": kernel, "padding": padding, "activation": "relu"}}


def _dense(units: int) -> dict[str, Any]:
    return {"dense": {"units": units, "activation": "relu"}}


def _block(filters: int) -> list[Any]:
    return [_conv(filters, 3, "same"), "batch_norm", _conv(filters, 3, "same"), "batch_norm", {"max_pool": 2}]


def lenet(first: int, second: int) -> list[Any]:
    """LeNet-5 with two dense layers of these widths, without the last."""
    convolutions = [_conv(6, 5, "valid"), {"max_pool": 2}, _conv(16, 5, "valid"), {"max_pool": 2}]
    return [*convolutions, "flatten", _dense(first), _dense(second)]


@dataclass(frozen=True)
class Job:
    """layers: without the last. shape: of an image. rows, epochs: of the whole training of which a block is a piece.

    flop: of one image, forward and backward: 6 for each multiply-add, and 4 in the first layer, whose input has no
    gradient.
    """

    layers: tuple[Any, ...]
    shape: tuple[int, int, int]
    rows: int
    epochs: int
    flop: float

    def pictures(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, H, W, C) uint8 and (N,) int64: the same numbers for every tool."""
        generator = np.random.default_rng(0)
        return generator.integers(0, 256, (count, *self.shape), dtype=np.uint8), generator.integers(0, CLASSES, count)


VGG = (*_block(32), *_block(64), *_block(128), "flatten", {"dropout": 0.2}, _dense(1024), {"dropout": 0.2})
JOBS = {
    "A": Job(("flatten", _dense(128)), (28, 28, 1), 55_000, 20, 0.409e6),
    "B": Job(tuple(lenet(256, 64)), (32, 32, 1), 60_000, 10, 2.63e6),
    "C": Job(VGG, (32, 32, 3), 50_000, 20, 242e6),
}
