"""The arrays of a MATLAB file, v5 or v7.3 (HDF5), with any names: which are the images, and which axis counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snellen.data.readers import array_names
from snellen.data.readers.arrays import Part
from snellen.data.readers.guarded import opened
from snellen.data.streams import open_data, readable
from snellen.errors import DataError

VERSION_PLACE, VERSIONS, VERSIONS_HDF5 = 124, (b"\x00\x01IM", b"\x01\x00MI"), (b"\x00\x02IM",)


@dataclass(frozen=True)
class Variables:
    """The numeric arrays of an open file. shapes: arrays with three or more dimensions have their last axis, which
    counts the images in MATLAB, first; rows (1, N) are columns (N, 1). read: returns an array in that form. types: by
    name."""

    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    types: Mapping[str, str]


def is_mat(path: Path) -> bool:
    """True for a MATLAB v5 or v7.3 file, recognised by its header."""
    return _version(path) in (*VERSIONS, *VERSIONS_HDF5)


def is_version_5(path: Path) -> bool:
    """True for a MATLAB v5 file."""
    return _version(path) in VERSIONS


def _version(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with readable(), open_data(path) as file:
        return file.read(VERSION_PLACE + 4)[VERSION_PLACE:]


@contextmanager
def opened_variables(path: Path) -> Iterator[Variables]:
    """The arrays of a file. Raises DataError for one that cannot be read."""
    transposed = _version(path) in VERSIONS_HDF5
    with opened("hdf5" if transposed else "mat", path) as file:
        found = {name: each for name, each in file.arrays.items() if not name.startswith("#")}

        def read(name: str) -> np.ndarray:
            array = file.read(name)
            if transposed:
                array = np.moveaxis(array.T, -1, 0) if array.ndim > 2 else array.T
            return array.T if _is_row(array.shape) else array

        shapes = {name: _shape(each.shape, transposed) for name, each in found.items()}
        yield Variables(shapes, read, {name: str(each.data_type) for name, each in found.items()})


def _shape(shape: tuple[int, ...], transposed: bool) -> tuple[int, ...]:
    if transposed:
        shape = (shape[0], *shape[:0:-1]) if len(shape) > 2 else shape[::-1]
    return shape[::-1] if _is_row(shape) else shape


def _is_row(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] == 1


def read_named(path: Path, keys: Mapping[str, str]) -> tuple[list[Part], tuple[str, ...]]:
    """The parts of a file by the usual names of arrays or by `keys`, and remarks. Raises DataError that lists every
    array if no names fit, and for images whose layout is not certain."""
    with opened_variables(path) as variables:
        try:
            chosen = array_names.choose_arrays(variables.shapes, keys)
        except DataError as error:
            listed = [f"{name} {shape} {variables.types[name]}" for name, shape in variables.shapes.items()]
            error.found = ", ".join(listed) or "no array of numbers (structures and cells are not read)"
            raise
        parts, said = list[Part](), list[str]()
        for part in chosen.read(variables.read, lambda name: f"{path.name}/{name}"):
            images, first = _rows_first(part)
            said += [f"{part.images_name}: its first axis counts the images, as their labels say."] if first else []
            parts.append(replace(part, images=images))
    return parts, (*chosen.remarks, *said)


def _rows_first(part: Part) -> tuple[np.ndarray, bool]:
    """(N, H, W) or (N, H, W, C), and whether the array was written in this order, as by SciPy, according to the number
    of labels."""
    images, number = part.images, len(part.labels)
    if images.ndim == 2:
        rows, count = images.shape
        raise DataError(
            "images as flat rows, whose order of pixels is not known: MATLAB counts columns first, others rows first",
            found=f"{rows:,} rows of {count:,} values",
            expected="height x width x N, or height x width x channels x N",
            where=part.images_name,
            hint="Give them their shape in MATLAB, X = reshape(X', height, width, []), look at one, imshow(X(:,:,1)), "
            "which is upright if the order was right (otherwise X = permute(X, [2 1 3])), and save X and y.",
        )
    if images.ndim not in (3, 4):
        return images, False
    as_written = np.moveaxis(images, 0, -1)
    if len(images) == number == len(as_written):
        hint = "Save more or fewer images, or save them with NumPy as (N, height, width)."
        found = f"{as_written.shape} with {number:,} labels"
        raise DataError("which axis counts the images is not clear", found=found, where=part.images_name, hint=hint)
    return (as_written, True) if len(as_written) == number else (images, False)
