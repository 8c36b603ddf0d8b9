"""Threads that share each batch of a step: each computes a shard of its rows. Their number is recorded, so that it is
the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Barrier, BrokenBarrierError
from types import TracebackType
from typing import TypeVar

from torch import Tensor

from snellen.models.batch_shard import BatchShard
from snellen.models.threads import one_thread, pool

T = TypeVar("T")


class ThreadTeam:
    """`size` threads, the calling one among them. They sleep while they wait for each other, so that other processes
    can use the cores.

    Inside its block torch uses one thread in each, where there are several.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._open = ExitStack()
        self._others: ThreadPoolExecutor | None = None

    def __enter__(self) -> ThreadTeam:
        if self.size > 1:
            self._open.enter_context(one_thread())
            self._others = self._open.enter_context(pool(self.size - 1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def share(self, compute: Callable[[int, BatchShard | None], T], rows: int) -> list[T]:
        """compute(number, shard) of every shard, in order; no shard is empty, and None is the whole batch. When one
        raises, all stop."""
        count = min(self.size, rows)
        if self._others is None or count == 1:
            return [compute(0, None)]
        exchange = _Exchange(count)
        shards = [exchange.shard(number, rows) for number in range(count)]
        others = [self._others.submit(exchange.run, compute, n, each) for n, each in enumerate(shards[1:], 1)]
        try:
            first = exchange.run(compute, 0, shards[0])
        except BrokenBarrierError:
            raise _reason(others) from None
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]


def _reason(others: Sequence[Future[T]]) -> BaseException:
    """The first error of another thread that is not the broken barrier itself."""
    raised = [error for error in (other.exception() for other in others) if error is not None]
    return next(error for error in raised if not isinstance(error, BrokenBarrierError))


@dataclass(eq=False)
class _Exchange:
    """How the threads of one batch exchange tensors. given: by each thread so far."""

    count: int
    given: list[list[Tensor]] = field(init=False)
    barrier: Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.given, self.barrier = [[] for _ in range(self.count)], Barrier(self.count)

    def shard(self, number: int, rows: int) -> BatchShard:
        """Its rows: all shards have equally many, or one more."""
        ends = [rows * (number + more) // self.count for more in (0, 1)]
        return BatchShard(slice(*ends), rows, partial(self._exchange, number))

    def _exchange(self, number: int, own: Tensor) -> list[Tensor]:
        """What all threads give at this point. Nothing is removed, so a fast thread cannot overwrite what a slow one
        has yet to read."""
        turn = len(self.given[number])
        self.given[number].append(own)
        self.barrier.wait()
        return [each[turn] for each in self.given]

    def run(self, compute: Callable[[int, BatchShard | None], T], number: int, shard: BatchShard) -> T:
        """compute; when it fails, the others do not wait for it."""
        try:
            return compute(number, shard)
        except BaseException:
            self.barrier.abort()
            raise
