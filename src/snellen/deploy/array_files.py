"""Files of arrays to predict, with labels or without: .npy, .npz, a folder of .npy, HDF5, MATLAB, IDX, pixel CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.readers import idx, matlab, npz
from snellen.data.readers.array_names import arrays_by_usual_name
from snellen.data.readers.guarded import opened
from snellen.data.readers.hdf5 import is_hdf5
from snellen.deploy.batch import NO_LABEL, Batch, Reading
from snellen.errors import DataError, located
from snellen.models.given_pictures import as_input
from snellen.models.input_contract import Input

PAIRS = (("images", "labels", False), ("test_images", "test_labels", True))
"""Roles of arrays: pictures, their labels, and whether they are the official test part."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Pictures as a file has them, with labels or None. ids: (N,) text, or None for `name:row`."""

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    is_test: bool = False
    ids: Sequence[str] | None = None


def arrays_of(path: Path) -> Callable[[Path, Reading], list[Rows]] | None:
    """What reads the rows at a path; None when there are no arrays that this file knows."""
    return next((read for recognises, read in READ if recognises(path)), None)


def batches_of(parts: Sequence[Rows], place: str, contract: Input, reading: Reading) -> Iterator[Batch]:
    """The pictures of each part as the model takes them. Raises DataError when they are no pictures."""
    for part in parts:
        with located(part.name):
            images = as_input(part.images, contract, reading.conversions)
        labels, classes = encoded(part, len(images), reading) or (None, None)
        ids = part.ids if part.ids is not None else [f"{part.name}:{row}" for row in range(len(images))]
        test = np.full(len(images), part.is_test) if any(each.is_test for each in parts) else None
        yield Batch(list(ids), images, labels, classes, test, place)


def encoded(part: Rows, num_images: int, reading: Reading) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """(N,) int64 codes of the labels, NO_LABEL for negative numbers, NaN and empty text, and the names of the codes."""
    if part.labels is None:
        return None
    if part.labels.size != num_images or part.labels.dtype.kind not in "biufUS":
        reading.remarks.append(
            f"The labels of {part.name}, {part.labels.dtype} of shape {part.labels.shape}, are not one a picture: "
            "they were not used."
        )
        return None
    labels = part.labels.reshape(-1)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    if labels.dtype.kind == "U":
        missing = labels == ""
    else:
        missing = ~(labels >= 0)  # NaN too
        labels = np.where(missing, 0, labels)
    names, codes = np.unique(labels[~missing], return_inverse=True)
    found = np.full(num_images, NO_LABEL, np.int64)
    found[~missing] = codes
    return found, tuple(f"{name:g}" if names.dtype.kind == "f" else str(name) for name in names.tolist())


def _by_names(
    names: Sequence[str], read: Callable[[str], np.ndarray], shown: Callable[[str], str], path: Path
) -> list[Rows]:
    """The rows of arrays with usual names, or of the only array that can be pictures.

    Raises DataError when it is not clear which array holds the pictures."""
    roles = arrays_by_usual_name(names)
    parts = [
        Rows(shown(roles[images]), read(roles[images]), read(roles[labels]) if labels in roles else None, is_test)
        for images, labels, is_test in PAIRS
        if images in roles
    ]
    if len(names) == 1:
        return [Rows(path.name, read(names[0]), None)]
    if parts:
        return parts
    possible = [(name, array) for name in names if (array := read(name)).ndim > 2]
    if len(possible) != 1:
        found, expected = ", ".join(names) or "none", "one called images, x or x_test, or one array only"
        raise DataError("cannot tell which array holds the pictures", found=found, expected=expected)
    return [Rows(shown(possible[0][0]), possible[0][1], None)]


def _is_numpy(path: Path) -> bool:
    return (path.suffix.lower() in (".npy", ".npz") and path.is_file()) or (path.is_dir() and any(path.glob("*.npy")))


def _read_numpy(path: Path, reading: Reading) -> list[Rows]:
    lone = npz.read_lone_array(path) if path.is_file() else None
    if lone is not None:
        return [Rows(path.name, lone, None)]
    container = npz.container_of(path)
    return _by_names(list(container.arrays), container.read, container.display_name, path)


def _read_hdf5(path: Path, reading: Reading) -> list[Rows]:
    with opened("hdf5", path) as file:
        return _by_names(list(file.arrays), file.read, lambda name: f"{path.name}/{name}", path)


def _read_mat(path: Path, reading: Reading) -> list[Rows]:
    with opened("mat", path) as file:
        if not {matlab.PICTURES, matlab.LABELS} <= file.arrays.keys():
            return _by_names(list(file.arrays), file.read, lambda name: f"{path.name}/{name}", path)
    images, labels = matlab.read_mat(path)
    return [Rows(f"{path.name}/{matlab.PICTURES}", images, labels)]


def _read_idx(path: Path, reading: Reading) -> list[Rows]:
    parts = idx.read_parts(path)
    return [Rows(part.images_name, part.images, part.labels, part.official_test) for part in parts]


READ: tuple[tuple[Callable[[Path], bool], Callable[[Path, Reading], list[Rows]]], ...] = (
    (_is_numpy, _read_numpy),
    (is_hdf5, _read_hdf5),
    (matlab.is_mat, _read_mat),
    (idx.READER.recognises, _read_idx),
)
