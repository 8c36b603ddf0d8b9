"""Which files are images: by their suffix, or, if it is unknown, by their first bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snellen.data.decoding.decoder import is_image, start_of
from snellen.data.decoding.signatures import format_not_read, format_that_is_read
from snellen.data.readers.image_files.folder_tree import may_be_image


def is_image_by_content(name: str, start: Callable[[], bytes]) -> bool:
    """Whether a file is an image, possibly of an unsupported format. start: returns its first bytes; it is called only
    if the suffix does not decide."""
    if is_image(Path(name)):
        return True
    if not may_be_image(name):
        return False
    content = start()
    return bool(format_that_is_read(content) or format_not_read(content))


def is_image_file(path: Path) -> bool:
    """The same for a file at a path."""
    return is_image_by_content(path.name, lambda: start_of(path))
