"""The columns of a manifest that are used, as text, from CSV or Parquet."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import TextIO

from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.picture_files.manifest_columns import NEEDED, Columns, choose_columns, names_pictures
from snellen.data.streams import open_data, readable
from snellen.errors import SHOWN_ITEMS, DataError, located, shown
from snellen.limits import MAX_LISTED_FILES, MAX_MANIFEST_BYTES

PARQUET_MAGIC = b"PAR1"
DELIMITERS = ",;\t|"
MAX_HEADER_CHARACTERS = 100_000


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length, by use. place: the position of row n in the file, for messages. chosen: which
    columns they are."""

    columns: Mapping[str, Sequence[str]]
    place: Callable[[int], str]
    chosen: Columns


def read_table(path: Path, keys: Mapping[str, str], needed: Sequence[str] = NEEDED) -> Table:
    """The used columns, of which some are needed. Raises DataError naming line or row for what is no table of text."""
    with located(path.name), readable(), open_data(path, MAX_MANIFEST_BYTES) as file:
        if not is_parquet(file):
            return _read_csv(file, keys, needed)
    return _read_parquet(path, keys, needed)


def is_parquet(file: BufferedReader) -> bool:
    """Whether an open file begins as Parquet does."""
    return file.peek(4)[:4] == PARQUET_MAGIC


def header_of(file: BufferedReader) -> tuple[list[str], list[str]]:
    """The cells of the first two lines of a CSV file. Raises DataError or UnicodeDecodeError for other files."""
    with _as_text(file) as text:
        names, delimiter = _header(text)
        second = text.readline(MAX_HEADER_CHARACTERS)
        try:
            return names, next(csv.reader([second], delimiter=delimiter), [])
        except csv.Error as error:
            raise DataError(f"not CSV ({error})", where="line 2") from error


def _read_csv(file: BufferedReader, keys: Mapping[str, str], needed: Sequence[str]) -> Table:
    """UTF-8 with a header line, separated by one of DELIMITERS: the most frequent in the header."""
    with _as_text(file) as text:
        names, delimiter = _header(text)
        if not keys and any(map(names_pictures, names)):
            hint = "Put the names of the columns into a line above it: path,label."
            found, expected = shown(delimiter.join(names)), "names of columns"
            raise DataError("no header", found=found, expected=expected, where="line 1", hint=hint)
        reader, lines = csv.reader(text, delimiter=delimiter, strict=True), array("q")
        try:
            rows = filter(None, reader)
            first = next(rows, [])
            of_first = dict(zip(names, first)) if len(first) == len(names) else {}
            chosen = choose_columns(names, keys, needed, lambda name: of_first.get(name, ""))
            places = {use: names.index(name) for use, name in chosen.names.items()}
            columns: dict[str, list[str]] = {use: [] for use in places}
            for row in chain([first] if first else [], rows):
                line = reader.line_num + 1
                _check_row(row, names, line, len(lines))
                lines.append(line)
                for use, place in places.items():
                    columns[use].append(row[place])
        except csv.Error as error:
            raise DataError(f"not CSV ({error})", where=f"line {reader.line_num + 1}") from error
    return Table(columns, lambda row: f"line {lines[row]}", chosen)


def _as_text(file: BufferedReader) -> TextIOWrapper:
    return TextIOWrapper(file, encoding="utf-8-sig", newline="")


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
        chosen = choose_columns(list(file.arrays), keys, needed, lambda name: _first_of(file, name))
        columns = {use: [cell.decode() for cell in file.read(name).tolist()] for use, name in chosen.names.items()}
    return Table(columns, lambda row: f"row {row}", chosen)


def _first_of(file: Guarded, name: str) -> str:
    cells = file.read(name)[:1].tolist()
    return cells[0].decode() if cells and isinstance(cells[0], bytes) else ""
