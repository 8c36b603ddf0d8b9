"""HDF5 files with arrays of images and labels, opened in a child process; finds arrays that repeat others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.readers import array_names
from snellen.data.readers.arrays import assemble
from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.labels.stored_names import stored_names
from snellen.data.readers.reader import Options, Reader, opening
from snellen.data.readers.repeated_validation import repeated_validation
from snellen.data.streams import open_data, readable

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_COMPARED = 20
"""Most arrays that are compared with each other; the time grows with the cube, and public files have 6."""


@dataclass(frozen=True)
class Union:
    """An array that holds exactly the rows of two others, so that training on it means training on both."""

    array: str
    parts: tuple[str, str]


def unions(path: Path) -> list[Union]:
    """Every array of `path` whose rows are those of two others together, in any order; public SVHN copies have one.

    Empty for files that are not HDF5, and for more than MAX_COMPARED arrays. Only arrays whose numbers of rows add up
    are compared.
    """
    if not is_hdf5(path):
        return []
    with opened("hdf5", path) as file:
        shapes = {name: declared.shape for name, declared in file.arrays.items() if len(declared.shape) > 1}
        if len(shapes) > MAX_COMPARED:
            return []
        candidates = [
            Union(whole, (one, other))
            for one, other in combinations(shapes, 2)
            for whole in shapes
            if shapes[whole] == (shapes[one][0] + shapes[other][0], *shapes[one][1:])
            and shapes[one][1:] == shapes[other][1:]
        ]
        rows = {name: _rows(file, name) for name in {name for each in candidates for name in (each.array, *each.parts)}}
    return [each for each in candidates if rows[each.array] == rows[each.parts[0]] + rows[each.parts[1]]]


def _rows(file: Guarded, name: str) -> Counter[bytes]:
    return Counter(file.row_digests(name).tolist())


def is_hdf5(path: Path) -> bool:
    """True for an HDF5 file, recognised by its first bytes."""
    if not path.is_file():
        return False
    with readable(), open_data(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def _files(path: Path, options: Options) -> list[Path]:
    return [path]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    with opened("hdf5", path) as file:
        shapes = {array: declared.shape for array, declared in file.arrays.items()}
        chosen = _without_repeats(file, array_names.choose_arrays(shapes, options.keys))
        parts = chosen.read(file.read, lambda array: f"{path.name}/{array}")
        names, said = stored_names(shapes, file.read, parts, options.class_names)
    return assemble(parts, names, options.pixel_range, name, (*chosen.remarks, *said))


def _without_repeats(file: Guarded, chosen: array_names.Chosen) -> array_names.Chosen:
    """The parts without a validation part that repeats others; it may be as large as these, so it is not read."""
    names = {role: images for role, images, _ in chosen.parts}
    kinds = {(file.arrays[name].data_type, file.arrays[name].shape[1:]) for name in names.values()}
    if "validation" not in names or len(kinds) > 1:
        return chosen
    remark = repeated_validation({role: (name, file.row_digests(name)) for role, name in names.items()})
    if remark is None:
        return chosen
    kept = tuple(part for part in chosen.parts if part[0] != "validation")
    return replace(chosen, parts=kept, remarks=(*chosen.remarks, remark))


READER = Reader(
    version=5,
    looks_for="an HDF5 file with X_train and y_train",
    recognises=is_hdf5,
    open=opening(_files, _decode),
)
