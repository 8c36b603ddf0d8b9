"""CIFAR-10 and CIFAR-100 as published: a folder of binary batches, or of Python batches, which are never unpickled.

Formats: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html. A binary row is one label byte (CIFAR-100: coarse,
then fine) and 1,024 bytes each of red, green and blue, row by row. A Python batch is a pickled dict of the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.readers.arrays import Part, assemble
from snellen.data.readers.pickled import read_pickled
from snellen.data.readers.reader import Options, Reader, opening
from snellen.data.streams import file_bytes, open_data, readable, take_rest
from snellen.errors import DataError, located, shown, unknown
from snellen.limits import MAX_BATCH_BYTES, MAX_DESCRIPTION_BYTES, MAX_IMAGES

SHAPE = (3, 32, 32)
PIXELS = 3072


@dataclass(frozen=True)
class Labels:
    """One kind of label. place: its column in a binary row, or its key in a Python batch. names_file: the file with the
    class names; names_key: their key, for Python."""

    place: int | str
    names_file: str
    names_key: str = ""


@dataclass(frozen=True)
class Layout:
    """The files of one published folder, and its kinds of labels, the default first."""

    training: tuple[str, ...]
    test: str
    labels: Mapping[str, Labels]


BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
LAYOUTS = {
    "cifar-10-batches-bin": Layout(
        tuple(f"{name}.bin" for name in BATCHES), "test_batch.bin", {"class": Labels(0, "batches.meta.txt")}
    ),
    "cifar-100-binary": Layout(
        ("train.bin",),
        "test.bin",
        {"fine": Labels(1, "fine_label_names.txt"), "coarse": Labels(0, "coarse_label_names.txt")},
    ),
    "cifar-10-batches-py": Layout(BATCHES, "test_batch", {"class": Labels("labels", "batches.meta", "label_names")}),
    "cifar-100-python": Layout(
        ("train",),
        "test",
        {
            "fine": Labels("fine_labels", "meta", "fine_label_names"),
            "coarse": Labels("coarse_labels", "meta", "coarse_label_names"),
        },
    ),
}


def read_binary(path: Path, num_labels: int, column: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 32, 32, 3) uint8 images and (N,) uint8 labels of one binary batch: `column` of its `num_labels`."""
    row_bytes = num_labels + PIXELS
    with located(path.name), readable(), open_data(path) as file:
        size = file_bytes(file)
        if size % row_bytes or size > MAX_IMAGES * row_bytes:
            found, where = f"{size:,} bytes", f"byte {size - size % row_bytes}"
            raise DataError("not whole rows", found=found, expected=f"a multiple of {row_bytes:,}", where=where)
        rows = take_rest(file, size, 0).reshape(-1, row_bytes)
        return _images(rows[:, num_labels:]), rows[:, column].copy()  # a view would keep the whole file in memory


def read_python(path: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, 32, 32, 3) uint8 images and (N,) integer labels of one Python batch. key: that of the labels."""
    with located(path.name), readable(), open_data(path, MAX_BATCH_BYTES) as file:
        batch = read_pickled(file.read(file_bytes(file)))
        pixels = batch.get("data")
        if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
            found = f"shape {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
            raise DataError("not rows of pixels", found=found, expected=f"(N, {PIXELS:,}) uint8", where="data")
        return _images(pixels), _numbers(batch.get(key), key)


def _images(rows: np.ndarray) -> np.ndarray:
    """(N, 32, 32, 3) of (N, 3072) rows of colour planes."""
    return np.ascontiguousarray(rows.reshape(-1, *SHAPE).transpose(0, 2, 3, 1))


def _list(values: Any, key: str, kinds: tuple[type, ...]) -> list[Any]:
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        expected = f"a list of {' or '.join(kind.__name__ for kind in kinds)}"
        raise DataError("not a list of one kind", found=shown(values), expected=expected, where=key)
    return values


def _numbers(values: Any, key: str) -> np.ndarray:
    numbers = _list(values, key, (int,))
    if any(abs(number) > MAX_IMAGES for number in numbers):
        raise DataError("label out of range", found=max(numbers, key=abs), where=key)
    return np.array(numbers, np.int64)


def _find(path: Path) -> tuple[Path, Layout]:
    """The folder with the batches, `path` or a published folder in it, and its layout."""
    found = [
        (folder, layout)
        for name, layout in LAYOUTS.items()
        for folder in (path, path / name)
        if (folder / layout.training[0]).is_file()
    ]
    if len(found) > 1:
        copies = " and ".join(f"{folder.name}/{layout.training[0]}" for folder, layout in found)
        raise DataError("more than one set of batches", found=copies, hint="Give the path of one folder.")
    if not found:
        raise DataError("no batches", expected=" or ".join(layout.training[0] for layout in LAYOUTS.values()))
    return found[0]


def _batches(folder: Path, layout: Layout) -> list[str]:
    """The names of the training batches, all of which must exist, and of the test batch if it exists."""
    for name in layout.training:
        if not (folder / name).is_file():
            raise DataError(f"{name} is missing", expected=", ".join(layout.training))
    return [*layout.training, *([layout.test] if (folder / layout.test).is_file() else [])]


def _chosen_labels(layout: Layout, options: Options) -> Labels:
    """The kind of labels that the study chose, or the default."""
    for key in options.keys:
        if key != "labels":
            raise unknown("key", key, ["labels"], where="keys")
    kind = options.keys.get("labels", next(iter(layout.labels)))
    if kind not in layout.labels:
        raise unknown("kind of label", kind, layout.labels, where="keys.labels")
    return layout.labels[kind]


def _class_names(folder: Path, labels: Labels) -> tuple[str, ...] | None:
    """The published class names, or None if their file is missing."""
    path = folder / labels.names_file
    if not path.is_file():
        return None
    with located(path.name), readable(), open_data(path, MAX_DESCRIPTION_BYTES) as file:
        content = file.read(MAX_DESCRIPTION_BYTES)
        if not labels.names_key:
            return tuple(content.decode("utf-8").split())
        names = _list(read_pickled(content).get(labels.names_key), labels.names_key, (bytes, str))
        return tuple(name if isinstance(name, str) else name.decode("utf-8") for name in names)


def _recognises(path: Path) -> bool:
    return path.is_dir() and any(
        (folder / layout.training[0]).is_file() for name, layout in LAYOUTS.items() for folder in (path, path / name)
    )


def _files(path: Path, options: Options) -> list[Path]:
    folder, layout = _find(path)
    names = folder / _chosen_labels(layout, options).names_file
    return [*(folder / name for name in _batches(folder, layout)), *([names] if names.is_file() else [])]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    folder, layout = _find(path)
    labels, parts = _chosen_labels(layout, options), []
    for batch in _batches(folder, layout):
        if isinstance(labels.place, str):
            images, codes = read_python(folder / batch, labels.place)
        else:
            images, codes = read_binary(folder / batch, len(layout.labels), labels.place)
        parts.append(Part(images, codes, batch, f"{batch} labels", "test" if batch == layout.test else "train"))
    class_names = options.class_names or _class_names(folder, labels)
    return assemble(parts, class_names, options.pixel_range, name)


READER = Reader(
    version=1,
    looks_for="a folder with the batches of CIFAR-10 or CIFAR-100, binary or Python",
    recognises=_recognises,
    open=opening(_files, _decode),
)
