"""The IDX format of MNIST: a folder with two or four files under their official names, plain or gzipped.

Format: http://yann.lecun.com/exdb/mnist, "file formats": two zero bytes, type 8 (unsigned byte), the number of
dimensions, each dimension as a big-endian uint32, then the bytes in C order.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import IO

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.readers.arrays import TRAIN_TEST, Part, assemble
from snellen.data.readers.gunzip import gunzip
from snellen.data.readers.reader import Options, Reader, opening
from snellen.data.streams import (
    check_dimensions,
    check_expansion,
    check_length,
    file_bytes,
    open_data,
    readable,
    take,
    take_rest,
)
from snellen.errors import DataError, located

STEMS = ("train", "t10k")
IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path, num_dimensions: int) -> np.ndarray:
    """The uint8 array of one IDX file, plain or gzipped (recognised by its first bytes).

    Raises DataError with file name and byte offset for a wrong magic number, wrong dimensions or a wrong length.
    """
    with located(path.name), readable(), open_data(path) as file:
        gzipped = file.peek(2)[:2] == GZIP_MAGIC
        stream = gunzip(file) if gzipped else file
        shape = _read_shape(stream, num_dimensions)
        stored_bytes, header_bytes, num_bytes = file_bytes(file), 4 + 4 * num_dimensions, math.prod(shape)
        if gzipped:
            check_expansion(num_bytes, stored_bytes)
        else:
            check_length(stored_bytes - header_bytes, num_bytes, header_bytes)
        return take_rest(stream, num_bytes, header_bytes).reshape(shape)


def _read_shape(stream: IO[bytes], num_dimensions: int) -> tuple[int, ...]:
    magic, expected = take(stream, 4), bytes([0, 0, 8, num_dimensions])
    if magic != expected:
        raise DataError("wrong magic number", found=f"0x{magic.hex()}", expected=f"0x{expected.hex()}", where="byte 0")
    shape = struct.unpack(f">{num_dimensions}I", take(stream, 4 * num_dimensions, offset=4))
    check_dimensions(shape)
    return shape


def _find(folder: Path, name: str) -> Path | None:
    """The file of an official name: plain before gzipped, `-idx` before `.idx` (some copies have a dot)."""
    spellings = (name, f"{name}.gz", name.replace("-idx", ".idx"), f"{name.replace('-idx', '.idx')}.gz")
    return next((folder / spelling for spelling in spellings if (folder / spelling).is_file()), None)


def _pair(folder: Path, stem: str) -> tuple[Path, Path] | None:
    """Image and label file of one part; None if both are missing. Raises DataError if one is missing."""
    names = IMAGES.format(stem), LABELS.format(stem)
    images, labels = (_find(folder, name) for name in names)
    if images and labels:
        return images, labels
    if images or labels:
        missing, present = names if labels else reversed(names)
        raise DataError(f"{missing} is missing", found=f"{present} only", expected="both")
    return None


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """The files of the training part and, if there is one, of the official test part."""
    training, test = (_pair(folder, stem) for stem in STEMS)
    if training is None:
        raise DataError("no training part", expected=f"{IMAGES.format('train')} or the same with .gz")
    return [training, test] if test else [training]


def _plain(path: Path) -> str:
    return path.name.removesuffix(".gz")


def _recognises(path: Path) -> bool:
    return path.is_dir() and any(_find(path, name.format(stem)) for stem in STEMS for name in (IMAGES, LABELS))


def _files(path: Path, options: Options) -> list[Path]:
    return [file for pair in _pairs(path) for file in pair]


def read_parts(path: Path) -> list[Part]:
    """The training part and, if there is one, the official test part, as in their files."""
    return [
        Part(read_idx(images, 3), read_idx(labels, 1), _plain(images), _plain(labels), role)
        for role, (images, labels) in zip(TRAIN_TEST, _pairs(path), strict=False)
    ]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    return assemble(read_parts(path), options.class_names, options.pixel_range, name)


READER = Reader(
    version=2,
    looks_for=f"a folder with {IMAGES.format('train')} and {LABELS.format('train')}, plain or .gz",
    recognises=_recognises,
    open=opening(_files, _decode),
)
