"""Pictures to predict that a table lists, with labels or without, or that are in a zip archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from snellen.data.pictures.decoder import read_content
from snellen.data.readers.labels.class_names import normal_form
from snellen.data.readers.picture_files.by_content import is_picture_by_content
from snellen.data.readers.picture_files.manifest import FOLDER, pages_of_rows
from snellen.data.readers.picture_files.manifest_columns import roles_of
from snellen.data.readers.picture_files.manifest_paths import SourceFolder, find_pictures
from snellen.data.readers.picture_files.manifest_table import Table, read_table
from snellen.data.readers.picture_files.picture_zip import opened_pictures
from snellen.deploy.batch import NO_LABEL, Batch, Reading
from snellen.deploy.picture_files import Listed, listed_by_folder, read_files
from snellen.errors import DataError, located
from snellen.models.input_contract import Input


def read_manifest(path: Path, contract: Input, reading: Reading, whole: bool) -> Iterator[Batch]:
    """The pictures that a table lists. Files that are missing, cannot be read, or lie
    outside its folder without permission are noted.

    Raises DataError for what is no such table, and when no file is where it says.
    """
    keys, follow = dict(reading.options.keys), reading.options.links == "follow"
    folder = keys.pop(FOLDER, None)
    table = read_table(path, keys, ("path",))
    paths = table.columns["path"]
    with located(path.name):
        if not paths:
            raise DataError("no pictures", found="a header only")
        found = find_pictures(paths, path, table.place, folder=folder, follow=True, lenient=True)
    home = SourceFolder(path.parent if folder is None else path.parent / folder, follow)

    def content(row: int) -> bytes:
        home.check(found.files[row])
        return read_content(found.files[row])

    reading.remarks += [*table.chosen.remarks, *found.remarks]
    labels, classes = _labels(table)
    roles = _roles(table)
    test, validation = (np.array([each == role for each in roles]) for role in ("test", "validation"))
    pages = pages_of_rows(table, given=False)
    listed = Listed(
        content,
        found.ids,
        path.parent.as_posix(),
        labels,
        classes,
        test if test.any() else None,
        validation if validation.any() else None,
        None if any(page is not None for page in pages) else found.files,
        pages,
    )
    yield from read_files(listed, contract, reading, whole)


def read_zip(path: Path, contract: Input, classes: Sequence[str], reading: Reading, whole: bool) -> Iterator[Batch]:
    """The pictures in an archive, as of the folder that it would be. classes: those of the model."""
    with opened_pictures(path) as archive:
        listing = archive.listing()
        names = list[str]()
        for name in listing.files:
            is_picture = is_picture_by_content(name, lambda name=name: archive.start(name))  # type: ignore[misc]
            (names if is_picture else reading.passed_over).append(name)
        reading.hidden += listing.passed_over.total()
        listed = listed_by_folder(lambda row: archive.read(names[row]), names, path.as_posix(), classes)
        yield from read_files(listed, contract, reading, whole)


def _labels(table: Table) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """(N,) int64 codes of the labels, NO_LABEL for an empty cell, and their names; None without any label."""
    cells = [normal_form(cell.strip()) for cell in table.columns.get("label", ())]
    names = tuple(sorted({*cells} - {""}))
    if not names:
        return None, None
    codes = {"": NO_LABEL} | {name: code for code, name in enumerate(names)}
    return np.array([codes[cell] for cell in cells], np.int64), names


def _roles(table: Table) -> Sequence[str | None]:
    if "role" not in table.columns:
        return [None] * len(table.columns["path"])
    return roles_of(table.columns["role"], table.chosen.names["role"], given=False)[0]
