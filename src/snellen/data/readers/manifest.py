"""A manifest: a CSV or Parquet file that lists pictures, each with its path, label, and maybe its group and role."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TextIO

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.guarded import opened
from snellen.data.readers.labelled_pictures import (
    LabelledFile,
    SourceFolder,
    read_dataset,
    role_of,
    select_rows,
)
from snellen.data.readers.parquet_pictures import holds_pictures
from snellen.data.readers.pixel_table import holds_pixels
from snellen.data.readers.reader import Options, Reader
from snellen.data.streams import open_data, reachable, readable
from snellen.errors import SHOWN_ITEMS, DataError, located, shown, unknown
from snellen.limits import MAX_LISTED_FILES, MAX_MANIFEST_BYTES, MAX_NAME_CHARACTERS

COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class"),
    "group": ("group",),
    "role": ("role",),
}
"""The uses of columns, each with its usual names."""

PARQUET_MAGIC = b"PAR1"
DELIMITERS = ",;\t"
MAX_HEADER_CHARACTERS = 100_000
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length, by use. place: the position of row n in the file, for messages."""

    columns: Mapping[str, Sequence[str]]
    place: Callable[[int], str]


def _read(path: Path, keys: Mapping[str, str]) -> Table:
    """The used columns. Raises DataError naming line or row for what is not a table of text."""
    with located(path.name), readable(), open_data(path, MAX_MANIFEST_BYTES) as file:
        if not _is_parquet(file):
            return _read_csv(file, keys)
    return _read_parquet(path, keys)


def _is_parquet(file: BufferedReader) -> bool:
    return file.peek(4)[:4] == PARQUET_MAGIC


def _read_csv(file: BufferedReader, keys: Mapping[str, str]) -> Table:
    """UTF-8 with a header line, separated by commas, semicolons or tabs, whichever is most frequent in the header."""
    with _as_text(file) as text:
        names, delimiter = _header(text)
        places = {use: names.index(name) for use, name in _columns_by_use(names, keys).items()}
        columns: dict[str, list[str]] = {use: [] for use in places}
        lines = array("q")
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            for row in filter(None, reader):
                line = reader.line_num + 1
                _check_row(row, names, line, len(lines))
                lines.append(line)
                for use, place in places.items():
                    columns[use].append(row[place])
        except csv.Error as error:
            raise DataError(f"not CSV ({error})", where=f"line {reader.line_num + 1}") from error
    return Table(columns, lambda row: f"line {lines[row]}")


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


def _read_parquet(path: Path, keys: Mapping[str, str]) -> Table:
    with readable(), opened("parquet", path) as file:
        chosen = _columns_by_use(list(file.arrays), keys)
        columns = {use: [cell.decode() for cell in file.read(name).tolist()] for use, name in chosen.items()}
    return Table(columns, lambda row: f"row {row}")


def _columns_by_use(names: Sequence[str], keys: Mapping[str, str]) -> dict[str, str]:
    """Use to column: the columns that `keys` name, otherwise those with usual names."""
    chosen = {}
    for use, usual in COLUMNS.items():
        found = [keys[use]] if use in keys else [name for name in names if name.strip().lower() in usual]
        if len(found) > 1:
            raise DataError(f"two columns could be the {use}", found=" and ".join(found), hint="Say which with `keys`.")
        for name in found:
            if name not in names:
                raise unknown("column", name, names, where=f"keys.{use}")
            chosen[use] = name
    missing = [use for use in ("path", "label") if use not in chosen]
    if missing:
        found_all = ", ".join(map(shown, names[:SHOWN_ITEMS]))
        raise DataError(f"no column for the {' and the '.join(missing)}", found=found_all, hint="Name it with `keys`.")
    return chosen


def _list_files(manifest: Path, options: Options) -> list[LabelledFile]:
    """Every row, in order. Raises DataError naming the row of a bad, missing or repeated path, a bad label or role."""
    keys = dict(options.keys)
    for use in keys:
        if use not in COLUMNS:
            raise unknown("column", use, COLUMNS, where="keys")
    if options.group and options.group.column:
        keys["group"] = options.group.column
    table, rows, first = _read(manifest, keys), list[LabelledFile](), dict[str, int]()
    source = SourceFolder(manifest.parent)
    with located(manifest.name), reachable():
        for row, path in enumerate(table.columns["path"]):
            with located(table.place(row)):
                listed = _row(row, path, table.columns, source, options, table.place(row))
                earlier = first.setdefault(listed.id, row)
                if earlier != row:
                    raise DataError(
                        "the same picture twice", found=listed.id, expected=f"only in {table.place(earlier)}"
                    )
                rows.append(listed)
    if not rows:
        raise DataError("no pictures", found="a header only", where=manifest.name)
    return rows


def _row(
    row: int, path: str, columns: Mapping[str, Sequence[str]], source: SourceFolder, options: Options, place: str
) -> LabelledFile:
    for use in columns:
        if len(columns[use][row]) > MAX_NAME_CHARACTERS:
            found = f"{len(columns[use][row]):,} characters"
            raise DataError(f"too long for a {use}", found=found, expected=f"at most {MAX_NAME_CHARACTERS:,}")
    name = _relative_path(path)
    file = source.root / name
    source.check(file)
    if not file.is_file() and options.on_bad_image is None:
        raise DataError("no such file", found=name)
    label = columns["label"][row].strip()
    if not label:
        raise DataError("no label", found=shown(columns["label"][row]))
    role = role_of(columns["role"][row]) if "role" in columns else "train"
    return LabelledFile(file, name, label, role, _group(row, name, columns, role, options), f"{place}: {name}")


def _relative_path(path: str) -> str:
    """The path with forward slashes. Raises DataError unless it is relative, without `..`."""
    pure = PurePosixPath(path.strip().replace("\\", "/"))
    if pure.is_absolute() or PureWindowsPath(path.strip()).drive or ".." in pure.parts:
        raise DataError("the path leaves the folder", found=shown(path), expected="a path below the manifest's folder")
    if not pure.parts or "\0" in path:
        raise DataError("not a path", found=shown(path))
    return pure.as_posix()


def _group(row: int, name: str, columns: Mapping[str, Sequence[str]], role: PartRole, options: Options) -> str | None:
    if options.group and not options.group.column:
        return options.group.of_row(name, role)
    if "group" not in columns:
        return None
    if not columns["group"][row].strip():
        raise DataError(
            "no group", found=shown(columns["group"][row]), hint="Give a picture without relatives a group of its own."
        )
    return columns["group"][row].strip()


def _recognises(path: Path) -> bool:
    """Whether it is a Parquet file, or text whose header has usual names for path and label."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return False
    with located(path.name), readable(), open_data(path) as file:
        if _is_parquet(file):
            return not holds_pictures(path)
        try:
            with _as_text(file) as text:
                names = {name.strip().lower() for name in _header(text)[0]}
        except (UnicodeDecodeError, DataError):
            return False
    lists_paths = bool(names & {*COLUMNS["path"]}) and bool(names & {*COLUMNS["label"]})
    return lists_paths and not holds_pixels(path)


def _files(path: Path, options: Options) -> list[Path]:
    rows, _ = select_rows(_list_files(path, options), options)
    return [path, *(row.file for row in rows if row.file.is_file())]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    return read_dataset(_list_files(path, options), options, name)


READER = Reader(
    version=2,
    looks_for="a CSV or Parquet file with columns `path` and `label`, maybe `group` and `role` (train or test)",
    recognises=_recognises,
    files=_files,
    decode=_decode,
    of_picture_files=True,
)
