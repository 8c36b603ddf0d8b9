"""Which arrays of a file are the pictures and labels of the training and test part: by `keys`, or by usual names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from snellen.data.readers.arrays import TRAIN_TEST, Part
from snellen.errors import DataError, unknown

ROLES = ("images", "labels", "test_images", "test_labels")
USUAL_NAMES = (ROLES, ("x_train", "y_train", "x_test", "y_test"))


def choose_arrays(names: Iterable[str], keys: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names of the (pictures, labels) arrays of the training part and, where there is one, of the test part.

    names: of all arrays. keys: role to name, from the study; empty for the usual names, in upper or lower case. Raises
    UnknownName for a key or array that does not exist, DataError when arrays are missing or two fit one role.
    """
    for role in keys:
        if role not in ROLES:
            raise unknown("array", role, ROLES, where="keys")
    return _pairs(_named(set(names), keys) if keys else arrays_by_usual_name(names))


def arrays_by_usual_name(names: Iterable[str]) -> dict[str, str]:
    """Role to array, for arrays with usual names. Raises DataError when two fit one role."""
    found: dict[str, str] = {}
    for name in names:
        role = next((ROLES[usual.index(name.lower())] for usual in USUAL_NAMES if name.lower() in usual), None)
        if role in found:
            both = f"{found[role]} and {name}"
            raise DataError(f"two arrays could be the {role}", found=both, hint="Say which with `keys`.")
        if role:
            found[role] = name
    return found


def read_parts(
    pairs: Iterable[tuple[str, str]], read: Callable[[str], np.ndarray], display_name: Callable[[str], str]
) -> list[Part]:
    """The parts of these arrays. display_name: what an array is called in row ids and messages."""
    return [
        Part(read(images), read(labels), display_name(images), display_name(labels), role)
        for role, (images, labels) in zip(TRAIN_TEST, pairs, strict=False)
    ]


def _named(names: set[str], keys: Mapping[str, str]) -> Mapping[str, str]:
    for role, name in keys.items():
        if name not in names:
            raise unknown("array", name, names, where=f"keys.{role}")
    return keys


def _pairs(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """(pictures, labels) of training and test part. Raises DataError for pictures without labels and the reverse."""
    pairs = []
    for images, labels in (ROLES[:2], ROLES[2:]):
        if (images in names) != (labels in names):
            missing = labels if images in names else images
            raise DataError(f"no array for the {missing}", found=", ".join(names.values()), hint="Name it with `keys`.")
        if images in names:
            pairs.append((names[images], names[labels]))
    if "images" not in names:
        expected = "images and labels, or x_train and y_train"
        raise DataError("no arrays for a training part", expected=expected, hint="Name them with `keys`.")
    return pairs
