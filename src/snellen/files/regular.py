"""Opens files from unknown sources only when they are regular: a named pipe, a socket or a device could block."""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from snellen.errors import DataError, SnellenError

NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path, error: type[SnellenError] = DataError) -> BufferedReader:
    """The regular file at `path` (links are followed), opened for reading bytes; never blocks.

    Raises `error`, without a place, for a folder, named pipe, socket or device, and OSError as `open` does. Checked
    before opening, because opening a device may have an effect, and after, because the path may have changed in
    between.
    """
    _check(path.stat().st_mode, error)
    handle = os.open(path, os.O_RDONLY | NO_WAITING)
    try:
        _check(os.fstat(handle).st_mode, error)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _check(mode: int, error: type[SnellenError]) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS if is_kind(mode)), "something else")
        raise error("not a regular file", found=kind, expected="a file")
