"""Arrays of images and labels as a Dataset: the checks and conversions of every reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset, PartRole, fingerprint
from snellen.data.duplicates import image_keys
from snellen.data.readers.labels.encode import encode_labels
from snellen.data.readers.labels.forms import plain_labels
from snellen.data.readers.pixels import as_images, find_range
from snellen.data.readers.repeated_validation import repeated_validation
from snellen.data.readers.text import check_text
from snellen.errors import DataError

TRAIN_TEST: tuple[PartRole, PartRole] = ("train", "test")


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a part of the data, as in their file, and the names of their arrays. rows: their numbers in the array, if
    it holds other parts too."""

    images: np.ndarray
    labels: np.ndarray
    images_name: str
    labels_name: str
    role: PartRole = "train"
    rows: np.ndarray | None = None

    def ids(self) -> list[str]:
        """The id of each row."""
        return [f"{self.images_name}:{row}" for row in (range(len(self.images)) if self.rows is None else self.rows)]


def from_arrays(
    images: Any,
    labels: Any,
    *,
    test_images: Any = None,
    test_labels: Any = None,
    validation_images: Any = None,
    validation_labels: Any = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    name: str = "arrays",
) -> Dataset:
    """A Dataset of copies of arrays in memory; those of validation and test become its official parts.

    images: (N, H, W) or (N, H, W, C) with C 1, 3 or 4; integers, booleans or floats. Stored as uint8 if that is
    lossless, else as float32: float64 values are rounded, integers beyond 2**24 are refused. labels: (N,) or (N, 1),
    integers counting from 0, or class names. Raises DataError naming the array and the row.
    """
    parts = [Part(_copy(images, "images"), _copy(labels, "labels"), "images", "labels")]
    given: tuple[tuple[PartRole, Any, Any], ...] = (
        ("validation", validation_images, validation_labels),
        ("test", test_images, test_labels),
    )
    for role, part_images, part_labels in given:
        if (part_images is None) != (part_labels is None):
            problem = f"{role} images and {role} labels belong together"
            raise DataError(problem, found="one of them", expected="both or neither")
        if part_images is not None:
            names = f"{role}_images", f"{role}_labels"
            parts.append(Part(_copy(part_images, names[0]), _copy(part_labels, names[1]), *names, role))
    return assemble(parts, class_names, pixel_range, name)


def assemble(
    parts: Sequence[Part],
    class_names: Sequence[str] | None,
    pixel_range: tuple[float, float] | None,
    name: str,
    remarks: Sequence[str] = (),
) -> Dataset:
    """The Dataset of all parts, in their order, without a validation part that mostly repeats the others.

    remarks: those of the reader, to which others are added. Raises the same errors as `from_arrays`.
    """
    for part in parts:
        check_text(part.images_name, "a name")
        _check_counts(part)
    arrays = [as_images(part.images, part.images_name) for part in parts]
    _check_same_shape(parts, arrays)
    repeated = _repeated_validation(parts, arrays)
    if repeated:
        kept = [place for place, part in enumerate(parts) if part.role != "validation"]
        parts, arrays = [parts[place] for place in kept], [arrays[place] for place in kept]
    black_white, on_pixels = find_range(arrays, [part.images_name for part in parts], pixel_range)
    columns = [(*plain_labels(part.labels, part.labels_name), part.labels_name) for part in parts]
    labels, classes, on_labels = encode_labels([(column, name) for column, _, name in columns], class_names)
    images = arrays[0] if len(parts) == 1 else np.concatenate(arrays)
    validation, test = (_rows_of(role, parts) for role in ("validation", "test"))
    ids = np.array([name for part in parts for name in part.ids()])
    content = fingerprint(images, labels, classes, test, black_white, validation)
    found = (*remarks, repeated, *(remark for _, remark, _ in columns), *on_labels, *on_pixels)
    said = tuple(dict.fromkeys(remark for remark in found if remark))
    return Dataset(
        name, images, labels, classes, ids, test, black_white, content, official_validation=validation, remarks=said
    )


def _repeated_validation(parts: Sequence[Part], arrays: Sequence[np.ndarray]) -> str | None:
    """The sentence on a validation part that is not used."""
    if not any(part.role == "validation" for part in parts):
        return None
    data_type = np.result_type(*arrays)
    names, digests = {}, {}
    for role in dict.fromkeys(part.role for part in parts):
        own = [place for place, part in enumerate(parts) if part.role == role]
        names[role] = " and ".join(parts[place].images_name for place in own)
        digests[role] = np.concatenate([image_keys(arrays[place].astype(data_type, copy=False)) for place in own])
    return repeated_validation({role: (names[role], digests[role]) for role in names})


def _rows_of(role: PartRole, parts: Sequence[Part]) -> np.ndarray | None:
    """(N,) bool: the rows of the parts with that role; None if there is no such part."""
    marks = [part.role == role for part in parts]
    return np.repeat(marks, [len(part.images) for part in parts]) if any(marks) else None


def _copy(values: Any, name: str) -> np.ndarray:
    """A copy of `values`, so that later changes by the caller do not reach the data set."""
    try:
        return np.array(values)
    except ValueError as error:
        raise DataError("not an array: rows of different shapes", where=name) from error


def _check_counts(part: Part) -> None:
    num_images, num_labels = (len(array) if array.ndim else 0 for array in (part.images, part.labels))
    if num_images != num_labels:
        found = f"{num_images:,} in {part.images_name}, {num_labels:,} in {part.labels_name}"
        raise DataError("different numbers of images and labels", found=found, expected="one label an image")
    if num_images == 0:
        raise DataError("no images", found=f"shape {part.images.shape}", where=part.images_name)


def _check_same_shape(parts: Sequence[Part], arrays: Sequence[np.ndarray]) -> None:
    expected = arrays[0].shape[1:]
    for part, images in zip(parts[1:], arrays[1:], strict=True):
        if images.shape[1:] != expected:
            where = f"{part.images_name}: beside {parts[0].images_name}"
            raise DataError("images of another shape", found=images.shape[1:], expected=expected, where=where)
