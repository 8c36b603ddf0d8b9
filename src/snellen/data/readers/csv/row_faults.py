"""Errors in lines of a pixel CSV, by row, line and column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snellen.data.readers.csv.columns import Columns
from snellen.data.readers.csv.lines import WHITE, Form, cells_of, is_number
from snellen.data.readers.csv.pixel_text import numbers_of
from snellen.data.readers.text_encoding import not_utf8
from snellen.errors import DataError, shown

MAX_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Lines of the file. row: number of the first row, counting from 0. numbers: line numbers in the file, counting
    from 1."""

    lines: list[bytes]
    numbers: Sequence[int]
    row: int

    def where(self, index: int) -> str:
        """Where a line is, for messages."""
        return f"row {self.row + index} (line {self.numbers[index]})"


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read. row: its number, from 0. id: the cell of its id column, None without one."""

    row: int
    id: str | None
    error: DataError


def is_finite(cell: str, form: Form) -> bool:
    """Whether a cell is a number that float32 can represent."""
    return is_number(cell, form) and abs(float(cell.replace(",", ".") if form.decimal_comma else cell)) < MAX_FLOAT32


def check_lines(chunk: Chunk, columns: Columns) -> None:
    """Raises DataError for the first line that is not UTF-8, or has another number of cells."""
    for index, line in enumerate(chunk.lines):
        if not line.isascii() and (error := not_utf8(line, chunk.where(index))):
            raise error
        if not _has_width(line, columns):
            raise _of_length(chunk, index, cells_of(line, columns.form), columns)


def first_fault(chunk: Chunk, columns: Columns) -> DataError:
    """The error for the first bad row of a chunk that cannot be parsed."""
    for index, line in enumerate(chunk.lines):
        found = _of_cells(chunk, index, cells_of(line, columns.form), columns)
        if found is not None:
            return found
    return DataError("a table that cannot be read", expected="numbers, and each cell in one line", where=chunk.where(0))


def bad_rows(chunk: Chunk, columns: Columns, num_values: int) -> dict[int, BadRow]:
    """Index in the chunk to the error, for every line that cannot be read. num_values: the number in each text of
    pixels; 0 for the most frequent number."""
    cells = [cells_of(line, columns.form) for line in chunk.lines]
    width, text = len(columns.names), columns.text
    if text is not None and not num_values:
        counts = Counter(len(numbers_of(each[text]).split(" ")) for each in cells if len(each) == width)
        num_values = counts.most_common(1)[0][0] if counts else 0
    found = dict[int, BadRow]()
    for index, each in enumerate(cells):
        error = not_utf8(chunk.lines[index], chunk.where(index))
        if error is None and len(each) != width:
            error = _of_length(chunk, index, each, columns)
        elif error is None:
            error = _of_cells(chunk, index, each, columns)
            if error is None and text is not None:
                error = _of_text(chunk, index, each[text], columns, num_values)
        if error is not None:
            name = each[columns.ids] if columns.ids is not None and columns.ids < len(each) else None
            found[index] = BadRow(chunk.row + index, name or None, error)
    return found


def _has_width(line: bytes, columns: Columns) -> bool:
    width, form = len(columns.names), columns.form
    plain = form.separator != WHITE and line.count(form.mark) == width - 1 and b'"' not in line
    return plain or len(cells_of(line, form)) == width


def _of_length(chunk: Chunk, index: int, cells: Sequence[str], columns: Columns) -> DataError:
    expected = f"{len(columns.names)}"
    return DataError("not the number of columns", found=len(cells), expected=expected, where=chunk.where(index))


def _of_cells(chunk: Chunk, index: int, cells: Sequence[str], columns: Columns) -> DataError | None:
    texts = {place: use for use, place in columns.text_uses().items()}
    if columns.text is not None:
        texts[columns.text] = "pixels"
    pixels = {*columns.pixels.tolist()}
    for place, cell in enumerate(cells):
        where = f"{chunk.where(index)}: column {columns.names[place]}"
        if place in texts and not cell and texts[place] not in columns.may_lack:
            problem = "no part" if texts[place] == "role" else f"no {texts[place]}"
            return DataError(problem, found="nothing", where=where)
        if place in pixels and not is_finite(cell, columns.form):
            return DataError("not a number", found=shown(cell), expected="a pixel", where=where)
    return None


def _of_text(chunk: Chunk, index: int, cell: str, columns: Columns, num_values: int) -> DataError | None:
    values, where = numbers_of(cell).split(" "), f"{chunk.where(index)}: column {columns.names[columns.text or 0]}"
    if len(values) != num_values:
        found, expected = f"{len(values):,} numbers", f"{num_values:,} as in the other rows"
        return DataError("an image with another number of pixels", found=found, expected=expected, where=where)
    bad = next((value for value in values if not is_finite(value, Form())), None)
    if bad is None:
        return None
    return DataError("not a number", found=shown(bad), expected="pixels between spaces", where=where)
