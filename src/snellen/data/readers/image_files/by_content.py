"""Which files are pictures: by their suffix, or without a known one by their first bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snellen.data.pictures.decoder import is_picture, start_of
from snellen.data.pictures.signatures import format_not_read, format_that_is_read
from snellen.data.readers.picture_files.folder_tree import may_be_picture


def is_picture_by_content(name: str, start: Callable[[], bytes]) -> bool:
    """Whether a file is a picture, maybe of a format that is not read. start: gives its first bytes, which are asked
    for only where the suffix does not tell."""
    if is_picture(Path(name)):
        return True
    if not may_be_picture(name):
        return False
    content = start()
    return bool(format_that_is_read(content) or format_not_read(content))


def is_picture_file(path: Path) -> bool:
    """The same of a file at a path."""
    return is_picture_by_content(path.name, lambda: start_of(path))
