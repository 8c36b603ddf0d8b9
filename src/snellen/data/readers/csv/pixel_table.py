"""The rows of one pixel CSV as images, with ids, labels and parts if it has them; also for prediction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from snellen.data.decoding.decoder import is_image
from snellen.data.readers.column_names import CERTAIN_LABELS, plain
from snellen.data.readers.csv.columns import Columns, find_columns
from snellen.data.readers.csv.lines import Lines, is_number, opened
from snellen.data.readers.csv.part_files import plain_name
from snellen.data.readers.csv.pixel_layout import apply, find_layout, hint_of_sizes, of_other_size, plausible
from snellen.data.readers.csv.pixel_text import MIN_PIXELS, is_pixel_text
from snellen.data.readers.csv.row_faults import BadRow
from snellen.data.readers.csv.rows import read_rows
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.role_names import role_of
from snellen.data.streams import readable
from snellen.errors import SHOWN_ITEMS, DataError, located, shown

FIRST_LINES = 4
"""A header and three rows."""

MAX_TEXTS = 4
"""The most columns of text beside the pixels: label, id, part, and one more."""


@dataclass(frozen=True, eq=False)
class PixelTable:
    """The rows of a pixel CSV.

    pixels: (N, H, W) or (N, H, W, C) with C 3 or 4, uint8 or float32, as in the file. ids: (N,) text, unique: those of
    an id column, else file and row, counting from 0. labels: (N,) float64 or text, None without a label column. roles:
    (N,) text, "train", "validation" or "test", None without such a column. remarks: sentences for the user. bad: id to
    reason, for rows that are left out. own_ids: whether the ids are from a column.
    """

    pixels: np.ndarray
    ids: np.ndarray
    labels: np.ndarray | None
    roles: np.ndarray | None
    remarks: tuple[str, ...]
    bad: Mapping[str, str] = field(default_factory=dict)
    own_ids: bool = False


@dataclass(frozen=True)
class Expected:
    """The images that a model takes. size: (height, width). resizes: whether it was trained on resized images, so that
    images of other sizes are resized too."""

    size: tuple[int, int]
    resizes: bool = False


def read_pixels(
    path: Path, options: Options = DEFAULT_OPTIONS, has_labels: bool | None = None, of_model: Expected | None = None
) -> PixelTable:
    """The rows of one file, plain or gzipped, with labels or without. Raises DataError with row, line and column.

    options: only `keys`, `size`, `channels` and `header` are used. has_labels: False if they are in another file; None
    looks for a column with a usual name, the only one without pixels, or the first or last one with values 0 to K-1.
    of_model: for tables to predict: labels may be missing (NaN or empty text), bad rows are left out, and if neither
    the file nor `options` give the size, it is that of the model. Then DataError is raised if that does not fit.
    """
    name = plain_name(path)
    with located(path.name), readable():
        columns = replace(read_columns(path, options), may_lack=("label",) if of_model else ())
        rows = read_rows(path, columns, lenient=of_model is not None)
        pixels, texts = rows.pixels, rows.texts
        labels, size = as_numbers(texts["label"]) if "label" in texts else None, options.size
        may_have_label = columns.has_label is None and has_labels is None
        if of_model and size is None and columns.shape is None:
            size = _of_model(pixels.shape[1], of_model, may_have_label)
        if may_have_label:
            pixels, labels = _separate(pixels, size)
        layout, said = find_layout(pixels, columns.shape, columns.num_channels, size, options.channels)
        roles, of_roles = (None, None) if "role" not in texts else _roles(texts["role"], columns)
        ids, of_ids = _ids(texts.get("id"), name, rows.numbers)
        remarks = [*columns.remarks, *filter(None, (said, of_ids, of_roles))]
        own_ids = texts.get("id") is ids
        bad = {_id_of(each, name, by_row=not own_ids): str(each.error) for each in rows.bad}
        said_of_all = tuple(f"{name}: {each}" for each in remarks)
        return PixelTable(apply(pixels, layout), ids, labels, roles, said_of_all, bad, own_ids)


def _of_model(total: int, model: Expected, may_have_label: bool) -> tuple[int, int] | None:
    """The size of the model if this number of values fits it; None if they are squares and the model takes images of
    any size. Raises DataError otherwise, because a number of values alone does not determine a size."""
    counts = (total, total - 1) if may_have_label else (total,)
    if any(_are_images(count, model.size) for count in counts):
        return model.size
    if model.resizes and any(_are_images(count, None) for count in counts):
        return None
    hint = hint_of_sizes([each for count in counts for each in plausible(count)])
    raise of_other_size(total, model.size, hint)


def _id_of(bad: BadRow, name: str, by_row: bool) -> str:
    return f"{name}:{bad.row}" if by_row or bad.id is None else bad.id


def read_columns(path: Path, options: Options = DEFAULT_OPTIONS) -> Columns:
    """The columns of a file, from its first lines."""
    with opened(path) as (stream, _):
        lines = Lines(stream)
        return find_columns(lines.cells(FIRST_LINES), lines.form, options.keys, options.header)


def holds_pixels(path: Path) -> bool:
    """Whether a file is a table of pixels, not of paths: it has numbers in nearly all columns, or in one text."""
    with located(path.name), readable(), opened(path) as (stream, _):
        lines = Lines(stream)
        cells, form = lines.cells(2), lines.form
    if not cells:
        return False
    if any(map(is_pixel_text, cells[-1])):
        return True
    if len(cells[-1]) <= MIN_PIXELS and not (
        len(cells[-1]) == MIN_PIXELS and all(is_number(cell, form) for cell in cells[-1])
    ):
        return False
    if len(cells) == 1 and any(plain(cell) in CERTAIN_LABELS for cell in cells[0]):
        return True
    texts = [cell for cell in cells[-1] if cell and not is_number(cell, form)]
    if any(is_image(Path(cell)) for cell in texts) and not any("pix" in name.lower() for name in cells[0]):
        return False
    return len(texts) <= MAX_TEXTS and len(cells[-1]) - len(texts) >= max(MIN_PIXELS, 3 * len(texts))


def as_numbers(labels: np.ndarray) -> np.ndarray:
    """Labels as numbers, with NaN for an empty cell, if all others are numbers; else unchanged."""
    try:
        return np.where(labels == "", "nan", labels).astype(np.float64)
    except ValueError:
        return labels


def _separate(table: np.ndarray, size: tuple[int, ...] | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and labels of columns without names: the label is the first or the last, if the number of columns leaves
    room for one."""
    total = table.shape[1]
    with_label, without = _are_images(total - 1, size), _are_images(total, size)
    places = [place for place in (0, -1) if _are_labels(table[:, place], 0)]
    if len(places) == 1 and _may_be_labels(table, -1 - places[0]):
        places = [0, -1]
    places = places or [place for place in (0, -1) if _are_labels(table[:, place], 1)]
    if with_label == without and len(places) != 1:
        without = True  # the layout raises the error
    elif with_label and not without and len(places) != 1:
        hint = "Say which with `keys: {label: ...}`, its number counting from 0."
        raise DataError("cannot tell the label column", found="no names", expected="first or last", hint=hint)
    elif with_label != without:
        without = without and not with_label
    else:
        without = False
    if without:
        return table, None
    place = places[0]
    return np.ascontiguousarray(table[:, 1:] if place == 0 else table[:, :-1]), table[:, place].astype(np.float64)


