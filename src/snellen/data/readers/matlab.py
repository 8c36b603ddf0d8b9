"""MATLAB v5 files in SVHN's layout: `X` (height, width, channels, N) and `y` (N, 1), where label 10 is digit zero.

Format: http://ufldl.stanford.edu/housenumbers, "Format 2: cropped digits". A file, or a folder with train_32x32.mat and
test_32x32.mat; extra_32x32.mat is read when its path is given, or with `keys: {extra: train}`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.guarded import opened
from snellen.data.readers.reader import Options, Reader
from snellen.data.streams import open_data, readable
from snellen.errors import DataError, located, unknown

TRAINING, EXTRA, TEST = "train_32x32.mat", "extra_32x32.mat", "test_32x32.mat"
VERSION_PLACE, VERSIONS = 124, (b"\x00\x01IM", b"\x01\x00MI")
PICTURES, LABELS = "X", "y"
ZERO = 10


def read_mat(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W, C) pictures and (N, 1) labels of one file, label 10 replaced by 0."""
    with opened("mat", path) as file:
        for name in (PICTURES, LABELS):
            if name not in file.arrays:
                raise DataError("a variable is missing", found=", ".join(file.arrays) or "none", expected=name)
        images, labels = file.read(PICTURES), file.read(LABELS)
    with located(path.name):
        if (labels == ZERO).any() and (labels == 0).any():
            raise DataError("labels from 0 and from 1", found="0 and 10", expected="1 to 10", where=LABELS)
    return images, np.where(labels == ZERO, 0, labels)


def _is_mat(path: Path) -> bool:
    if not path.is_file():
        return False
    with readable(), open_data(path) as file:
        return file.read(VERSION_PLACE + 4)[VERSION_PLACE:] in VERSIONS


def _recognises(path: Path) -> bool:
    return _is_mat(path) or any((path / name).is_file() for name in (TRAINING, TEST))


def _files(path: Path, options: Options) -> list[Path]:
    """The files to read, in order: `path` itself, or those of a folder."""
    if options.keys and dict(options.keys) != {"extra": "train"}:
        raise unknown("key", next(iter(options.keys)), ["extra"], where="keys: {extra: train}")
    if path.is_file():
        return [path]
    if not (path / TRAINING).is_file():
        raise DataError(f"{TRAINING} is missing", found=TEST, expected="both")
    names = (TRAINING, EXTRA, TEST) if options.keys else (TRAINING, TEST)
    return [path / name for name in names if (path / name).is_file()]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    parts = []
    for file in _files(path, options):
        images, labels = read_mat(file)
        role: PartRole = "test" if path.is_dir() and file.name == TEST else "train"
        parts.append(Part(images, labels, f"{file.name}/{PICTURES}", f"{file.name}/{LABELS}", role))
    return assemble(parts, options.class_names, options.pixel_range, name)


READER = Reader(
    version=1,
    looks_for=f"a MATLAB v5 file with {PICTURES} and {LABELS}, or a folder with {TRAINING}",
    recognises=_recognises,
    files=_files,
    decode=_decode,
)
