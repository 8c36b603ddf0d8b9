"""The used columns of a manifest, as text, from CSV or Parquet."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import TextIO

from snellen.data.readers.csv.lines import MAX_LINE_BYTES, long_cells
from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.image_files.manifest_columns import NEEDED, Columns, choose_columns, names_images
from snellen.data.readers.image_files.one_hot import OneHot
from snellen.data.readers.text_encoding import encoding_of, first_not_utf8
from snellen.data.streams import open_data, readable
from snellen.errors import SHOWN_ITEMS, DataError, located, shown
from snellen.limits import MAX_LISTED_FILES, MAX_MANIFEST_BYTES

PARQUET_MAGIC = b"PAR1"
DELIMITERS = ",;\t|"
MAX_HEADER_CHARACTERS = 100_000


@dataclass(frozen=True)
class Table:
    """Columns of text of equal length, by use. place: returns the position of row n in the file, for messages. chosen:
    the choice of columns."""

    columns: Mapping[str, Sequence[str]]
    place: Callable[[int], str]
    chosen: Columns


def read_table(path: Path, keys: Mapping[str, str], needed: Sequence[str] = NEEDED) -> Table:
    """The used columns, some of which are required. Raises DataError naming line or row if it is not a table of
    text."""
    with located(path.name), readable(), open_data(path, MAX_MANIFEST_BYTES) as file:
        if not is_parquet(file):
            try:
                return _read_csv(file, keys, needed)
            except UnicodeDecodeError as error:
                with open_data(path, MAX_MANIFEST_BYTES) as again:
                    plain = first_not_utf8(again) if encoding_of(again) == "utf-8-sig" else None
                raise plain or DataError(f"cannot be read: {error}") from error
    return _read_parquet(path, keys, needed)


def is_parquet(file: BufferedReader) -> bool:
    """Whether an open file has the first bytes of a Parquet file."""
    return file.peek(4)[:4] == PARQUET_MAGIC


def header_of(file: BufferedReader) -> tuple[list[str], list[str]]:
    """The cells of the first two lines of a CSV file; bytes that are not UTF-8 are escaped. Raises DataError for other
    files."""
    with _as_text(file, "backslashreplace") as text:
        names, delimiter = _header(text)
        second = text.readline(MAX_HEADER_CHARACTERS)
        try:
            return names, next(csv.reader([second], delimiter=delimiter), [])
        except csv.Error as error:
            raise DataError(f"not CSV ({error})", where="line 2") from error


def _read_csv(file: BufferedReader, keys: Mapping[str, str], needed: Sequence[str]) -> Table:
    """Text with a header line, separated by one of DELIMITERS: the most frequent in the header."""
    with _as_text(file) as text, long_cells():
        names, delimiter = _header(text)
        if not keys and any(map(names_images, names)):
            hint = "Put the names of the columns into a line above it: path,label."
            found, expected = shown(delimiter.join(names)), "names of columns"
            raise DataError("no header", found=found, expected=expected, where="line 1", hint=hint)
        reader, lines = csv.reader(text, delimiter=delimiter, strict=True), array("q")
        ended = 1
        try:
            rows = filter(None, reader)
            first = next(rows, [])
            of_first = dict(zip(names, first)) if len(first) == len(names) else {}
            chosen = choose_columns(names, keys, needed, lambda name: of_first.get(name, ""))
            places = {use: names.index(name) for use, name in chosen.names.items()}
            columns: dict[str, list[str]] = {use: [] for use in places}
            marks, one_hot = [names.index(name) for name in chosen.one_hot], OneHot(chosen.one_hot)
            for row in chain([first] if first else [], rows):
                ended = line = reader.line_num + 1
                _check_row(row, names, line, len(lines))
                lines.append(line)
                for use, place in places.items():
                    columns[use].append(row[place])
                if marks:
                    one_hot.add([row[place] for place in marks])
        except csv.Error as error:
            raise _not_csv(error, ended + 1, reader.line_num + 1) from error
    return _with_labels(Table(columns, lambda row: f"line {lines[row]}", chosen), one_hot, needed)


def _with_labels(table: Table, one_hot: OneHot, needed: Sequence[str]) -> Table:
    """The table with the labels of one-hot columns, if it has some. Raises DataError if these are needed and some rows
    have not exactly one 1."""
    if not table.chosen.one_hot:
        return table
    fault = one_hot.fault(table.place)
    if fault is None:
        return replace(table, columns={**table.columns, "label": one_hot.labels})
    if "label" in needed:
        raise fault
    said = f"The columns {', '.join(one_hot.names[:SHOWN_ITEMS])} are not used as labels: {fault.problem}."
    return replace(table, chosen=replace(table.chosen, remarks=(said,)))


def _not_csv(error: csv.Error, first: int, last: int) -> DataError:
    """The error for a row that begins at line `first` and cannot be read to its end."""
    if first >= last:
        return DataError(f"not CSV ({error})", where=f"line {last}")
    hint = "A quotation mark that is not closed makes all that follows one cell: close it, or write it twice."
    found = (
        f"a cell up to line {last}, of at least {MAX_LINE_BYTES:,} characters" if "limit" in str(error) else str(error)
    )
    return DataError("not CSV", found=found, expected="each row in a line", where=f"line {first}", hint=hint)


def _as_text(file: BufferedReader, errors: str = "strict") -> TextIOWrapper:
    return TextIOWrapper(file, encoding=encoding_of(file), newline="", errors=errors)


def _header(file: TextIO) -> tuple[list[str], str]:
    """The names of the columns and the separator. Raises DataError for a name given twice."""
    line = file.readline(MAX_HEADER_CHARACTERS)
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise DataError(f"not CSV ({error})", where="line 1") from error
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice:
        raise DataError("a column given twice", found=", ".join(map(shown, twice[:SHOWN_ITEMS])), where="line 1")
    return names, delimiter


def _check_row(row: Sequence[str], names: Sequence[str], line: int, num_before: int) -> None:
    if len(row) != len(names):
        found, expected = f"{len(row)} values", f"{len(names)} as in the header"
        raise DataError("a line with another number of values", found=found, expected=expected, where=f"line {line}")
    if num_before == MAX_LISTED_FILES:
        raise DataError("too many rows", expected=f"at most {MAX_LISTED_FILES:,}", where=f"line {line}")


def _read_parquet(path: Path, keys: Mapping[str, str], needed: Sequence[str]) -> Table:
    with readable(), opened("parquet", path) as file:
        names = list(file.arrays)
        unlikely = {name for name in names if file.arrays[name].data_type.kind != "S"}
        chosen = choose_columns(names, keys, needed, cache(partial(_first_of, file)), unlikely)
        columns = {use: _texts(file, name, use) for use, name in chosen.names.items()}
        one_hot = OneHot(chosen.one_hot)
        for cells in zip(*map(file.read, chosen.one_hot), strict=True):
            one_hot.add([_as_text_cell(cell.item()) for cell in cells])
    return _with_labels(Table(columns, lambda row: f"row {row}", chosen), one_hot, needed)


def _texts(file: Guarded, name: str, use: str) -> list[str]:
    """The cells of a column. Labels that are numbers keep their decimal point, because removing it needs a remark."""
    cells = file.read(name)
    if use == "label" and cells.dtype.kind == "f":
        return ["" if value != value else repr(value) for value in cells.tolist()]
    return list(map(_as_text_cell, cells.tolist()))


def _as_text_cell(value: object) -> str:
    """A cell as in CSV: empty for NaN, whole numbers without a decimal point."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        return "" if value != value else f"{value:.15g}"
    return {0: "false", 1: "true"}.get(value, "") if isinstance(value, int) else ""


def _first_of(file: Guarded, name: str) -> str:
    return next(iter(map(_as_text_cell, file.read(name)[:1].tolist())), "")
