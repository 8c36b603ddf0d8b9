"""Labelled images in memory, from any kind of object, as a Dataset: the last step of all such readers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import PART_ROLES, Dataset, PartRole
from snellen.data.groups import first_occurrences
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.image_files.labelled_images import LabelledFile, read_dataset
from snellen.data.readers.labels.encode import encode_labels
from snellen.data.readers.memory.cells import Channels, decodable, is_array, is_tensor, with_channels_last
from snellen.data.readers.reader import Options
from snellen.errors import SHOWN_ITEMS, DataError, located, shown
from snellen.limits import MAX_IMAGES

NO_LABEL = -1
"""The label that publishers write if the labels of a part are kept secret."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled images of one part, as in their object. cells: an array or tensor (N, ...), or N cells, each a path, the
    bytes of an image file, {bytes, path} as in Hugging Face data sets, an image of Pillow, or pixels. labels: N numbers
    or texts. name: the beginning of the row ids. class_names: names of the numbers, if the object has them. groups: N
    names. pixel_range: if it is certain. numbers: row numbers in the object, if only some of its rows are in this part.
    """

    cells: Any
    labels: Sequence[Any]
    name: str = "train"
    role: PartRole = "train"
    class_names: tuple[str, ...] | None = None
    groups: Sequence[Any] | None = None
    pixel_range: tuple[float, float] | None = None
    remarks: tuple[str, ...] = ()
    numbers: Sequence[int] | None = None

    def place(self, row: int) -> str:
        """The place of a row, for messages."""
        return f"{self.name}: row {self.number(row)}"

    def id(self, row: int) -> str:
        """The id of a row without a path."""
        return f"{self.name}:{self.number(row)}"

    def number(self, row: int) -> int:
        """The number of a row in its object."""
        return row if self.numbers is None else self.numbers[row]


def divided(rows: Rows, names: Sequence[Any], role_of: Any) -> list[Rows]:
    """The rows of each part, by the name of its part that each row has. role_of: the part that a name means, or None.

    Raises DataError naming the first row whose name is not that of a part.
    """
    if len(names) != len(rows.labels):
        raise DataError("different numbers of rows and roles", found=f"{len(names):,} roles", expected=len(rows.labels))
    roles = []
    for row, name in enumerate(names):
        role = role_of(str(name))
        if role is None:
            raise DataError(
                "unknown role", found=shown(name), expected="train, validation or test", where=rows.place(row)
            )
        roles.append(role)
    places = {role: [row for row, each in enumerate(roles) if each == role] for role in PART_ROLES}
    return [
        replace(
            rows,
            cells=rows.cells[np.array(kept)] if is_array(rows.cells) else [rows.cells[row] for row in kept],
            labels=[rows.labels[row] for row in kept],
            groups=rows.groups and [rows.groups[row] for row in kept],
            role=role,
            numbers=kept,
            remarks=rows.remarks if role == roles[0] else (),
        )
        for role, kept in places.items()
        if kept
    ]


def to_dataset(
    parts: Sequence[Rows], options: Options, channels: Channels | None, name: str, folder: Path | None = None
) -> Dataset:
    """The Dataset of all parts: train, validation, test. folder: the folder of relative paths. Raises DataError naming
    the row of a missing or unreadable image or label, for parts of different kinds, and for the errors of file readers.
    """
    for rows in parts:
        if len(rows.cells) != len(rows.labels):
            found = f"{len(rows.cells):,} images, {len(rows.labels):,} labels"
            raise DataError("different numbers of images and labels", found=found, where=rows.name)
        if not 0 < len(rows.labels) <= MAX_IMAGES:
            expected = f"1 to {MAX_IMAGES:,}"
            raise DataError("no images", found=f"{len(rows.labels):,} rows", expected=expected, where=rows.name)
    parts, unlabelled = _labelled(sorted(parts, key=lambda rows: PART_ROLES.index(rows.role)))
    if not any(rows.role == "train" for rows in parts):
        raise DataError("no training part", found=", ".join(rows.role for rows in parts) or "no labelled part")
    named, class_names, unused = _with_names(parts, options.class_names)
    made = [decodable(rows.cells, rows.name, rows.place, folder) for rows in named]
    options = replace(options, class_names=class_names)
    if all(isinstance(cells, np.ndarray) for cells in made):
        dataset, turned = _of_arrays(named, made, options, channels, name)
    else:
        named, options, turned = _with_numbers_as_names(named, options)
        dataset = read_dataset(_listed(named, made, options, folder), options, name)
    remarks = [*dataset.remarks, *unlabelled, *unused, *turned, *(each for rows in named for each in rows.remarks)]
    return replace(dataset, remarks=tuple(dict.fromkeys(remarks)))


def plain_label(value: Any, where: str) -> int | str | None:
    """A label as an integer or text; None if it is missing. Raises DataError for other values."""
    if hasattr(value, "item") and getattr(value, "shape", ()) in ((), (1,)):
        value = value.item()
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    ):
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, (bool, int)) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    is_row = hasattr(value, "__len__")
    hint = "Turn one-hot rows into labels with .argmax(axis=1)." if is_row else None
    raise DataError("not one label", found=shown(value), expected="an integer or text", where=where, hint=hint)


def _labelled(parts: Sequence[Rows]) -> tuple[list[Rows], list[str]]:
    """The parts with labels as integers or text, and remarks on those without any label, which are left out."""
    kept, remarks = [], []
    for rows in parts:
        labels = [plain_label(value, rows.place(row)) for row, value in enumerate(rows.labels)]
        missing = [row for row, label in enumerate(labels) if label in (None, NO_LABEL)]
        if len(missing) == len(labels) and rows.role != "train":
            remarks.append(f"{rows.role}: {len(labels):,} images without labels are left out.")
        elif missing:
            found, where = f"{len(missing):,} of {len(labels):,} rows", rows.place(missing[0])
            raise DataError("no label", found=found, expected="one label an image", where=where)
        else:
            kept.append(replace(rows, labels=labels))
    return kept, remarks


def _with_names(
    parts: Sequence[Rows], given: tuple[str, ...] | None
) -> tuple[list[Rows], tuple[str, ...] | None, list[str]]:
    """The parts with names in place of numbers, if there are names; all names in order; a remark on names without
    rows."""
    declared = next((rows.class_names for rows in parts if rows.class_names), None)
    for rows in parts:
        if rows.class_names and rows.class_names != declared and not given:
            found = f"{shown(list(rows.class_names))} in {rows.name}"
            raise DataError("parts with other classes", found=found, expected=shown(list(declared or ())))
    kinds = {isinstance(label, str) for rows in parts for label in rows.labels}
    if len(kinds) > 1:
        raise DataError("labels are text in some rows and numbers in others", where=parts[0].name)
    if given or declared is None:
        return list(parts), given, []
    names = declared
    if kinds == {False}:
        parts = [replace(rows, labels=[_name(names, rows, row) for row in range(len(rows.labels))]) for rows in parts]
    present = {label for rows in parts for label in rows.labels}
    unused = [name for name in names if name not in present]
    if not present <= set(names):
        return list(parts), None, []
    listed = ", ".join(map(shown, unused[:SHOWN_ITEMS]))
    remark = f"{len(unused)} of {len(names)} classes have no images here and are left out: {listed}."
    return list(parts), tuple(name for name in names if name in present), [remark] if unused else []


def _with_numbers_as_names(parts: Sequence[Rows], options: Options) -> tuple[list[Rows], Options, tuple[str, ...]]:
    """Numbers as texts, by the rules of arrays, and remarks; texts unchanged."""
    if isinstance(parts[0].labels[0], str):
        return list(parts), options, ()
    labels = [(np.array(rows.labels), rows.name) for rows in parts]
    codes, classes, remarks = encode_labels(labels, options.class_names)
    names = iter(np.array(classes)[codes].tolist())
    named = [replace(rows, labels=list(islice(names, len(rows.labels)))) for rows in parts]
    return named, replace(options, class_names=classes), remarks


def _name(names: tuple[str, ...], rows: Rows, row: int) -> str:
    code = int(rows.labels[row])
    if not 0 <= code < len(names):
        where = rows.place(row)
        raise DataError("label out of range", found=code, expected=f"0 to {len(names) - 1}", where=where)
    return names[code]


def _listed(parts: Sequence[Rows], made: Sequence[Any], options: Options, folder: Path | None) -> list[LabelledFile]:
    """Every row in the form of the readers of image files. Raises DataError for a path that is missing or given
    twice."""
    listed, first = [], dict[str, str]()
    for rows, cells in zip(parts, made, strict=True):
        if isinstance(cells, np.ndarray):
            found = f"arrays in {rows.name}, but not in all parts"
            raise DataError("images of several forms", found=found, expected="one form")
        for row, (cell, label) in enumerate(zip(cells, rows.labels, strict=True)):
            place = rows.place(row)
            group = None if rows.groups is None else str(rows.groups[row])
            if not isinstance(cell, Path):
                name = rows.id(row)
                listed.append(LabelledFile(Path(name), name, str(label), rows.role, group, place, cell))
                continue
            inside = folder is not None and cell.is_relative_to(folder)
            path = (cell.relative_to(folder) if folder and inside else cell).as_posix()
            with located(place):
                if (earlier := first.setdefault(path, place)) != place:
                    raise DataError("the same image twice", found=path, expected=f"only in {earlier}")
                if options.on_bad_image is None and not cell.is_file():
                    hint = "Say where relative paths begin: folder=..." if not cell.is_absolute() else None
                    raise DataError("no such file", found=str(cell), hint=hint)
                if group is None and options.group and not options.group.column:
                    group = options.group.of_path(path)
            listed.append(LabelledFile(cell, path, str(label), rows.role, group, f"{place}: {path}"))
    return listed


def _of_arrays(
    parts: Sequence[Rows], made: Sequence[Any], options: Options, channels: Channels | None, name: str
) -> tuple[Dataset, tuple[str, ...]]:
    """The Dataset of arrays, and remarks on transposed axes."""
    for option in ("background", "on_bad_image"):
        if getattr(options, option) is not None:
            raise DataError(f"`{option}` is for image files only", found="arrays", hint="Leave it out.")
    arrays, remarks = [], []
    for rows, images in zip(parts, made, strict=True):
        tensors = is_tensor(rows.cells) or any(is_tensor(cell) for cell in rows.cells[:1])
        images, remark = with_channels_last(images, channels, tensors, rows.name)
        arrays.append(Part(images, np.array(rows.labels), rows.name, f"{rows.name} labels", rows.role))
        remarks += [remark] if remark else []
    pixel_range = options.pixel_range or next((rows.pixel_range for rows in parts if rows.pixel_range), None)
    dataset = assemble(arrays, options.class_names, pixel_range, name)
    dataset = replace(dataset, ids=np.array([rows.id(row) for rows in parts for row in range(len(rows.labels))]))
    if any(rows.groups is not None for rows in parts):
        groups = [str(group) for rows in parts for group in rows.groups or ()]
        dataset = replace(dataset, groups=first_occurrences(np.array(groups)))
    return dataset, tuple(remarks)
