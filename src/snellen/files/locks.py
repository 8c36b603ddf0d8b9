"""The lock of a run directory: one process at a time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from snellen.errors import RunError, RunLocked
from snellen.files.atomic import storage_error, write_json
from snellen.limits import LOCK_LOOK_SECONDS, LOCK_POLL_SECONDS

LOCK, HOLDER = ".lock", ".holder.json"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder` for the block; the system releases it when the process ends, however it ends.

    Raises RunLocked at once, naming the process that holds it.
    """
    lock, holder = FileLock(folder / LOCK, poll_interval=LOCK_POLL_SECONDS), folder / HOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_LOOK_SECONDS)
    except Timeout:
        raise _locked(folder) from None
    except NotImplementedError as error:
        hint = "Choose a folder on another disk with --out."
        raise RunError(f"this disk has no locks ({error})", where=str(folder), hint=hint) from None
    except OSError as error:
        raise storage_error(error, folder) from error
    try:
        write_json(holder, {"pid": os.getpid(), "host": platform.node(), "since": _now()})
        yield
    finally:
        with suppress(OSError):  # on Windows, while another process reads it
            holder.unlink()
        lock.release()


def expect_free(folder: Path) -> None:
    """Raises RunLocked when another process holds the lock of `folder` and has written its number; the lock is not
    kept. An early check before slow imports; `exclusive` is what protects the run.
    """
    lock = FileLock(folder / LOCK)
    if not (folder / LOCK).is_file():
        return
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if (folder / HOLDER).is_file():
            raise _locked(folder) from None
    except (NotImplementedError, OSError):
        return  # `exclusive` reports what is wrong
    lock.release()


def _locked(folder: Path) -> RunLocked:
    return RunLocked(
        "another process is working on this run",
        found=_describe(folder / HOLDER),
        where=str(folder),
        hint="Wait for it to end or stop it; a run may go to another folder with --out.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _describe(holder: Path) -> str:
    try:
        value = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {value['pid']} on {value['host']}, since {value['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has just started"
