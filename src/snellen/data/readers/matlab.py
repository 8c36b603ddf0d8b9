"""MATLAB files: those in SVHN's layout, `X` (height, width, channels, N) and `y` (N, 1), and those with other names.

Format: http://ufldl.stanford.edu/housenumbers, "Format 2: cropped digits". A file, or a folder with train_32x32.mat and
test_32x32.mat; extra_32x32.mat is read if its path is given, or with `keys: {extra: train}`. Only in these files of
SVHN is label 10 the digit 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.array_names import KEYS
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.guarded import opened
from snellen.data.readers.matlab_arrays import is_mat, is_version_5, opened_variables, read_named
from snellen.data.readers.reader import Options, Reader, opening
from snellen.errors import DataError, unknown

TRAINING, EXTRA, TEST = "train_32x32.mat", "extra_32x32.mat", "test_32x32.mat"
IMAGES, LABELS = "X", "y"
SVHN_SHAPE, SVHN_LABELS = (32, 32, 3), range(1, 11)
DIGITS, SPELLED = tuple("0123456789"), ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ZERO_IS_TEN = "Label 10 is the digit 0, as in the published SVHN, whose files have these names, images and labels."
MAYBE_ZERO = "If label 10 is the digit 0, as in SVHN, write `class_names: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]`."


def read_mat(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W, C) images and (N, 1) labels of one file, unchanged."""
    with opened("mat", path) as file:
        for name in (IMAGES, LABELS):
            if name not in file.arrays:
                raise DataError("a variable is missing", found=", ".join(file.arrays) or "none", expected=name)
        return file.read(IMAGES), file.read(LABELS)


def _recognises(path: Path) -> bool:
    return is_mat(path) or any((path / name).is_file() for name in (TRAINING, TEST))


def _files(path: Path, options: Options) -> list[Path]:
    """The files to read, in order: `path` itself, or those of a folder."""
    if path.is_file() and not options.keys.keys() - {*KEYS}:
        return [path]
    if options.keys and dict(options.keys) != {"extra": "train"}:
        raise unknown("key", next(iter(options.keys)), ["extra"], where="keys: {extra: train}")
    if path.is_file():
        return [path]
    if not (path / TRAINING).is_file():
        raise DataError(f"{TRAINING} is missing", found=TEST, expected="both")
    names = (TRAINING, EXTRA, TEST) if options.keys else (TRAINING, TEST)
    return [path / name for name in names if (path / name).is_file()]


def read_parts(path: Path, options: Options) -> tuple[list[Part], tuple[str, ...]]:
    """The parts of a file or folder, with label 10 of SVHN as 0, and a remark on that."""
    if path.is_file() and (options.keys.keys() & {*KEYS} or not _has_layout_of_svhn(path)):
        return read_named(path, options.keys)
    parts = []
    for file in _files(path, options):
        images, labels = read_mat(file)
        role: PartRole = "test" if path.is_dir() and file.name == TEST else "train"
        parts.append(Part(images, labels, f"{file.name}/{IMAGES}", f"{file.name}/{LABELS}", role))
    if not _has_labels_of_svhn(parts):
        return parts, ()
    if not _is_svhn(_files(path, options), parts, options):
        return parts, () if options.class_names else (MAYBE_ZERO,)
    return [replace(part, labels=part.labels % SVHN_LABELS[-1]) for part in parts], (ZERO_IS_TEN,)


def _decode(path: Path, options: Options, name: str) -> Dataset:
    parts, said = read_parts(path, options)
    dataset = assemble(parts, options.class_names, options.pixel_range, name)
    return replace(dataset, remarks=(*dataset.remarks, *said))


def _has_layout_of_svhn(path: Path) -> bool:
    with opened_variables(path) as variables:
        return is_version_5(path) and {IMAGES, LABELS} <= variables.shapes.keys()


def _has_labels_of_svhn(parts: Sequence[Part]) -> bool:
    """Whether the labels of all parts together are 1 to 10."""
    return set(np.unique(np.concatenate([part.labels.ravel() for part in parts])).tolist()) == set(SVHN_LABELS)


def _is_svhn(files: Sequence[Path], parts: Sequence[Part], options: Options) -> bool:
    """Whether files with such labels are those of SVHN: by their names, the shape of their images, and digits as class
    names, if the study gives some."""
    named = {file.name for file in files} <= {TRAINING, EXTRA, TEST}
    shaped = all(part.images.shape[1:] == SVHN_SHAPE for part in parts)
    digits = options.class_names is None or tuple(map(str.lower, options.class_names)) in (DIGITS, SPELLED)
    return named and shaped and digits


READER = Reader(
    version=4,
    looks_for=f"a MATLAB file with {IMAGES} and {LABELS} or other usual names, or a folder with {TRAINING}",
    recognises=_recognises,
    open=opening(_files, _decode),
)
