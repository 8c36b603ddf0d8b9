"""Tables beside images that may hold their classes: suggests the line that reads such a table, after trying it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote

from snellen.data.readers.image_files import manifest
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.errors import DataError
from snellen.limits import SMALL_BYTES

TRIED_TABLES, TRIED_FOLDERS = 10, 5


def line_for_tables(root: Path) -> str | None:
    """The advice to read the table, in `root` or a folder in it, that lists the most images; None if there is none."""
    tried = [(number, table, folder) for table in _tables(root) for number, folder in _readings(root, table)]
    if not tried:
        return None
    # of equally long tables, the one of the training part; submission forms last
    _, table, folder = max(
        tried, key=lambda each: ("submission" not in each[1].name.lower(), each[0], "train" in str(each[1]))
    )
    source = json.dumps(str(table)) if " " in str(table) or ":" in str(table) else str(table)
    keys = f", keys: {{folder: {json.dumps(folder)}}}" if folder else ""
    key = f" --key folder={quote(folder)}" if folder else ""
    return (
        f"{table.name} says which class each image has: give it as the source, "
        f"`snellen init {quote(str(table))}{key}` or `data: {{source: {source}{keys}}}` in a study."
    )


def _is_form(table: Path) -> bool:
    """Whether it is a sample submission of a competition, whose labels are placeholders."""
    return "submission" in table.name.lower()


def _tables(root: Path) -> list[Path]:
    found = list[Path]()
    for folder in (root, *sorted(each for each in root.iterdir() if each.is_dir() and not each.is_symlink())):
        with suppress(OSError):
            tables = (each for each in sorted(folder.iterdir()) if each.suffix.lower() in manifest.SUFFIXES)
            found += [each for each in tables if each.is_file() and each.stat().st_size <= SMALL_BYTES]
        if len(found) >= TRIED_TABLES:
            break
    return found[:TRIED_TABLES]


def _readings(root: Path, table: Path) -> Iterator[tuple[int, str | None]]:
    """The number of images that a table lists, with the folder that must be named for it; 0 if it cannot be read."""
    with suppress(DataError):
        if not manifest.READER.recognises(table):
            return
    folders = sorted(each.name for each in table.parent.iterdir() if each.is_dir())[:TRIED_FOLDERS]
    folders.sort(key=lambda name: not table.stem.lower().startswith(name.lower()))
    for folder in (None, *folders):
        with suppress(DataError):
            options = Options(keys={"folder": folder}) if folder else DEFAULT_OPTIONS
            opened = manifest.READER.open(table, options)
            yield len(opened.files) - 1, folder
            return
