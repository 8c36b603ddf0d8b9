"""Preprocessing that a study asks for, whatever the reader: some of the classes, another size, grey for colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snellen.data.dataset import Dataset, fingerprint
from snellen.data.grey import as_grey
from snellen.data.readers.reader import Options
from snellen.data.resizing import Resizing
from snellen.errors import DataError, unknown


def preprocess(dataset: Dataset, options: Options) -> Dataset:
    """The data set with the options `classes`, `resizing` and `grey` applied; the same object if nothing changes."""
    if options.classes is not None:
        dataset = select_classes(dataset, options.classes)
    if options.resizing is not None:
        dataset = resize(dataset, options.resizing)
    return to_grey(dataset) if options.grey else dataset


def select_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The rows of some classes, numbered in the order given. Raises UnknownName; DataError if there are no rows."""
    if tuple(classes) == dataset.classes:
        return dataset
    for name in classes:
        if name not in dataset.classes:
            raise unknown("class", name, dataset.classes, where="data: classes")
    codes = np.full(len(dataset.classes), -1)
    codes[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))
    rows = np.flatnonzero(codes[dataset.labels] >= 0)
    if not len(rows):
        raise DataError("no images of these classes", found=", ".join(classes))
    return _with_fingerprint(
        replace(
            dataset,
            images=dataset.images[rows],
            labels=codes[dataset.labels[rows]],
            classes=tuple(classes),
            ids=dataset.ids[rows],
            official_test=_of_rows(dataset.official_test, rows),
            official_validation=_of_rows(dataset.official_validation, rows),
            groups=_of_rows(dataset.groups, rows),
        )
    )


def _of_rows(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def resize(dataset: Dataset, resizing: Resizing) -> Dataset:
    """The data set with images of another size. Raises StudyError if they cannot be cropped or padded to it."""
    if dataset.shape[:2] == (resizing.height, resizing.width):
        return dataset
    return _with_fingerprint(replace(dataset, images=resize_images(dataset.images, resizing, dataset.pixel_range)))


def to_grey(dataset: Dataset) -> Dataset:
    """The data set with one channel. Raises DataError for images with alpha."""
    if dataset.shape[2] == 1:
        return dataset
    return _with_fingerprint(replace(dataset, images=grey_images(dataset.images, dataset.pixel_range)))


def grey_images(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(..., H, W, 1) luma of (..., H, W, C) images: float32, so that no grey level is lost, except for uint8 images
    with black 0 and white 255."""
    return as_grey(images if pixel_range == (0, 255) or images.shape[-1] == 1 else images.astype(np.float32))


def resize_images(images: np.ndarray, resizing: Resizing, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, height, width, C) of (N, H, W, C) images; uint8 becomes float32 if rounding would lose grey levels."""
    black, white = pixel_range
    keeps_type = (black, white) == (0, 255) if resizing.interpolates else black in range(256)
    return resizing.apply(images if keeps_type else images.astype(np.float32), black)


def _with_fingerprint(dataset: Dataset) -> Dataset:
    content = fingerprint(
        dataset.images,
        dataset.labels,
        dataset.classes,
        dataset.official_test,
        dataset.pixel_range,
        dataset.official_validation,
    )
    return replace(dataset, fingerprint=content)
