"""Objects in memory, such as arrays, frames and lists, as a Dataset: `snellen.as_dataset`, and the data of a Study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from snellen.data.dataset import Dataset
from snellen.data.decoding.channels import Background
from snellen.data.load import read
from snellen.data.preprocessing import preprocess
from snellen.data.readers.memory.bunch import MNIST_PIXELS, is_bunch, rows_of_bunch
from snellen.data.readers.memory.cells import Channels, as_array, is_array
from snellen.data.readers.memory.columns import (
    as_squares,
    is_frame,
    is_hugging_face,
    rows_of_columns,
    rows_of_frame,
    rows_of_hugging_face,
)
from snellen.data.readers.memory.items import is_torch_dataset, rows_of_items
from snellen.data.readers.memory.rows import Rows, divided, to_dataset
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.role_names import role_of
from snellen.data.resizing import Resizing
from snellen.errors import DataError, StudyError, shown

KINDS = (
    "a path or known name; arrays, tensors or a list of paths or images with labels; a torch or Hugging Face "
    "dataset; a scikit-learn bunch; a pandas or polars frame; ((x_train, y_train), (x_test, y_test)); or a dict "
    "of such with the keys train, validation and test"
)
KERAS = ("train", "test")


def as_dataset(
    data: Any,
    labels: Any = None,
    *,
    roles: Any = None,
    channels: Channels | None = None,
    keys: Mapping[str, str] | None = None,
    folder: str | Path | None = None,
    class_names: Sequence[str] | None = None,
    pixel_range: tuple[float, float] | None = None,
    classes: Sequence[str] | None = None,
    resize: int | tuple[int, int] | None = None,
    grey: bool = False,
    background: Background | None = None,
    on_bad_image: Literal["exclude"] | None = None,
    name: str = "data",
) -> Dataset:
    """A Dataset of images in memory or in files; `Dataset.remarks` says how they were read, converted and left out.

    data: a path or known name; (N, H, W) or (N, H, W, C) arrays or tensors with `labels`; a list of paths, of image
    files' bytes or of Pillow's images with `labels`; a torch dataset, list or TensorDataset of (image, label); a data
    set of Hugging Face; a bunch of scikit-learn; a frame of pandas or polars, or a dict of columns; Keras's ((x_train,
    y_train), (x_test, y_test)); or a dict of such with the keys train, validation and test. labels: N integers or
    texts. roles: N names of parts. channels: "first" for (N, C, H, W). keys: the columns of image, label, role and
    group, if they have unusual names. folder: the folder that relative paths start from. resize: height and width in
    pixels, for images of different sizes. The other arguments are those of `data` in a study.

    Raises DataError naming the part and the row, StudyError for options that do not fit.
    """
    sizes = (resize, resize) if isinstance(resize, int) else resize
    options = Options(
        keys=dict(keys or {}),
        class_names=None if class_names is None else tuple(class_names),
        pixel_range=pixel_range,
        classes=None if classes is None else tuple(classes),
        resizing=Resizing(step="resize", height=sizes[0], width=sizes[1]) if sizes else None,
        grey=grey,
        background=background,
        on_bad_image=on_bad_image,
    )
    place = None if folder is None else Path(folder).expanduser()
    return read_object(data, options, labels=labels, roles=roles, channels=channels, folder=place, name=name)


def read_object(
    data: Any,
    options: Options = DEFAULT_OPTIONS,
    *,
    labels: Any = None,
    roles: Any = None,
    channels: Channels | None = None,
    folder: Path | None = None,
    name: str = "data",
) -> Dataset:
    """The same as `as_dataset`, with the options of a study, which may include `channels`."""
    if isinstance(data, (str, Path)) and labels is None:
        return read(data, options)
    for option in ("kind", "size", "header"):
        if (value := getattr(options, option)) is not None:
            raise StudyError(f"`{option}` is for files", found=shown(value), where="data", hint="Remove it.")
    if isinstance(data, Dataset):
        return _preprocessed(data, options)
    keys = dict(options.keys)
    if options.group and options.group.column:
        keys["group"] = options.group.column
    parts = _parts(data, labels, keys)
    if roles is not None:
        if len(parts) > 1:
            found = ", ".join(rows.name for rows in parts)
            raise StudyError("`roles` for data that are in parts already", found=found, hint="Leave `roles` out.")
        parts = divided(parts[0], list(roles), role_of)
    return preprocess(to_dataset(parts, options, channels or options.channels, name, folder), options)


def is_section(data: Mapping[str, Any]) -> bool:
    """Whether a mapping is the `data` section of a study rather than data: it has `source`, or texts only."""
    return "source" in data or all(isinstance(value, str) for value in data.values())


def _preprocessed(dataset: Dataset, options: Options) -> Dataset:
    """Raises StudyError for options of reading, because the data are read already."""
    done = replace(options, classes=None, resizing=None, grey=False)
    if done != DEFAULT_OPTIONS:
        given = [name for name, value in vars(done).items() if value != getattr(DEFAULT_OPTIONS, name)]
        hint = "Give them to snellen.as_dataset or snellen.from_arrays."
        raise StudyError("options of reading for data that are read", found=", ".join(given), where="data", hint=hint)
    return preprocess(dataset, options)


def _parts(data: Any, labels: Sequence[Any] | None, keys: Mapping[str, str]) -> list[Rows]:
    """The rows of all parts of `data`."""
    if isinstance(data, Mapping) and data and all(role_of(str(key)) for key in data) and labels is None:
        _check_parts(data)
        return [rows for key, each in data.items() for rows in _part(each, None, keys, str(key))]
    if _is_keras(data) and labels is None:
        said = "The first pair is the training part and the second the test, as keras.datasets gives them."
        parts = [rows for part, pair in zip(KERAS, data, strict=True) for rows in _part(pair, None, keys, part)]
        return [replace(parts[0], remarks=(*parts[0].remarks, said)), *parts[1:]]
    return _part(data, labels, keys, "train")


def _check_parts(data: Mapping[Any, Any]) -> None:
    roles = [role_of(str(key)) for key in data]
    if len(set(roles)) < len(roles):
        raise DataError("two parts of one role", found=", ".join(map(str, data)), expected="train, validation and test")


def _part(data: Any, labels: Sequence[Any] | None, keys: Mapping[str, str], part: str) -> list[Rows]:
    """The rows of one part, whose role is in its name. Raises DataError for objects of other kinds."""
    role = role_of(part) or "train"
    if is_frame(data):
        return rows_of_frame(data, keys, part, role, labels)
    if is_hugging_face(data):
        return rows_of_hugging_face(data, keys, part, role, labels)
    if labels is None and is_torch_dataset(data):
        return [rows_of_items(data, keys, part, role)]
    if labels is None and is_bunch(data):
        return [rows_of_bunch(data, part, role)]
    if isinstance(data, Mapping) and not any(isinstance(value, Mapping) for value in data.values()):
        names = {str(name): name for name in data}
        return rows_of_columns(list(names), lambda name: data[names[name]], keys, part, role, labels)
    if labels is None and _is_pair(data):
        data, labels = data
    if labels is not None and is_array(data) and data.ndim == 2 and data.shape[1] == MNIST_PIXELS:
        squares, remarks = as_squares(as_array(data, part), part)
        return [Rows(squares, _listed(labels), part, role, remarks=remarks)]
    if labels is not None and (is_array(data) or isinstance(data, (list, tuple))):
        return [Rows(data, _listed(labels), part, role)]
    if labels is None and isinstance(data, list) and data and all(_is_item(item) for item in data):
        return [rows_of_items(data, keys, part, role)]
    raise _not_known(data, part)


def _is_keras(data: Any) -> bool:
    """Whether it is ((x_train, y_train), (x_test, y_test)): a tuple of two pairs, each beginning with an array."""
    return isinstance(data, tuple) and len(data) == 2 and all(_is_pair(each) and is_array(each[0]) for each in data)


def _is_pair(data: Any) -> bool:
    """Whether it is (images, labels), a tuple; a list would hold one (image, label) for each image."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    images, labels = data
    holds_many = is_array(images) or is_frame(images) or isinstance(images, list)
    return holds_many and hasattr(labels, "__len__") and not isinstance(labels, (str, bytes))


