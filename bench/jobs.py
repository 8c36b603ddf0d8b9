"""What is measured: three networks, in Snellen's words, and pictures for them. Imports nothing but NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 32
CLASSES = 10


def _conv(filters: int, kernel: int, padding: str) -> dict[str, Any]:
    return {"conv": {"filters": filters, "kernel": kernel, "padding": padding, "activation": "relu"}}


def _dense(units: int) -> dict[str, Any]:
    return {"dense": {"units": units, "activation": "relu"}}


def _block(filters: int) -> list[Any]:
    return [_conv(filters, 3, "same"), "batch_norm", _conv(filters, 3, "same"), "batch_norm", {"max_pool": 2}]


@dataclass(frozen=True)
class Job:
    """layers: without the last. steps: of a block. flop: of one picture, forward and backward."""

    layers: tuple[Any, ...]
    shape: tuple[int, int, int]
    steps: int
    flop: float

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, H, W, C) uint8 and (N,) int64 for one block: the same numbers for every tool."""
        generator, count = np.random.default_rng(0), self.steps * BATCH
        return generator.integers(0, 256, (count, *self.shape), dtype=np.uint8), generator.integers(0, CLASSES, count)


LENET = (_conv(6, 5, "valid"), {"max_pool": 2}, _conv(16, 5, "valid"), {"max_pool": 2}, "flatten")
VGG = (*_block(32), *_block(64), *_block(128), "flatten", {"dropout": 0.2}, _dense(1024), {"dropout": 0.2})
JOBS = {
    "A": Job(("flatten", _dense(128)), (28, 28, 1), 400, 0.41e6),
    "B": Job((*LENET, _dense(256), _dense(64)), (32, 32, 1), 150, 2.9e6),
    "C": Job(VGG, (32, 32, 3), 8, 243e6),
}
