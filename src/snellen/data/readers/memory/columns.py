"""Tables in memory with a column of images and one of labels: frames of pandas and polars, dicts, Hugging Face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isqrt
from typing import Any

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.readers import role_names
from snellen.data.readers.column_names import columns_called, is_called, is_usual
from snellen.data.readers.csv.pixel_layout import apply, find_layout
from snellen.data.readers.csv.pixel_names import Places, find_places
from snellen.data.readers.memory.rows import Rows, divided
from snellen.errors import SHOWN_ITEMS, DataError, shown, unknown

USES = {"image": "path", "label": "label", "role": "role", "group": "group"}
"""The uses of columns, each with the use in `column_names` that has the same names."""

SURE = {"image": slice(2), "role": slice(2)}
"""Names that are certain. Other names for roles count only if a value names a part; other names for images, such as
`id`, only if no columns are pixels."""


def rows_of_columns(
    names: Sequence[str],
    column: Callable[[str], Sequence[Any]],
    keys: Mapping[str, str],
    part: str,
    role: PartRole,
    labels: Sequence[Any] | None = None,
) -> list[Rows]:
    """The rows of a table. column: returns the values of a column. labels: used instead of a column. Columns whose
    names form a series, as in a pixel CSV, are pixels. Raises UnknownName for a column that does not exist, DataError
    if no column, or more than one, has a usual name.
    """
    chosen = columns_by_use(names, keys)
    if labels is None and "label" not in chosen:
        has_images = "image" in chosen or pixel_places(names, keys) is not None
        raise no_column(["label"] if has_images else ["image", "label"], names)
    cells, remarks = cells_of_columns(names, column, keys, part)
    if labels is None and "label" not in keys and not is_usual("label", chosen["label"]):
        remarks = (*remarks, f"{part}: the labels are read from the column `{chosen['label']}`.")
    targets = column(chosen["label"]) if labels is None else labels
    groups = column(chosen["group"]) if "group" in chosen else None
    rows = Rows(cells, targets, part, role, groups=groups, remarks=remarks)
    roles = column(chosen["role"]) if "role" in chosen else _other_roles(names, column)
    return divided(rows, roles, role_names.role_of) if roles is not None else [rows]


def cells_of_columns(
    names: Sequence[str],
    column: Callable[[str], Sequence[Any]],
    keys: Mapping[str, str],
    part: str,
    size: tuple[int, int] | None = None,
) -> tuple[Any, tuple[str, ...]]:
    """The images of a table, as `Rows.cells`, and remarks. size: (height, width) of columns of pixels whose names do
    not give it. Errors as in `rows_of_columns`, except for labels."""
    chosen = columns_by_use(names, keys, ("image",))
    if "image" in chosen:
        return column(chosen["image"]), ()
    places = pixel_places(names, keys)
    if places is None:
        others = columns_called("path", names)
        if len(others) != 1:
            raise no_column(["image"], names)
        return column(others[0]), (f"{part}: the images are read from the column `{others[0]}`.",)
    values = np.stack([np.asarray(column(names[place])) for place in places.columns.tolist()], axis=1)
    return as_images_of(values, places, part, size)


def pixel_places(names: Sequence[str], keys: Mapping[str, str]) -> Places | None:
    """The columns of pixels by their names, as in a pixel CSV. None if there are none, or there is a column of
    images."""
    chosen = columns_by_use(names, keys)
    if "image" in chosen:
        return None
    return find_places({place: name for place, name in enumerate(names) if name not in chosen.values()})


def as_images_of(
    values: np.ndarray, places: Places, part: str, size: tuple[int, int] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N, H, W) or (N, H, W, C) of (N, P) values in the order of `places`, and remarks. Raises DataError if the size of
    the images is not clear."""
    layout, said = find_layout(values, places.shape, places.num_channels, size, None)
    how = f"rows of {values.shape[1]:,} pixels are read as {layout.height}x{layout.width} images, row by row."
    return apply(values, layout), (f"{part}: {said}." if said else f"{part}: {how}",)


def _other_roles(names: Sequence[str], column: Callable[[str], Sequence[Any]]) -> Sequence[Any] | None:
    """The parts of the rows, from the first column with a less usual name in which a value names a part."""
    for name in names:
        if is_called("role", name):
            values = column(name)
            if any(role_names.role_of(str(value)) for value in set(values)):
                return values
    return None


def columns_by_use(names: Sequence[str], keys: Mapping[str, str], uses: Sequence[str] = tuple(USES)) -> dict[str, str]:
    """Use to column: those that `keys` name, otherwise the only ones with usual names."""
    for use in keys:
        if use not in USES:
            raise unknown("use of a column", use, USES, where="keys")
    chosen = {}
    for use in uses:
        found = [keys[use]] if use in keys else columns_called(USES[use], names, SURE.get(use, slice(None)))
        if use in keys and keys[use] not in names:
            raise unknown("column", keys[use], names, where=f"keys.{use}")
        if len(found) > 1:
            hint = f'Say which: keys={{"{use}": "{found[0]}"}}.'
            raise DataError(f"more than one column could be the {use}", found=" and ".join(found), hint=hint)
        if found:
            chosen[use] = found[0]
    return chosen


