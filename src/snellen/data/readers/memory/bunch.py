"""Bunches of `sklearn.datasets`: digits, Olivetti and LFW faces, and results of `fetch_openml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.readers.csv.pixel_names import find_places
from snellen.data.readers.memory.columns import as_images_of, as_squares
from snellen.data.readers.memory.rows import Rows
from snellen.errors import DataError

MNIST_PIXELS = 784
"""Flat rows of this length are images of 28x28 pixels, as in MNIST and its many successors."""
DIGITS = "Optical recognition of handwritten digits"
DIGITS_RANGE = (0.0, 16.0)
"""The pixel range of scikit-learn's digits, which count the dark pixels of a 4x4 block."""


def is_bunch(value: Any) -> bool:
    """Whether it has the interface of scikit-learn's Bunch with data and targets."""
    return isinstance(value, Mapping) and "target" in value and ("images" in value or "data" in value)


def rows_of_bunch(bunch: Mapping[str, Any], part: str, role: PartRole) -> Rows:
    """The rows of a bunch: its `images`, or the flat rows of `data` if they are certainly square images. Raises
    DataError for other flat rows.
    """
    target = bunch["target"]
    labels = [] if target is None else list(target)
    images: Any = bunch.get("images")
    remarks: tuple[str, ...] = ()
    if images is None:
        images, remarks = _squares(bunch, part)
    is_digits = DIGITS in str(bunch.get("DESCR") or "") and np.shape(images)[1:] == (8, 8) and np.max(images) <= 16
    return Rows(
        np.asarray(images),
        labels,
        part,
        role,
        _class_names(bunch, labels),
        pixel_range=DIGITS_RANGE if is_digits else None,
        remarks=(*remarks, *(["The value of white is 16, as scikit-learn says of its digits."] if is_digits else [])),
    )


def _squares(bunch: Mapping[str, Any], part: str) -> tuple[np.ndarray, tuple[str, ...]]:
    data = bunch["data"]
    values = np.asarray(data.todense()) if hasattr(data, "todense") else np.asarray(data)
    names = [str(name) for name in bunch.get("feature_names") or list(getattr(data, "columns", ()))]
    if values.ndim != 2:
        return values, ()
    places = find_places(dict(enumerate(names))) if len(names) == values.shape[1] else None
    if places is not None and len(places.columns) == len(names) and names[0].lower().startswith("pix"):
        return as_images_of(values[:, places.columns], places, part)
    if values.shape[1] == MNIST_PIXELS:
        return as_squares(values, part)
    raise DataError(
        "rows of numbers that are not known to be images",
        found=f"shape {values.shape}",
        expected="`images`, or columns pixel1, pixel2 ... that fill a square",
        hint="If they are images: snellen.from_arrays(bunch.data.reshape(-1, height, width), bunch.target).",
    )


def _class_names(bunch: Mapping[str, Any], labels: list[Any]) -> tuple[str, ...] | None:
    """`target_names` if they are names for the numbers of the labels; for `fetch_openml` they are names of columns."""
    names = bunch.get("target_names")
    if names is None or not all(isinstance(label, (int, np.integer)) for label in labels):
        return None
    return tuple(str(name) for name in names) if len(names) > max(labels, default=0) else None
