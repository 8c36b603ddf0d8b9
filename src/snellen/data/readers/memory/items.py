"""Data sets that return one (image, label) at a time: torch's map-style datasets, torchvision's, lists of pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.readers.memory.cells import is_array
from snellen.data.readers.memory.columns import columns_by_use, no_column
from snellen.data.readers.memory.rows import Rows
from snellen.errors import DataError, shown
from snellen.limits import MAX_IMAGES

READ_TWICE = 16
"""Number of items that are read a second time. A transform that mirrors half of the items at random is missed once in
65,536 times."""


def is_torch_dataset(value: Any) -> bool:
    """Whether it is a dataset of torch, without importing torch."""
    return any(kind.__module__ == "torch.utils.data.dataset" for kind in type(value).__mro__)


def rows_of_items(data: Any, keys: Mapping[str, str], part: str, role: PartRole) -> Rows:
    """The rows of `data[0]` to `data[len(data) - 1]`, each a (image, label) or a dict of columns.

    Adds a remark if a second reading of some items gives other images. Raises DataError for a stream and other items.
    """
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        expected = "a map-style dataset, with a length and items by number"
        raise DataError("a stream", found=type(data).__name__, expected=expected, where=part)
    if not 0 < len(data) <= MAX_IMAGES:
        raise DataError("no images", found=f"{len(data):,} items", expected=f"1 to {MAX_IMAGES:,}", where=part)
    names = _class_names(data)
    tensors = getattr(data, "tensors", None)
    if isinstance(tensors, tuple) and len(tensors) == 2 and type(data).__name__ == "TensorDataset":
        return Rows(
            tensors[0],
            tensors[1].reshape(-1) if tensors[1].ndim == 2 and tensors[1].shape[1] == 1 else tensors[1],
            part,
            role,
            names,
        )
    cells, labels = zip(*(_pair(data[row], keys, f"{part}: item {row}") for row in range(len(data))), strict=True)
    changed = _changed_item(cells, lambda row: _pair(data[row], keys, f"{part}: item {row}")[0])
    remark = (
        f"{part}: item {changed} is another image when it is read again: its transform draws at random. One draw of "
        "each is used for all epochs; leave random transforms out, and use `augment` of a study instead."
    )
    return Rows(list(cells), list(labels), part, role, names, remarks=() if changed is None else (remark,))


def cells_of_items(data: Any, keys: Mapping[str, str], part: str) -> tuple[Any, tuple[str, ...]]:
    """The images of `data[0]` to `data[len(data) - 1]`, as `Rows.cells`, and a remark on transforms that draw at
    random. Each item is an image, with a label or without, or a dict of columns."""
    if not 0 < len(data) <= MAX_IMAGES:
        raise DataError("no images", found=f"{len(data):,} items", expected=f"1 to {MAX_IMAGES:,}", where=part)
    tensors = getattr(data, "tensors", None)
    if isinstance(tensors, tuple) and type(data).__name__ == "TensorDataset":
        return tensors[0], ()

    def image(row: int) -> Any:
        return image_of_item(data[row], keys, f"{part}: item {row}")

    cells = tuple(map(image, range(len(data))))
    changed = _changed_item(cells, image)
    remark = f"{part}: item {changed} is another image when it is read again: its transform draws at random."
    return list(cells), () if changed is None else (remark,)


def image_of_item(item: Any, keys: Mapping[str, str], where: str) -> Any:
    """The image of an item, which may be an image, or have a label or other columns too."""
    if isinstance(item, Mapping) and not ("bytes" in item or "path" in item):
        names = [str(name) for name in item]
        chosen = columns_by_use(names, keys, ("image",))
        if not chosen:
            raise no_column(["image"], names)
        return item[chosen["image"]]
    if is_labelled(item) or (isinstance(item, tuple) and len(item) == 1):
        return item[0]
    if isinstance(item, tuple) and not is_label(item[0] if item else None):
        expected = "an image, or (image, label)"
        raise DataError("not an image", found=f"{len(item)} values", expected=expected, where=where)
    return item


def is_labelled(item: Any) -> bool:
    """Whether it is a pair (image, label): the second value is a number, a text or None, and the first is not a
    number."""
    if not isinstance(item, (tuple, list)) or len(item) != 2 or isinstance(item[0], (int, float)):
        return False
    return (item[1] is None and isinstance(item, tuple)) or (
        is_label(item[1]) and (isinstance(item, tuple) or not isinstance(item[0], str))
    )


def is_label(value: Any) -> bool:
    """Whether it is a single number or text."""
    return isinstance(value, (int, float, str)) or getattr(value, "shape", None) in ((), (1,))


def _pair(item: Any, keys: Mapping[str, str], where: str) -> tuple[Any, Any]:
    """Image and label of an item."""
    if isinstance(item, Mapping):
        names = [str(name) for name in item]
        chosen = columns_by_use(names, keys, ("image", "label"))
        if len(chosen) < 2:
            raise no_column([use for use in ("image", "label") if use not in chosen], names)
        return item[chosen["image"]], item[chosen["label"]]
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    found = f"{len(item)} values" if isinstance(item, (tuple, list)) else shown(item)
    raise DataError("not an image and its label", found=found, expected="(image, label)", where=where)


def _changed_item(cells: tuple[Any, ...], image: Callable[[int], Any]) -> int | None:
    """The first of some evenly spaced items whose image differs when it is read again."""
    rows = np.unique(np.linspace(0, len(cells) - 1, READ_TWICE).astype(int)).tolist()
    return next((int(row) for row in rows if not _equal(cells[row], image(row))), None)


def _equal(image: Any, other: Any) -> bool:
    if is_array(image) or is_array(other) or hasattr(image, "getdata"):
        first, second = np.asarray(image), np.asarray(other)
        return first.shape == second.shape and bool((first == second).all())
    return bool(image == other)


def _class_names(data: Any) -> tuple[str, ...] | None:
    """The attribute `classes` of torchvision's datasets, also of the data set inside a Subset or a ConcatDataset."""
    classes = getattr(data, "classes", None)
    if isinstance(classes, (list, tuple)) and classes and all(isinstance(name, str) for name in classes):
        return tuple(classes)
    inner = [getattr(data, "dataset", None)] if hasattr(data, "dataset") else list(getattr(data, "datasets", ()))
    names = {_class_names(each) for each in inner if is_torch_dataset(each)}
    return names.pop() if len(names) == 1 else None