def no_column(missing: Sequence[str], names: Sequence[str]) -> DataError:
    """The error for a table in which no column has a usual name for these uses."""
    written = ", ".join(f'"{use}": "..."' for use in missing)
    line = ", ".join(f"{use}: ..." for use in missing)
    hint = f"Name it: keys={{{written}}} in Python, `keys: {{{line}}}` under `data` of a study."
    if "label" in missing:
        hint += " Images without labels are for `snellen predict`."
    return DataError(
        f"no column for the {' and the '.join(missing)}",
        found=", ".join(map(shown, names[:SHOWN_ITEMS])),
        hint=hint,
    )


def as_squares(rows: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N, side, side) of (N, side * side) pixels in row-major order, and the remark on that."""
    side = isqrt(rows.shape[1])
    remark = f"{where}: rows of {rows.shape[1]:,} pixels are read as {side}x{side} images, row by row."
    return rows.reshape(-1, side, side), (remark,)


def is_frame(value: Any) -> bool:
    """Whether it is a DataFrame of pandas or polars, without importing either."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] in ("pandas", "polars")
        for kind in type(value).__mro__
    )


def rows_of_frame(
    frame: Any, keys: Mapping[str, str], part: str, role: PartRole, labels: Sequence[Any] | None = None
) -> list[Rows]:
    """The rows of a DataFrame of pandas or polars."""
    names, column = columns_of_frame(frame, part)
    return rows_of_columns(names, column, keys, part, role, labels)


def columns_of_frame(frame: Any, part: str) -> tuple[list[str], Callable[[str], Sequence[Any]]]:
    """The names of the columns of a frame, and a function that returns the values of a column."""
    columns = {str(name): name for name in frame.columns}
    if len(columns) < len(frame.columns):
        raise DataError("a column given twice", found=", ".join(map(str, frame.columns)), where=part)
    return list(columns), lambda name: list(frame[columns[name]])


def keys_by_type(kinds: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """`keys` with the only column of images and the only one of classes, if they are not given.

    kinds: Image, ClassLabel or another type, by column. Raises DataError for several.
    """
    named = dict(keys)
    for use, kind in (("image", "Image"), ("label", "ClassLabel")):
        typed = [name for name, each in kinds.items() if each == kind]
        if use not in named and len(typed) > 1:
            written = f'keys={{"{use}": "{typed[0]}"}} in Python, `keys: {{{use}: {typed[0]}}}` under `data` of a study'
            found = " and ".join(typed[:SHOWN_ITEMS])
            raise DataError(f"more than one column could be the {use}", found=found, hint=f"Say which: {written}.")
        if use not in named and typed:
            named[use] = typed[0]
    return named


def is_hugging_face(value: Any) -> bool:
    """Whether it has the interface of a data set of Hugging Face's `datasets`."""
    return hasattr(value, "features") and hasattr(value, "column_names") and not isinstance(value, Mapping)


def rows_of_hugging_face(
    data: Any, keys: Mapping[str, str], part: str, role: PartRole, labels: Sequence[Any] | None = None
) -> list[Rows]:
    """The rows of a `datasets.Dataset`: its Image and its ClassLabel column, and the names of the classes.

    Images are decoded from their bytes, like image files. A format or transform of the data set is not applied.
    """
    named = keys_by_type(_kinds(data, part), keys)
    column, remarks = columns_of_hugging_face(data, named, part)
    made = rows_of_columns(list(data.column_names), column, named, part, role, labels)
    names = getattr(data.features.get(named.get("label", "label")), "names", None) if labels is None else None
    return [replace(rows, class_names=tuple(names) if names else None, remarks=remarks) for rows in made]


def cells_of_hugging_face(data: Any, keys: Mapping[str, str], part: str) -> tuple[Any, tuple[str, ...]]:
    """The images of a `datasets.Dataset`, as `Rows.cells`, and remarks."""
    images = {name: kind for name, kind in _kinds(data, part).items() if kind == "Image"}
    named = keys_by_type(images, keys)
    column, remarks = columns_of_hugging_face(data, named, part)
    cells, more = cells_of_columns(list(data.column_names), column, named, part)
    return cells, (*remarks, *more)


def columns_of_hugging_face(
    data: Any, named: Mapping[str, str], part: str
) -> tuple[Callable[[str], Sequence[Any]], tuple[str, ...]]:
    """A function that returns the values of a column, with images as bytes or paths, and a remark on a format that is
    not applied."""
    remarks: tuple[str, ...] = ()
    applied = (getattr(data, "format", None) or {}).get("type")
    if applied is not None:
        remarks = (f"{part}: the data set's format or transform ({applied}) is not applied; its own images are read.",)
    plain = data.with_format(None) if applied is not None else data
    image = named.get("image")
    if image and _kind((data.features or {}).get(image)) == "Image" and hasattr(plain, "cast_column"):
        plain = plain.cast_column(image, type(data.features[image])(decode=False))
    return lambda name: list(plain[name]), remarks


def _kinds(data: Any, part: str) -> dict[str, str]:
    """The type of each column. Raises DataError for a stream."""
    if not hasattr(data, "__len__"):
        raise DataError("a stream", found=type(data).__name__, expected="a data set", hint="Load it without streaming.")
    return {name: _kind(feature) for name, feature in (data.features or {}).items()}


def _kind(feature: Any) -> str:
    return str(getattr(feature, "_type", None) or type(feature).__name__)
