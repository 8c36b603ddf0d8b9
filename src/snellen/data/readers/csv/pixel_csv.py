"""CSV files with an image in each row, as on Kaggle: one file, or the files of a folder that hold its parts.

The label may be in any column. Pixels are placed by the names of their columns if these give positions; otherwise they
are in reading order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from snellen.data.dataset import PART_ROLES, Dataset
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.csv.label_file import labels_of
from snellen.data.readers.csv.part_files import PartFiles, is_csv, part_files, plain_name, training_file
from snellen.data.readers.csv.pixel_table import PixelTable, as_numbers, holds_pixels, read_pixels
from snellen.data.readers.reader import Options, Reader, opening
from snellen.errors import DataError


def _read_part(files: PartFiles, options: Options) -> PixelTable:
    """The table of a part, with the labels of the separate file if there is one."""
    table = read_pixels(files.pixels, options, has_labels=None if files.labels is None else False)
    if files.labels is None:
        return table
    if table.labels is not None:
        found = f"{files.pixels.name} and {files.labels.name}"
        raise DataError("labels in two files", found=found, expected="a column of labels in one")
    by_line = table.ids.tolist() == [f"{plain_name(files.pixels)}:{row}" for row in range(len(table.ids))]
    labels, said = labels_of(files.labels, None if by_line else table.ids.tolist(), len(table.pixels))
    remarks = (*table.remarks, f"{plain_name(files.labels)}: {said}") if said else table.remarks
    return replace(table, labels=as_numbers(labels), remarks=remarks)


def _parts_of(table: PixelTable, labels: np.ndarray, file: PartFiles) -> Iterator[tuple[Part, np.ndarray]]:
    """The part of a file, or the parts that its rows name, each with the ids of its rows."""
    plain = plain_name(file.pixels)
    names = plain, f"{plain} labels"
    ids = np.array([each if each.startswith(f"{plain}:") else f"{plain}:{each}" for each in table.ids.tolist()])
    if table.roles is None:
        yield Part(table.pixels, labels, *names, file.role), ids
        return
    for role in PART_ROLES:
        rows = np.flatnonzero(table.roles == role)
        if len(rows):
            yield Part(table.pixels[rows], labels[rows], *names, role), ids[rows]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    files, passed_over = part_files(path)
    found, remarks = list[tuple[Part, np.ndarray]](), list[str]()
    for file in files:
        table = _read_part(file, options)
        remarks += table.remarks
        if table.labels is not None:
            found += _parts_of(table, table.labels, file)
        elif file.role == "train":
            hint = "Name it with `keys: {label: ...}`; images without labels are for `snellen predict`."
            pixels = f"{math.prod(table.pixels.shape[1:]):,} columns of pixels in {len(table.pixels):,} rows"
            expected = "a label beside the pixels, such as a column `label`"
            raise DataError("no label column", found=pixels, expected=expected, where=file.pixels.name, hint=hint)
        else:
            remarks.append(f"{file.pixels.name} has no labels and is not read; `snellen predict` takes it")
    if passed_over:
        remarks.append(f"not read, because their names say no part: {', '.join(passed_over)}")
    found.sort(key=lambda each: PART_ROLES.index(each[0].role))
    if found[0][0].role != "train":
        values = ", ".join(sorted({part.role for part, _ in found}))
        raise DataError("no rows for training", found=f"only {values}", where=path.name)
    dataset = assemble([part for part, _ in found], options.class_names, options.pixel_range, name)
    ids = np.concatenate([ids for _, ids in found])
    return replace(dataset, ids=ids, remarks=(*remarks, *dataset.remarks))


def _recognises(path: Path) -> bool:
    if path.is_dir():
        file = training_file(path)
        return file is not None and holds_pixels(file)
    return is_csv(path) and path.is_file() and holds_pixels(path)


def _files(path: Path, options: Options) -> list[Path]:
    return [file for part in part_files(path)[0] for file in (part.pixels, part.labels) if file is not None]


READER = Reader(
    version=6,
    looks_for="a .csv, .tsv or .txt file, maybe .gz, with a label and pixels in each row, or a folder with "
    "train.csv and test.csv",
    recognises=_recognises,
    open=opening(_files, _decode),
    of_pixel_tables=True,
)
