"""Images to predict in Python, in any of the objects that `snellen.as_dataset` reads, with labels or without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import read_content
from snellen.data.readers.csv.pixel_layout import of_other_size
from snellen.data.readers.image_files.by_content import is_image_file
from snellen.data.readers.memory.bunch import is_bunch, rows_of_bunch
from snellen.data.readers.memory.cells import Channels, decodable, is_array, is_tensor, with_channels_last
from snellen.data.readers.memory.columns import (
    cells_of_columns,
    cells_of_hugging_face,
    columns_of_frame,
    is_frame,
    is_hugging_face,
    pixel_places,
)
from snellen.data.readers.memory.items import cells_of_items, image_of_item, is_label, is_torch_dataset
from snellen.data.readers.pixels import CHANNELS
from snellen.data.readers.role_names import role_of
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.image_files import MAX_BATCH, Listed, read_files
from snellen.deploy.images import open_images
from snellen.errors import DataError, shown
from snellen.limits import MAX_IMAGES
from snellen.models.given_images import as_input
from snellen.models.given_scale import Scale
from snellen.models.input_contract import Input

NAME = "pictures"
"""The first part of the ids of images without a path."""

KINDS = (
    "paths, arrays or tensors, images of Pillow, bytes of image files, or lists and generators of these; a torch "
    "or Hugging Face data set; a frame of pandas or polars; or a Dataset"
)


@dataclass(frozen=True, eq=False)
class Cells:
    """Images of one object. cells: an array, or one cell for each image, as `Rows.cells`. pixel_range: None if it is
    not certain."""

    cells: Any
    remarks: tuple[str, ...] = ()
    pixel_range: Scale | None = None


def open_given(
    given: Any,
    contract: Input,
    reading: Reading,
    *,
    classes: Sequence[str] = (),
    channels: Channels | None = None,
    keys: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Batch]:
    """The images of an object, in its order, in the form that a model takes. Files that cannot be read are recorded in
    `reading`.

    classes: those of the model. channels, keys, folder: as for `snellen.as_dataset`. Raises DataError for an object
    without images, and for one that cannot be read as images with certainty.
    """
    if isinstance(given, (str, PathLike, bytes, bytearray, memoryview)) or _is_image(given):
        given = [given]
    if isinstance(given, (list, tuple)) and given and all(isinstance(each, (str, PathLike)) for each in given):
        paths = given if folder is None else [folder / each for each in given]
        yield from _at_paths(paths, contract, reading, classes)
        return
    for found in _cells(given, keys or {}, contract):
        reading.remarks += found.remarks
        yield from _converted(found, contract, reading, channels, folder)


def _at_paths(
    paths: Sequence[str | PathLike[str]], contract: Input, reading: Reading, classes: Sequence[str]
) -> Iterator[Batch]:
    """The images of files and folders, each as often as it is given."""
    files = [Path(path).expanduser() for path in paths if str(path)]
    if len(files) == len(paths) > 1 and all(file.is_file() and is_image_file(file) for file in files):
        yield from _decoded(files, contract, reading)
        return
    for path in paths:
        source = path if isinstance(path, str) else Path(path)
        yield from open_images([source], contract, None, classes=classes, reading=reading)


def _cells(given: Any, keys: Mapping[str, str], contract: Input) -> Iterator[Cells]:
    """The images of an object that is not a path, part by part. Raises DataError for objects of other kinds."""
    if isinstance(given, Dataset):
        yield Cells(given.images, pixel_range=given.pixel_range)
    elif is_frame(given):
        yield _of_table(*columns_of_frame(given, NAME), keys, contract)
    elif is_hugging_face(given) and hasattr(given, "__len__"):
        yield Cells(*cells_of_hugging_face(given, keys, NAME))
    elif is_array(given):
        yield Cells(given)
    elif is_bunch(given):
        rows = rows_of_bunch(given, NAME, "test")
        yield Cells(rows.cells, rows.remarks, rows.pixel_range)
    elif isinstance(given, Mapping):
        yield from _cells_of_mapping(given, keys, contract)
    elif is_torch_dataset(given) and hasattr(given, "__len__") and hasattr(given, "__getitem__"):
        yield Cells(*cells_of_items(given, keys, NAME))
    elif _is_with_labels(given):
        yield from _cells(given[0], keys, contract)
    elif _is_keras(given):
        for pair in given:
            yield from _cells(pair[0], keys, contract)
    elif isinstance(given, Iterable) and _hint(given) is None:
        yield from _cells_of_items(given, keys)
    else:
        given_names = "None" if given is None else f"{type(given).__module__}.{type(given).__name__}"
        raise DataError("not images", found=given_names, expected=KINDS, hint=_hint(given))


def _cells_of_mapping(given: Mapping[Any, Any], keys: Mapping[str, str], contract: Input) -> Iterator[Cells]:
    """The images of a dict of parts, of one image with its bytes or path, or of columns."""
    if not given:
        raise _no_images(given)
    if all(role_of(str(key)) for key in given):
        for part in given.values():
            yield from _cells(part, keys, contract)
    elif isinstance(given.get("bytes"), bytes) or isinstance(given.get("path"), str):
        yield Cells([given])
    else:
        names = {str(name): name for name in given}
        yield _of_table(list(names), lambda name: given[names[name]], keys, contract)


def _of_table(
    names: Sequence[str], column: Callable[[str], Sequence[Any]], keys: Mapping[str, str], contract: Input
) -> Cells:
    """The images of a table. Columns of pixels whose names do not give the image size are read with that of the model.
    Raises DataError if their number does not fit it."""
    places, size = pixel_places(names, keys), (contract.height, contract.width)
    if places is None or places.shape is not None:
        return Cells(*cells_of_columns(names, column, keys, NAME))
    total, area = len(places.columns), contract.height * contract.width
    if total in (area, 3 * area):
        return Cells(*cells_of_columns(names, column, keys, NAME, size))
    if contract.fit is None:
        hint = "Their number does not determine the image size: give an array, values.reshape(-1, height, width)."
        raise of_other_size(total, size, hint)
    return Cells(*cells_of_columns(names, column, keys, NAME))


def _cells_of_items(given: Iterable[Any], keys: Mapping[str, str]) -> Iterator[Cells]:
    """The images of a list or generator, each with or without a label. Arrays are returned together, because their
    scale is determined from all of them; others some at a time. Raises DataError if there are none, or too many."""
    items = iter(given)
    images = (image_of_item(item, keys, f"{NAME}: item {row}") for row, item in enumerate(items))
    first = list(islice(images, 1))
    if not first:
        raise _no_images(given)
    number, step = 0, MAX_IMAGES + 1 if _holds_values(first[0]) else MAX_BATCH
    left = chain(first, images)
    while some := list(islice(left, step)):
        number += len(some)
        if number > MAX_IMAGES:
            raise DataError("too many images", found=f"{number:,} or more", expected=f"at most {MAX_IMAGES:,}")
        yield Cells(some)


def _converted(
    found: Cells, contract: Input, reading: Reading, channels: Channels | None, folder: Path | None
) -> Iterator[Batch]:
    """Cells as batches in the form that a model takes."""
    cells = found.cells
    tensors = is_tensor(cells) or (isinstance(cells, list) and any(map(is_tensor, cells[:1])))
    made = decodable(cells, NAME, lambda row: f"{NAME}: row {row}", folder)
    if not isinstance(made, np.ndarray):
        yield from _decoded(made, contract, reading)
        return
    if made.ndim == 3 and channels == "first":
        made = made[None] if made.shape[0] in CHANNELS else made[:, None]
    if channels or (tensors and made.ndim == 4 and made.shape[3] in CHANNELS):
        made, _ = with_channels_last(made, channels, tensors, NAME)
    images = as_input(made, contract, reading.conversions, found.pixel_range)
    yield Batch([f"{NAME}:{row}" for row in range(len(images))], images)


def _decoded(cells: Sequence[Any], contract: Input, reading: Reading) -> Iterator[Batch]:
    """Paths, bytes and images of Pillow, decoded in the order given."""
    ids = [str(cell) if isinstance(cell, Path) else f"{NAME}:{row}" for row, cell in enumerate(cells)]

    def content(row: int) -> Any:
        return read_content(cells[row]) if isinstance(cells[row], Path) else cells[row]

    yield from read_files(Listed(content, ids, ""), contract, reading, whole=False)


def _no_images(given: Any) -> DataError:
    return DataError("no images", found=f"an empty {type(given).__name__}", expected="at least one image")


def _is_image(value: Any) -> bool:
    return any(kind.__module__ == "PIL.Image" for kind in type(value).__mro__)


def _holds_values(cell: Any) -> bool:
    return is_array(cell) or isinstance(cell, (list, tuple))


def _is_with_labels(given: Any) -> bool:
    """Whether it is (images, labels): a tuple of two of equal length, the second with numbers or texts."""
    if not isinstance(given, tuple) or len(given) != 2:
        return False
    images, labels = given
    if is_frame(images):
        return hasattr(labels, "__len__") and len(labels) == len(images)
    if not (is_array(images) and images.ndim > 2) and not (isinstance(images, list) and not is_label(images[:1][-1])):
        return False
    listed = isinstance(labels, (list, tuple)) and all(map(is_label, labels))
    return (labels.ndim == 1 if is_array(labels) else listed) and len(labels) == len(images)


def _is_keras(given: Any) -> bool:
    """Whether it is ((x_train, y_train), (x_test, y_test))."""
    return isinstance(given, tuple) and len(given) == 2 and all(map(_is_with_labels, given))


def _hint(given: Any) -> str | None:
    """Advice for objects that hold images in a form that is not supported."""
    module = type(given).__module__.split(".")[0]
    if type(given).__name__ == "DataLoader":
        return "Give the data set of the loader: loader.dataset."
    if module in ("tensorflow", "keras"):
        return "Give arrays: np.concatenate(list(data.as_numpy_iterator()))."
    if is_label(given):
        return f"One value is no image: {shown(given)}."
    return None
