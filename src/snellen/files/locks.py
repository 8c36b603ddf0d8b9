"""One process at a time in a run directory."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from snellen.errors import RunLocked
from snellen.files.atomic import write_json


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder` for the block; the system releases it when the process ends, however it ends.

    Raises RunLocked at once, saying who holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / ".lock"), folder / ".holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLocked(
            "another process is working on this run",
            found=_describe(holder),
            where=str(folder),
            hint="Wait for it to end, stop it, or choose another folder with --out.",
        ) from None
    try:
        write_json(holder, {"pid": os.getpid(), "host": platform.node(), "since": _now()})
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe(holder: Path) -> str:
    try:
        value = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {value['pid']} on {value['host']}, since {value['since']}"
    except (OSError, ValueError, KeyError):
        return "a process that has just started"
