"""Tables in memory with a column of pictures and one of labels: frames of pandas and polars, dicts, Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isqrt
from typing import Any

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.readers import role_names
from snellen.data.readers.memory.rows import Rows, divided
from snellen.errors import SHOWN_ITEMS, DataError, shown, unknown

USES = {
    "image": ("image", "img", "picture", "images", "path", "filepath", "file", "filename", "file_name", "image_path"),
    "label": ("label", "class", "target", "labels", "class_name"),
    "role": ("role", "split"),
    "group": ("group",),
}
"""The uses of columns, each with its usual names."""

PIXEL = re.compile(r"pixel[_ -]?(\d+)(?:[_ -](\d+))?", re.IGNORECASE)


def rows_of_columns(
    names: Sequence[str],
    column: Callable[[str], Sequence[Any]],
    keys: Mapping[str, str],
    part: str,
    role: PartRole,
    labels: Sequence[Any] | None = None,
) -> list[Rows]:
    """The rows of a table. column: the values of a column. labels: instead of a column.

    Columns named pixel0, pixel1 ... that fill a square are its pixels, row by row. Raises UnknownName for a column that
    does not exist, DataError when no column, or more than one, has a usual name.
    """
    chosen = columns_by_use(names, keys)
    pixels = None if "image" in chosen else square_of_pixels(names)
    missing = [use for use in ("image", "label") if use not in chosen]
    missing = [
        use for use in missing if not (use == "image" and pixels) and not (use == "label" and labels is not None)
    ]
    if missing:
        raise no_column(missing, names)
    cells: Any = None
    remarks: tuple[str, ...] = ()
    if pixels:
        cells, remarks = as_squares(np.stack([np.asarray(column(name)) for name in pixels], axis=1), part)
    else:
        cells = column(chosen["image"])
    targets = column(chosen["label"]) if labels is None else labels
    groups = column(chosen["group"]) if "group" in chosen else None
    rows = Rows(cells, targets, part, role, groups=groups, remarks=remarks)
    return divided(rows, column(chosen["role"]), role_names.role_of) if "role" in chosen else [rows]


def columns_by_use(names: Sequence[str], keys: Mapping[str, str], uses: Sequence[str] = tuple(USES)) -> dict[str, str]:
    """Use to column: those that `keys` name, otherwise the only ones with usual names."""
    for use in keys:
        if use not in USES:
            raise unknown("use of a column", use, USES, where="keys")
    chosen = {}
    for use in uses:
        found = [keys[use]] if use in keys else [name for name in names if name.strip().lower() in USES[use]]
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
    return DataError(
        f"no column for the {' and the '.join(missing)}",
        found=", ".join(map(shown, names[:SHOWN_ITEMS])),
        hint=f"Name it: keys={{{written}}}.",
    )


def square_of_pixels(names: Sequence[str]) -> list[str] | None:
    """The columns that hold the pixels of a square picture, by their names, in the order of the pixels; or None.

    pixel0 to pixel783, or from pixel1; or pixel_0_0 to pixel_7_7, row and column.
    """
    matches = {name: match for name in names if (match := PIXEL.fullmatch(name.strip()))}
    numbers = {name: tuple(int(each) for each in match.groups() if each) for name, match in matches.items()}
    order = sorted(matches, key=lambda name: numbers[name])
    side, found = isqrt(len(order)), [numbers[name] for name in order]
    flat = [[(start + place,) for place in range(side * side)] for start in (0, 1)]
    grids = [[(row + start, column + start) for row in range(side) for column in range(side)] for start in (0, 1)]
    return order if side > 1 and found in (*flat, *grids) else None


def as_squares(rows: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N, side, side) of (N, side * side) pixels in the order of rows, and the remark that says so."""
    side = isqrt(rows.shape[1])
    remark = f"{where}: rows of {rows.shape[1]:,} pixels are read as {side}x{side} pictures, row by row."
    return rows.reshape(-1, side, side), (remark,)


def is_frame(value: Any) -> bool:
    """Whether it is a DataFrame of pandas or polars; neither is imported for the answer."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] in ("pandas", "polars")
        for kind in type(value).__mro__
    )


def rows_of_frame(
    frame: Any, keys: Mapping[str, str], part: str, role: PartRole, labels: Sequence[Any] | None = None
) -> list[Rows]:
    """The rows of a DataFrame of pandas or polars."""
    columns = {str(name): name for name in frame.columns}
    if len(columns) < len(frame.columns):
        raise DataError("a column given twice", found=", ".join(map(str, frame.columns)), where=part)
    return rows_of_columns(list(columns), lambda name: list(frame[columns[name]]), keys, part, role, labels)


def keys_by_type(kinds: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """`keys` with the only column of pictures and the only one of classes, where they are not given.

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

    Pictures are decoded from their bytes as picture files are. A format or transform that was set is not applied.
    """
    if not hasattr(data, "__len__"):
        raise DataError("a stream", found=type(data).__name__, expected="a data set", hint="Load it without streaming.")
    kinds = {name: _kind(feature) for name, feature in (data.features or {}).items()}
    named = keys_by_type(kinds, keys)
    remarks: tuple[str, ...] = ()
    applied = (getattr(data, "format", None) or {}).get("type")
    if applied is not None:
        remarks = (
            f"{part}: the data set's format or transform ({applied}) is not applied; its own pictures are read.",
        )
    plain = data.with_format(None) if applied is not None else data
    image = named.get("image")
    if image and kinds.get(image) == "Image" and hasattr(plain, "cast_column"):
        plain = plain.cast_column(image, type(data.features[image])(decode=False))
    made = rows_of_columns(list(data.column_names), lambda name: list(plain[name]), named, part, role, labels)
    names = getattr(data.features.get(named.get("label", "label")), "names", None) if labels is None else None
    return [replace(rows, class_names=tuple(names) if names else None, remarks=remarks) for rows in made]


def _kind(feature: Any) -> str:
    return str(getattr(feature, "_type", None) or type(feature).__name__)
