"""Files of arrays to predict, with labels or without: .npy, .npz, a folder of .npy, HDF5, MATLAB, IDX, pixel CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snellen.data.dataset import PART_ROLES, Excluded, PartRole
from snellen.data.readers import idx, matlab, matlab_arrays, npz
from snellen.data.readers.array_names import KEYS, array_of_roles, arrays_by_usual_name, divided
from snellen.data.readers.arrays import Part
from snellen.data.readers.csv.part_files import is_csv, plain_name
from snellen.data.readers.csv.pixel_table import Expected, holds_pixels, read_pixels
from snellen.data.readers.guarded import opened
from snellen.data.readers.hdf5 import is_hdf5
from snellen.data.readers.labels.forms import plain_labels
from snellen.data.readers.reader import DEFAULT_OPTIONS
from snellen.deploy.batch import Batch, Reading
from snellen.errors import DataError, StudyError, located, unknown
from snellen.models.given_images import as_input
from snellen.models.input_contract import Input

PAIRS: tuple[tuple[str, str, PartRole], ...] = (
    ("images", "labels", "train"),
    ("validation_images", "validation_labels", "validation"),
    ("test_images", "test_labels", "test"),
)
"""The roles of arrays: images, their labels, and the part (train, test) they belong to."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Images as stored in a file, and their labels or None. ids: (N,) text, or None for `name:row`. own: whether these
    ids are from the file."""

    name: str
    images: np.ndarray
    labels: np.ndarray | None
    role: PartRole = "train"
    ids: Sequence[str] | None = None
    own: bool = False


def arrays_of(path: Path) -> Callable[[Path, Input, Reading], list[Rows]] | None:
    """The function that reads the rows at a path; None if it holds no arrays of a known format."""
    return next((read for recognises, read in READ if recognises(path)), None)


def batch_of(parts: Sequence[Rows], place: str, contract: Input, reading: Reading) -> Batch:
    """The images of all parts in the form that the model takes. Raises DataError if they are not images."""
    images, ids = list[np.ndarray](), list[str]()
    for part in parts:
        with located(part.name):
            images.append(as_input(part.images, contract, reading.conversions, reading.options.pixel_range))
        ids += part.ids if part.ids is not None else [f"{part.name}:{row}" for row in range(len(images[-1]))]
    counts = [len(each) for each in images]
    labels, classes = _labels([_texts(part, number, reading) for part, number in zip(parts, counts, strict=True)])
    test, validation = (
        np.repeat([part.role == role for part in parts], counts) if any(part.role == role for part in parts) else None
        for role in ("test", "validation")
    )
    numbered = not all(part.own for part in parts)
    return Batch(ids, np.concatenate(images), labels, classes, test, validation, place, numbered)


def _labels(parts: Sequence[np.ndarray]) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """(N,) int64 codes of all labels, NO_LABEL (-1) where the text is empty, and their names; None without any."""
    names, codes = np.unique(np.concatenate(parts), return_inverse=True)
    if not names.any():
        return None, None
    empty = int(not names[0])  # sorts first
    return codes.astype(np.int64) - empty, tuple(names[empty:].tolist())


def _texts(part: Rows, num_images: int, reading: Reading) -> np.ndarray:
    """(N,) labels as text: empty for a missing label and for NaN."""
    nothing, labels = np.full(num_images, ""), part.labels
    if labels is None:
        return nothing
    try:
        labels, reason = plain_labels(labels, part.name)
    except DataError as error:
        reading.remarks.append(f"The labels of {part.name} are not used: {error.problem}.")
        return nothing
    if labels.size != num_images or labels.dtype.kind not in "biufU":
        found = f"{labels.dtype} of shape {labels.shape}"
        reading.remarks.append(f"The labels of {part.name}, {found}, are not one an image: not used.")
        return nothing
    reading.remarks += [reason] if reason else []
    labels = labels.reshape(-1)
    if labels.dtype.kind == "U":
        return labels
    texts = ["" if label != label else f"{label:.15g}" for label in labels.tolist()]
    return np.array(texts) if texts else nothing


def _by_names(
    names: Sequence[str],
    read: Callable[[str], np.ndarray],
    shown: Callable[[str], str],
    path: Path,
    keys: Mapping[str, str],
) -> list[Rows]:
    """The rows of the arrays that `keys` name, else those with usual names, else of the only array that can be images.
    Raises DataError if it is not clear which array holds the images, UnknownName for keys that do not exist."""
    roles = _named(names, keys) or arrays_by_usual_name(names)
    parts = [
        Rows(shown(roles[images]), read(roles[images]), read(roles[labels]) if labels in roles else None, role)
        for images, labels, role in PAIRS
        if images in roles
    ]
    if keys and not parts:
        raise StudyError("no key names images", found=", ".join(keys), expected="images", where="--key")
    if len(names) == 1:
        return [Rows(path.name, read(names[0]), None)]
    given = roles.get("role") if keys else array_of_roles(names)
    if len(parts) == 1 and given:
        return _divided(parts[0], read(given), shown(given))
    if parts:
        return parts
    possible = [(name, array) for name in names if (array := read(name)).ndim > 2]
    if len(possible) != 1:
        found, expected = ", ".join(names) or "none", "one called images, x or x_test, or one array only"
        hint = "Say which with --key images=NAME."
        raise DataError("cannot tell which array holds the images", found=found, expected=expected, hint=hint)
    return [Rows(shown(possible[0][0]), possible[0][1], None)]


def _named(names: Sequence[str], keys: Mapping[str, str]) -> dict[str, str]:
    """The arrays that `keys` name, by role."""
    for role, name in keys.items():
        if role not in KEYS:
            raise unknown("array", role, KEYS, where="--key")
        if name not in names:
            raise unknown("array", name, names, where=f"--key {role}")
    return dict(keys)


def _divided(whole: Rows, roles: np.ndarray, name: str) -> list[Rows]:
    """The rows divided into parts by an array of part names; all rows as one part if its values are something else."""
    labels = np.full(len(whole.images), "") if whole.labels is None else whole.labels
    try:
        return _rows(divided(Part(whole.images, labels, whole.name, whole.name), roles, name))
    except DataError:
        return [whole]


def _is_numpy(path: Path) -> bool:
    return (path.suffix.lower() in (".npy", ".npz") and path.is_file()) or (
        path.is_dir() and npz.READER.recognises(path)
    )


def _read_numpy(path: Path, contract: Input, reading: Reading) -> list[Rows]:
    lone = npz.read_lone_array(path) if path.is_file() else None
    if lone is not None:
        return [Rows(path.name, lone, None)]
    container = npz.container_of(path)
    return _by_names(list(container.arrays), container.read, container.display_name, path, reading.options.keys)


def _read_hdf5(path: Path, contract: Input, reading: Reading) -> list[Rows]:
    with opened("hdf5", path) as file:
        keys = reading.options.keys
        return _by_names(list(file.arrays), file.read, lambda name: f"{path.name}/{name}", path, keys)


def _is_matlab(path: Path) -> bool:
    return matlab_arrays.is_mat(path) or (path.is_dir() and matlab.READER.recognises(path))


def _read_mat(path: Path, contract: Input, reading: Reading) -> list[Rows]:
    """Reads them as for training; arrays with unknown names, or without labels, are read as they are."""
    keys = reading.options.keys
    try:
        parts, said = matlab.read_parts(path, replace(DEFAULT_OPTIONS, keys=keys))
    except DataError:
        if path.is_dir():
            raise
    else:
        reading.remarks += said
        return _rows(parts)
    with matlab_arrays.opened_variables(path) as variables:
        return _by_names(
            list(variables.shapes),
            lambda name: _rows_first(variables.read(name), contract),
            lambda name: f"{path.name}/{name}",
            path,
            keys,
        )


def _rows_first(array: np.ndarray, contract: Input) -> np.ndarray:
    """An array of a MATLAB file with the images in its first dimension. MATLAB has them in the last; if only the stored
    order has the size of the model, as in files written by SciPy, that order is used."""
    as_written, size = np.moveaxis(array, 0, -1), (contract.height, contract.width)
    other_way = array.shape[1:3] != size and as_written.shape[1:3] == size
    return as_written if other_way else array


def _read_idx(path: Path, contract: Input, reading: Reading) -> list[Rows]:
    reading.expect_no_options("IDX files")
    return _rows(idx.read_parts(path))


def _rows(parts: Sequence[Part]) -> list[Rows]:
    return [Rows(part.images_name, part.images, part.labels, part.role, part.ids()) for part in parts]


def _is_pixel_csv(path: Path) -> bool:
    return is_csv(path) and path.is_file() and holds_pixels(path)


def _read_pixel_csv(path: Path, contract: Input, reading: Reading) -> list[Rows]:
    """One part for each role that the rows name; bad rows become remarks. If neither the file nor the user gives the
    size of the images, it is that of the model."""
    of_model = Expected((contract.height, contract.width), resizes=contract.fit is not None)
    table = read_pixels(path, reading.options, of_model=of_model)
    reading.failed += [Excluded(name, reason) for name, reason in table.bad.items()]
    reading.remarks += table.remarks
    name, number = plain_name(path), len(table.pixels)
    roles = np.full(number, "train") if table.roles is None else table.roles
    return [
        Rows(
            name,
            table.pixels[rows],
            None if table.labels is None else table.labels[rows],
            role,
            table.ids[rows].tolist(),
            table.own_ids,
        )
        for role in PART_ROLES
        if len(rows := np.flatnonzero(roles == role))
    ]


READ: tuple[tuple[Callable[[Path], bool], Callable[[Path, Input, Reading], list[Rows]]], ...] = (
    (_is_numpy, _read_numpy),
    (is_hdf5, _read_hdf5),
    (_is_matlab, _read_mat),
    (idx.READER.recognises, _read_idx),
    (_is_pixel_csv, _read_pixel_csv),
)
