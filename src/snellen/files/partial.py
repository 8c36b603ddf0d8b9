"""Large files that arrive in pieces: what has arrived is kept after an interruption; the file appears when complete."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType

from snellen.errors import StorageError
from snellen.files.atomic import storage_error, sync_folder

SAFE_OPEN_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Partial:
    """The part of `path` that has arrived so far, in a file beside it; as a context manager, open for appending.

    path: where the complete file will be (attribute `final`); the part is beside it as `.NAME.part` (attribute `path`).
    needed_bytes: size of the complete file where known, for the message about a full disk. When the disk cannot be
    written, StorageError is raised, and the part is removed: it would keep the disk full.
    """

    def __init__(self, path: Path, needed_bytes: int | None = None) -> None:
        self.final = path
        self.path = path.with_name(f".{path.name}.part")
        self.needed_bytes = needed_bytes

    def prepare(self) -> None:
        """Removes anything in the place of the part that cannot be one: a file that is too long; a link, a named pipe
        or a file with a second name, through which another file would be read or written. Raises StorageError for a
        folder."""
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(error, self.path) from error
        if stat.S_ISDIR(status.st_mode):
            hint = "Remove it."
            raise StorageError("a folder in the place of a file", found="a folder", where=str(self.path), hint=hint)
        too_long = self.needed_bytes is not None and status.st_size > self.needed_bytes
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or too_long:
            self.discard()

    def __enter__(self) -> Partial:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = open(self.path, "ab", opener=_open_safely)
        except OSError as error:
            raise storage_error(error, self.final, self.needed_bytes) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    @property
    def num_bytes(self) -> int:
        """The size of the part."""
        return self.path.stat().st_size if self.path.exists() else 0

    def write(self, content: bytes) -> None:
        """Appends."""
        try:
            self.file.write(content)
            self.file.flush()
        except OSError as error:
            self.file.close()
            self.discard()
            raise storage_error(error, self.final, self.needed_bytes) from error

    def empty(self) -> None:
        """Removes the bytes that have arrived, to start again."""
        self.file.truncate(0)

    def discard(self) -> None:
        """Removes the part."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, self.path) from error

    def finish(self) -> Path:
        """Moves the file, now complete and closed, to its path."""
        try:
            with open(self.path, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(self.path, self.final)
            sync_folder(self.final.parent)
        except OSError as error:
            raise storage_error(error, self.final, self.needed_bytes) from error
        return self.final


def _open_safely(path: str, flags: int) -> int:
    """Opens without following links, and without waiting for the other end of a pipe."""
    return os.open(path, flags | SAFE_OPEN_FLAGS, 0o666)
