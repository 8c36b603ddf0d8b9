"""A folder of files that live as long as some work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snellen.files.atomic import storage_error


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """`folder`, empty, for the block, and gone after it. What a killed process left there goes first."""
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
    """Removes what a killed process left, as far as the system allows while others read it."""
    shutil.rmtree(folder, ignore_errors=True)
