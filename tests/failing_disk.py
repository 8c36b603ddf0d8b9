"""A disk that fails on purpose: full after so many bytes, or gone after so many operations."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

OPERATIONS = ("replace", "fsync", "unlink", "truncate", "mkdir", "rename", "rmdir")
"""What changes a disk, of the os module; `open` for writing and `write` are counted with them."""


class PowerCut(BaseException):
    """The machine stops here: nothing after it may reach the disk."""


class _Full(io.FileIO):
    """A file on a disk with `room` bytes left."""

    room = 0

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        if not len(view):
            return 0
        if not _Full.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(view[: _Full.room]) or 0
        _Full.room -= written
        return written


@contextmanager
def full_after(room: int) -> Iterator[None]:
    """Every file that Snellen's files/ opens for writing in the block lies on a disk with `room` bytes left."""
    _Full.room = room
    with pytest.MonkeyPatch.context() as patch:
        for module in ("atomic", "journal"):
            patch.setattr(f"snellen.files.{module}.open", _open_on_full_disk, raising=False)
        yield


def _open_on_full_disk(path: Path, mode: str = "r", **options: Any) -> Any:
    if mode.strip("b+") == "r":
        return open(path, mode, **options)
    return io.BufferedWriter(_Full(path, mode.replace("b", "")))


@contextmanager
def cut_after(count: int) -> Iterator[list[str]]:
    """The first `count` operations happen, in full; then the power is cut. Gives the names of those that happened."""
    done: list[str] = []

    def guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            if len(done) == count:
                raise PowerCut
            done.append(name)
            return real(*arguments, **options)

        return operation

    def opening(path: Any, mode: str = "r", **options: Any) -> Any:
        return (open if mode.strip("b+") == "r" else guarded("open", open))(path, mode, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, guarded(name, getattr(os, name)))
        for module in ("atomic", "journal"):
            patch.setattr(f"snellen.files.{module}.open", opening, raising=False)
        yield done
