"""The rows of a batch that one of several threads computes, and how threads meet where rows depend on each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class BatchShard:
    """rows: of the batch, which has `total`. exchange: gives the others a tensor, waits for theirs, and returns those
    of all in the order of their rows; every share calls it in the same places."""

    rows: slice
    total: int
    exchange: Callable[[Tensor], list[Tensor]]

    @property
    def count(self) -> int:
        """Rows of its own."""
        return int(self.rows.stop - self.rows.start)
