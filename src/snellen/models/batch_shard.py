"""The rows of a batch that one of several threads computes, and how threads exchange what depends on all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class BatchShard:
    """rows: of the batch, which has `total`. exchange: gives the other threads a tensor, waits for theirs, and returns
    those of all threads in the order of their rows; every thread calls it in the same places."""

    rows: slice
    total: int
    exchange: Callable[[Tensor], list[Tensor]]

    @property
    def count(self) -> int:
        """Rows of this shard."""
        return int(self.rows.stop - self.rows.start)


def rows_of(shard: BatchShard | None) -> slice:
    """Its rows of the batch; all of them where the batch is not divided."""
    return shard.rows if shard else slice(None)
