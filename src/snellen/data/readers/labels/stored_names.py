"""Class names that a file of arrays holds beside its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from snellen.data.readers.arrays import Part
from snellen.data.readers.labels.forms import plain_labels
from snellen.errors import DataError
from snellen.limits import MAX_CLASSES

USUAL = ("class_names", "classnames", "label_names", "labelnames", "target_names", "classes")


def stored_names(
    shapes: Mapping[str, tuple[int, ...]],
    read: Callable[[str], np.ndarray],
    parts: Sequence[Part],
    given: tuple[str, ...] | None,
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The names of the classes, `given` by the study or those of the file, and a remark on whether the latter are used,
    or why not. Labels must be numbers from 0, with one name for each number up to the largest label."""
    name = next((name for name in shapes if name.rpartition("/")[2].lower() in USUAL), None)
    if name is None or given is not None or any(name in (part.images_name, part.labels_name) for part in parts):
        return given, ()
    try:
        names = _names(shapes[name], name, read)
        number = max(_number(part) for part in parts)
        if number != len(names):
            raise DataError(f"{len(names):,} names, but labels from 0 to {number - 1:,}")
    except DataError as error:
        return None, (f"The array {name} is not used for the names of the classes: {error.problem}.",)
    return names, (f"The names of the classes are read from the array {name}.",)


def _names(shape: tuple[int, ...], name: str, read: Callable[[str], np.ndarray]) -> tuple[str, ...]:
    if len([size for size in shape if size != 1]) > 1 or not shape or not 2 <= max(shape) <= MAX_CLASSES:
        raise DataError(f"its shape is {shape}" if shape else "its values cannot be read without pickle")
    texts = plain_labels(read(name), name)[0].reshape(-1)
    if texts.dtype.kind != "U":
        raise DataError("it holds no text")
    names = tuple(text.strip() for text in texts.tolist())
    if not all(names) or len({*names}) < len(names):
        raise DataError("names are empty or given twice")
    return names


def _number(part: Part) -> int:
    """One more than the largest label."""
    labels = plain_labels(part.labels, part.labels_name)[0]
    if labels.dtype.kind not in "biuf" or not labels.size or labels.min() < 0:
        raise DataError("the labels are no numbers from 0")
    return int(labels.max()) + 1