def _is_item(item: Any) -> bool:
    return isinstance(item, Mapping) or (isinstance(item, (tuple, list)) and len(item) == 2)


def _listed(labels: Any) -> list[Any]:
    if is_array(labels) and getattr(labels, "ndim", 1) == 2 and labels.shape[1] == 1:
        labels = labels.reshape(-1)
    return list(labels.tolist() if hasattr(labels, "tolist") and is_array(labels) else labels)


def _not_known(data: Any, part: str) -> DataError:
    """Advice for other kinds of objects."""
    module, hint = type(data).__module__.split(".")[0], None
    if type(data).__name__ == "DataLoader":
        hint = "Give the dataset of the loader: loader.dataset."
    elif module in ("tensorflow", "keras"):
        hint = "Give arrays: np.concatenate([x for x, _ in data.as_numpy_iterator()]), and the same of the labels."
    elif isinstance(data, (list, tuple)) and len(data) == 3 and all(map(_is_pair, data)):
        hint = 'Say which is which: {"train": data[0], "validation": data[1], "test": data[2]}.'
    elif is_array(data) or (isinstance(data, (list, tuple)) and data):
        hint = "Images need labels: snellen.as_dataset(images, labels)."
    found = f"{type(data).__module__}.{type(data).__name__}"
    return DataError("not data that can be read", found=found, expected=KINDS, where=part, hint=hint)
