"""Writes files so that they always have either the old or the complete new content."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from snellen.errors import SnellenError, StorageError
from snellen.plain import plain_json


@contextmanager
def replacing(path: Path, needed_bytes: int | None = None) -> Iterator[BinaryIO]:
    """A binary file to write into; it takes the place of `path` when the block ends without an error.

    Written to a temporary sibling, flushed to the disk, then renamed. On any error the sibling is removed and the old
    file stays. needed_bytes: for the message, where known. Raises StorageError (path, needed and free bytes) when the
    disk cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except SnellenError:
        raise
    except OSError as error:
        raise storage_error(error, path, needed_bytes) from error
    finally:
        _remove(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path` atomically."""
    with replacing(path, len(content)) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Writes `content` to `path` as UTF-8 with \\n line ends, atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON (no NaN: JSON has none), atomically."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """`value` as readable JSON."""
    return plain_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` durable; Windows cannot open folders and does not need it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def storage_error(error: OSError, path: Path, needed_bytes: int | None = None) -> StorageError:
    """`error` as a StorageError that names the path and, for a full disk, the needed and the free bytes."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"cannot write: {error.strerror or error}", where=str(path))
    existing_folder = next(folder for folder in path.absolute().parents if folder.exists())
    return StorageError(
        "the disk is full; nothing was changed",
        found=f"{shutil.disk_usage(existing_folder).free:,} bytes free",
        expected=f"{needed_bytes:,} bytes" if needed_bytes is not None else None,
        where=str(path),
        hint="Free some space and run the same command again: finished work is kept.",
    )


def move_into(folder: Path, paths: Iterable[Path]) -> None:
    """Moves those of `paths` that exist into the new `folder`, which appears only when all are in it.

    After an interruption `partly_moved` is True, and the same call moves the rest.
    """
    partial = _partial(folder)
    partial.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if path.exists():
            os.replace(path, partial / path.name)
    sync_folder(partial)
    os.replace(partial, folder)
    sync_folder(folder.parent)


def partly_moved(folder: Path) -> bool:
    """Whether a `move_into` of this folder was interrupted."""
    return _partial(folder).exists()


def remove_leftovers(folder: Path) -> None:
    """Removes temporary files that a killed process left. Call it only while no other process writes into the
    folder."""
    for path in folder.rglob(".*.tmp"):
        _remove(path)


def _partial(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _remove(path: Path) -> None:
    """Ignores failure: a more important error is being raised, or there is none."""
    with suppress(OSError):
        path.unlink()
