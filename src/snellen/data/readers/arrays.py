"""Arrays of pictures and labels as a Dataset: the checks and conversions of every reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset, fingerprint
from snellen.data.readers.labels import encode_labels
from snellen.data.readers.pixels import as_pictures, find_range
from snellen.data.readers.text import check_text
from snellen.errors import DataError


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of the training part or of the official test part, as in their file, and the names of their arrays."""

    images: np.ndarray
    labels: np.ndarray
    images_name: str
    labels_name: str
    official_test: bool = False


def from_arrays(
    images: Any,
    labels: Any,
    *,
    test_images: Any = None,
    test_labels: Any = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    name: str = "arrays",
) -> Dataset:
    """A Dataset of copies of arrays in memory; `test_images` and `test_labels` become its official test part.

    images: (N, H, W) or (N, H, W, C) with C 1, 3 or 4; integers, booleans or floats. Stored as uint8 when that is
    lossless, else as float32: float64 values are rounded, integers beyond 2**24 are refused. labels: (N,) or
    (N, 1), integers counting from 0, or class names. Raises DataError naming the array and the row.
    """
    if (test_images is None) != (test_labels is None):
        raise DataError("test images and test labels belong together", found="one of them", expected="both or neither")
    parts = [Part(_copy(images, "images"), _copy(labels, "labels"), "images", "labels")]
    if test_images is not None:
        names = "test_images", "test_labels"
        parts.append(Part(_copy(test_images, names[0]), _copy(test_labels, names[1]), *names, official_test=True))
    return assemble(parts, class_names, pixel_range, name)


def assemble(
    parts: Sequence[Part], class_names: Sequence[str] | None, pixel_range: tuple[float, float] | None, name: str
) -> Dataset:
    """The Dataset of all parts, in their order. Raises the same errors as `from_arrays`."""
    for part in parts:
        check_text(part.images_name, "a name")
        _check_counts(part)
    pictures = [as_pictures(part.images, part.images_name) for part in parts]
    _check_same_shape(parts, pictures)
    black_white = find_range(pictures, [part.images_name for part in parts], pixel_range)
    labels, classes = encode_labels([(part.labels, part.labels_name) for part in parts], class_names)
    images = pictures[0] if len(parts) == 1 else np.concatenate(pictures)
    marks = [part.official_test for part in parts]
    official_test = np.repeat(marks, [len(part) for part in pictures]) if any(marks) else None
    ids = np.array([f"{part.images_name}:{row}" for part in parts for row in range(len(part.images))])
    content = fingerprint(images, labels, classes, official_test, black_white)
    return Dataset(name, images, labels, classes, ids, official_test, black_white, content)


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
        raise DataError("different numbers of pictures and labels", found=found, expected="one label a picture")
    if num_images == 0:
        raise DataError("no pictures", found=f"shape {part.images.shape}", where=part.images_name)


def _check_same_shape(parts: Sequence[Part], pictures: Sequence[np.ndarray]) -> None:
    expected = pictures[0].shape[1:]
    for part, images in zip(parts[1:], pictures[1:], strict=True):
        if images.shape[1:] != expected:
            where = f"{part.images_name}: beside {parts[0].images_name}"
            raise DataError("pictures of another shape", found=images.shape[1:], expected=expected, where=where)
