"""Threads of our own, each of which computes with one of torch's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[int]:
    """Inside, torch computes with one thread. Yields how many there were."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def pool(count: int) -> ThreadPoolExecutor:
    """So many threads that compute as this one does: alone, and with or without the smallest numbers."""
    return ThreadPoolExecutor(count, initializer=_begin, initargs=(_flushes(),))


def _begin(flushes: bool) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(flushes)


def _flushes() -> bool:
    """Whether this thread takes the smallest numbers for zero."""
    return bool(torch.full((), 1e-39) * 0.5 == 0)
