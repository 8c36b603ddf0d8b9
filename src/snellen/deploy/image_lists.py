"""Images to predict that a table lists, with labels or without, or that are in a zip archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.decoding.decoder import read_content
from snellen.data.readers import parquet_images
from snellen.data.readers.image_files.by_content import is_image_by_content
from snellen.data.readers.image_files.image_zip import opened_images
from snellen.data.readers.image_files.manifest import FOLDER, NO_LABELS, pages_of_rows
from snellen.data.readers.image_files.manifest_columns import roles_of
from snellen.data.readers.image_files.manifest_paths import SourceFolder, find_images
from snellen.data.readers.image_files.manifest_table import Table, read_table
from snellen.data.readers.labels.class_names import normal_form
from snellen.data.readers.labels.written_numbers import as_whole_numbers
from snellen.data.readers.memory.columns import columns_by_use, keys_by_type, no_column
from snellen.data.readers.memory.rows import plain_label
from snellen.data.readers.role_names import role_of
from snellen.deploy.batch import NO_LABEL, Batch, Reading
from snellen.deploy.image_files import Listed, listed_by_folder, read_files
from snellen.errors import DataError, located
from snellen.models.input_contract import Input


def read_manifest(path: Path, contract: Input, reading: Reading, whole: bool) -> Iterator[Batch]:
    """The images that a table lists. Files that are missing, cannot be read, or are outside its folder without
    permission are recorded. Raises DataError for another kind of table, and if none of the files exists.
    """
    keys, follow = dict(reading.options.keys), reading.options.links == "follow"
    folder = keys.pop(FOLDER, None)
    table = read_table(path, keys, ("path",))
    paths = table.columns["path"]
    with located(path.name):
        if not paths:
            raise DataError("no images", found="a header only")
        found = find_images(paths, path, table.place, folder=folder, follow=True, lenient=True)
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


def read_parquet(path: Path, contract: Input, reading: Reading, whole: bool) -> Iterator[Batch]:
    """The images in a Parquet file, or in the Parquet files of a folder. Rows without a readable image are recorded;
    missing files of a part become remarks."""
    files = parquet_images.files_to_predict(path)
    paths = [file for file, _ in files]
    reading.remarks += parquet_images.said_of_missing(paths) if path.is_dir() else parquet_images.said_of_shard(path)
    for file, role in files:
        with parquet_images.opened_table(file, reading.options.keys) as table:
            contents, cells, roles = _of_image_table(table, reading.options.keys, role)
        labels, classes = _coded(cells)
        test, validation = (np.array([each == part for each in roles], bool) for part in ("test", "validation"))

        def content(row: int, contents: Sequence[bytes] = contents) -> bytes:
            if not contents[row]:
                raise DataError("no image", found="no bytes")
            return contents[row]

        listed = Listed(
            content,
            [f"{file.name}:{row}" for row in range(len(contents))],
            file.parent.as_posix(),
            labels,
            classes,
            test if test.any() else None,
            validation if validation.any() else None,
        )
        yield from read_files(listed, contract, reading, whole)


def _of_image_table(
    table: parquet_images.ImageTable, keys: Mapping[str, str], role: PartRole
) -> tuple[list[bytes], list[str], list[PartRole]]:
    """The bytes of the images, their labels as text (empty if missing), and their parts. Raises DataError if it is not
    clear which column holds the images."""
    images = keys_by_type({name: kind for name, kind in table.kinds.items() if kind == "Image"}, keys)
    parquet_images.check_image_column(table, images)
    image = columns_by_use(table.names, images, ("image",))
    if "image" not in image:
        raise no_column(["image"], table.names)
    contents = table.lenient_contents(image["image"])
    with suppress(DataError):  # labels are not needed
        chosen = columns_by_use(table.names, keys_by_type(table.kinds, keys), ("label", "role"))
        names = table.class_names(chosen.get("label", ""))
        values = table.column(chosen["label"]) if "label" in chosen else [None] * len(contents)
        parts = table.column(chosen["role"]) if "role" in chosen else []
        roles = [role_of(str(part)) or role for part in parts] or [role] * len(contents)
        return contents, [_label_text(value, names) for value in values], roles
    return contents, [""] * len(contents), [role] * len(contents)


def _label_text(value: Any, names: Sequence[str] | None) -> str:
    """A label as text: the class name of a number, if the file has names; empty without a label."""
    label = plain_label(value, "label")
    if label is None or label == NO_LABEL:
        return ""
    if isinstance(label, int):
        return names[label] if names and 0 <= label < len(names) else str(label)
    return normal_form(label)


def read_zip(path: Path, contract: Input, classes: Sequence[str], reading: Reading, whole: bool) -> Iterator[Batch]:
    """The images in an archive, read like the unpacked folder. classes: those of the model."""
    with opened_images(path) as archive:
        listing = archive.listing()
        names = list[str]()
        for name in listing.files:
            is_image = is_image_by_content(name, lambda name=name: archive.start(name))  # type: ignore[misc]
            (names if is_image else reading.passed_over).append(name)
        reading.hidden += listing.passed_over.total()
        listed = listed_by_folder(lambda row: archive.read(names[row]), names, path.as_posix(), classes)
        yield from read_files(listed, contract, reading, whole)


def _labels(table: Table) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    given = [normal_form(cell.strip()) for cell in table.columns.get("label", ())]
    return _coded(as_whole_numbers(["" if cell.lower() in NO_LABELS else cell for cell in given])[0])


def _coded(cells: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """(N,) int64 codes of the labels, NO_LABEL for an empty one, and their names; None without any label."""
    names = tuple(sorted({*cells} - {""}))
    if not names:
        return None, None
    codes = {"": NO_LABEL} | {name: code for code, name in enumerate(names)}
    return np.array([codes[cell] for cell in cells], np.int64), names


def _roles(table: Table) -> Sequence[str | None]:
    if "role" not in table.columns:
        return [None] * len(table.columns["path"])
    return roles_of(table.columns["role"], table.chosen.names["role"], given=False)[0]
