"""Threads that share each batch of a step: some of its rows each, as many parts on every machine as are recorded."""

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
    """So many threads, this one among them. They wait for each other asleep: spinning would take the core from others.

    Inside its block torch itself uses one thread, where there are several parts.
    """

    def __init__(self, parts: int = 1) -> None:
        self.parts = parts
        self._kept = ExitStack()
        self._others: ThreadPoolExecutor | None = None

    def __enter__(self) -> ThreadTeam:
        if self.parts > 1:
            self._kept.enter_context(one_thread())
            self._others = self._kept.enter_context(pool(self.parts - 1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    def share(self, compute: Callable[[int, BatchShard | None], T], rows: int) -> list[T]:
        """compute(number of the part, its share) of every part, in their order; no part is empty. What one raises, all
        stop for."""
        count = min(self.parts, rows)
        if self._others is None or count == 1:
            return [compute(0, None)]
        meeting = _Meeting(count)
        shares = [meeting.share(number, rows) for number in range(count)]
        others = [self._others.submit(meeting.attend, compute, n, each) for n, each in enumerate(shares[1:], 1)]
        try:
            first = meeting.attend(compute, 0, shares[0])
        except BrokenBarrierError:
            raise _reason(others) from None
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]


def _reason(others: Sequence[Future[T]]) -> BaseException:
    """What one of the others raised that made the meeting end."""
    raised = [error for error in (other.exception() for other in others) if error is not None]
    return next(error for error in raised if not isinstance(error, BrokenBarrierError))


@dataclass(eq=False)
class _Meeting:
    """Where the parts of one batch exchange tensors. brought: what each has brought so far."""

    count: int
    brought: list[list[Tensor]] = field(init=False)
    barrier: Barrier = field(init=False)

    def __post_init__(self) -> None:
        self.brought, self.barrier = [[] for _ in range(self.count)], Barrier(self.count)

    def share(self, number: int, rows: int) -> BatchShard:
        """The rows of a part: all parts have equally many, or one more."""
        ends = [rows * (number + more) // self.count for more in (0, 1)]
        return BatchShard(slice(*ends), rows, partial(self.exchange, number))

    def exchange(self, number: int, own: Tensor) -> list[Tensor]:
        """What all parts bring at this point. Nothing is taken away, so nobody can be overtaken."""
        turn = len(self.brought[number])
        self.brought[number].append(own)
        self.barrier.wait()
        return [each[turn] for each in self.brought]

    def attend(self, compute: Callable[[int, BatchShard | None], T], number: int, share: BatchShard) -> T:
        """compute; when it fails, the others need not wait for it."""
        try:
            return compute(number, share)
        except BaseException:
            self.barrier.abort()
            raise