def _are_images(num_values: int, size: tuple[int, ...] | None) -> bool:
    """Whether this number of values fits the study's size, or square images of one or three channels."""
    if size is not None:
        area = math.prod(size)
        return num_values == area or (len(size) == 2 and num_values in (3 * area, 4 * area))
    sides = [math.isqrt(max(0, num_values) // channels) ** 2 * channels for channels in (1, 3)]
    return num_values >= MIN_PIXELS and num_values in sides


def _are_labels(column: np.ndarray, first: int) -> bool:
    values = np.unique(column)
    return len(values) > 1 and np.array_equal(values, np.arange(first, first + len(values)))


def _may_be_labels(table: np.ndarray, place: int) -> bool:
    """Whether the first or last column holds no pixels although it does not count from 0: integers that count from 1,
    or exceed all columns in between."""
    column = table[:, place]
    whole = bool((column >= 0).all()) and np.array_equal(column, np.rint(column))
    return whole and (_are_labels(column, 1) or float(column.max()) > float(table[:, 1:-1].max()))


def _ids(texts: np.ndarray | None, name: str, numbers: np.ndarray) -> tuple[np.ndarray, str | None]:
    by_row, num_rows = np.array([f"{name}:{row}" for row in numbers.tolist()]), len(numbers)
    if texts is None:
        return by_row, None
    unique = len(np.unique(texts))
    if unique < num_rows:
        return by_row, f"the id column has {unique:,} values in {num_rows:,} rows: rows keep their numbers as ids"
    return texts, None


def _roles(texts: np.ndarray, columns: Columns) -> tuple[np.ndarray, str]:
    """The part of each row, and a sentence with counts. Raises DataError for a value that is not the name of a part."""
    column = columns.names[columns.role or 0]
    counts = Counter(texts.tolist())
    roles = {value: role_of(value) for value in counts}
    unknown_values = [value for value, role in roles.items() if role is None]
    if unknown_values:
        found = ", ".join(map(shown, sorted(counts)[:SHOWN_ITEMS]))
        hint = "Rename the column if it says something else, or its values."
        expected = "train, validation or test, or the like"
        raise DataError(f"a part that is not known in column {column}", found=found, expected=expected, hint=hint)
    said = ", ".join(f"{value} {count:,} rows ({roles[value]})" for value, count in counts.items())
    return np.array([roles[value] for value in texts.tolist()]), f"column {column}: {said}"
