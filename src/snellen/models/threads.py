"""Pools of threads in which torch computes on one thread each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[int]:
    """Inside, torch computes with one thread. Yields how many it used before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def pool(count: int) -> ThreadPoolExecutor:
    """`count` threads with the settings of this one: torch uses one thread in each, and flushes denormals as here."""
    return ThreadPoolExecutor(count, initializer=_settle, initargs=(flushes_denormals(),))


def _settle(flushes: bool) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(flushes)


@contextmanager
def own_settings() -> Iterator[None]:
    """Inside, torch rounds denormal numbers to zero, as in a run, and its number of threads may be changed; afterwards
    both are as before."""
    threads, flushes = torch.get_num_threads(), flushes_denormals()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushes)


def flushes_denormals() -> bool:
    """Whether this thread rounds denormal numbers to zero."""
    return bool(torch.full((), 1e-39) * 0.5 == 0)
