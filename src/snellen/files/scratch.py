"""A folder of temporary files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snellen.files.atomic import storage_error


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """`folder`, empty at the start of the block and removed at its end. Files that a killed process left there are
    removed first."""
    discard_scratch(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    try:
        yield folder
    finally:
        discard_scratch(folder)


def discard_scratch(folder: Path) -> None:
    """Removes the folder, as far as the system allows while other processes read it."""
    shutil.rmtree(folder, ignore_errors=True)
