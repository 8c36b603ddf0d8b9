"""What a study asks of any data set once it is read: some of its classes, another size, grey for colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snellen.data.dataset import Dataset, fingerprint
from snellen.data.grey import as_grey
from snellen.data.readers.reader import Options
from snellen.data.resize import Fit
from snellen.errors import DataError, unknown


def adapt(dataset: Dataset, options: Options) -> Dataset:
    """The data set with `classes`, `fit` and `grey` of the options applied; itself where they ask for nothing new."""
    chosen = dataset if options.classes is None else select(dataset, options.classes)
    sized = chosen if options.fit is None else resized(chosen, options.fit)
    return greyed(sized) if options.grey else sized


def select(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The rows of some classes, which are numbered in the order given. Raises UnknownName, DataError for no rows."""
    if tuple(classes) == dataset.classes:
        return dataset
    for name in classes:
        if name not in dataset.classes:
            raise unknown("class", name, dataset.classes, where="data: classes")
    codes = np.full(len(dataset.classes), -1)
    codes[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))
    rows = np.flatnonzero(codes[dataset.labels] >= 0)
    if not len(rows):
        raise DataError("no pictures of these classes", found=", ".join(classes))
    return _renewed(
        replace(
            dataset,
            images=dataset.images[rows],
            labels=codes[dataset.labels[rows]],
            classes=tuple(classes),
            ids=dataset.ids[rows],
            official_test=None if dataset.official_test is None else dataset.official_test[rows],
            groups=None if dataset.groups is None else dataset.groups[rows],
        )
    )


def resized(dataset: Dataset, fit: Fit) -> Dataset:
    """The data set with pictures of another size. Raises StudyError when they cannot be cropped or padded to it."""
    if dataset.shape[:2] == (fit.height, fit.width):
        return dataset
    return _renewed(replace(dataset, images=fitted(dataset.images, fit, dataset.pixel_range)))


def greyed(dataset: Dataset) -> Dataset:
    """The data set with one channel. Raises DataError for pictures with alpha."""
    if dataset.shape[2] == 1:
        return dataset
    return _renewed(replace(dataset, images=grey_between(dataset.images, dataset.pixel_range)))


def grey_between(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(..., H, W, 1) luma of (..., H, W, C) pictures: uint8 only of black 0 and white 255, so that levels remain."""
    return as_grey(images if pixel_range == (0, 255) or images.shape[-1] == 1 else images.astype(np.float32))


def fitted(images: np.ndarray, fit: Fit, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, height, width, C) of (N, H, W, C) pictures: uint8 stays where that loses nothing but what rounding does."""
    black, white = pixel_range
    keeps_type = (black, white) == (0, 255) if fit.step == "resize" else black in range(256)
    return fit.apply(images if keeps_type else images.astype(np.float32), black)


def _renewed(dataset: Dataset) -> Dataset:
    content = fingerprint(dataset.images, dataset.labels, dataset.classes, dataset.official_test, dataset.pixel_range)
    return replace(dataset, fingerprint=content)
