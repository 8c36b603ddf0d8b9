"""A manifest: a CSV or Parquet file with a row a picture, its path, its label, and maybe its group and its role."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TextIO

import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.listing import Below, Listed, dataset_of, is_test, keep_classes
from snellen.data.source import Options, Reader
from snellen.data.streams import readable
from snellen.errors import DataError, located, unknown
from snellen.limits import MAX_IMAGES, MAX_MANIFEST_BYTES

COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class"),
    "group": ("group",),
    "role": ("role",),
}
"""What a column may be for, and its usual names."""

PARQUET_MAGIC = b"PAR1"
DELIMITERS = ",;\t"
MAX_HEADER_CHARACTERS = 100_000
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
TEXT = (pl.String, pl.Categorical, pl.Enum)
FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length. place: where row n stands, for people."""

    columns: Mapping[str, Sequence[str]]
    place: Callable[[int], str]


def _read(path: Path) -> Table:
    """Raises DataError naming line or row for what is not a table of text."""
    with located(path.name), readable():
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            expected = f"at most {MAX_MANIFEST_BYTES:,}"
            raise DataError("too large for a manifest", found=f"{path.stat().st_size:,} bytes", expected=expected)
        return _read_parquet(path) if _is_parquet(path) else _read_csv(path)


def _is_parquet(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == PARQUET_MAGIC


def _read_csv(path: Path) -> Table:
    """UTF-8 with a header line, divided by commas, semicolons or tabs, whichever the header has most of."""
    lines: list[int] = []
    rows: list[list[str]] = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        names, delimiter = _header(file)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    _check_width(row, names, reader.line_num + 1)
                    rows.append(row)
                    lines.append(reader.line_num + 1)
        except csv.Error as error:
            raise DataError(f"not CSV ({error})", where=f"line {reader.line_num + 1}") from error
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return Table(dict(zip(names, columns, strict=True)), lambda row: f"line {lines[row]}")


def _header(file: TextIO) -> tuple[list[str], str]:
    """The names of the columns and what divides them. Raises DataError for a name given twice."""
    line = file.readline(MAX_HEADER_CHARACTERS)
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise DataError(f"not CSV ({error})", where="line 1") from error
    twice = sorted(name for name, number in Counter(names).items() if number > 1)
    if twice:
        raise DataError("a column given twice", found=", ".join(map(repr, twice)), where="line 1")
    return names, delimiter


def _check_width(row: Sequence[str], names: Sequence[str], line: int) -> None:
    if len(row) != len(names):
        found, expected = f"{len(row)} values", f"{len(names)} as in the header"
        raise DataError("a line of another width", found=found, expected=expected, where=f"line {line}")


def _read_parquet(path: Path) -> Table:
    try:
        lazy = pl.scan_parquet(path, glob=False)
        num_rows = lazy.select(pl.len()).collect().item()
        if num_rows > MAX_IMAGES:
            raise DataError("too many rows", found=f"{num_rows:,}", expected=f"at most {MAX_IMAGES:,}")
        names = [name for name, kind in lazy.collect_schema().items() if kind in TEXT or kind.is_integer()]
        frame = lazy.select(pl.col(names).cast(pl.String).fill_null("")).collect()
    except FAULTS as error:
        raise DataError(f"not a readable Parquet file ({next(iter(str(error).splitlines()), '')})") from error
    return Table({name: frame[name].to_list() for name in frame.columns}, lambda row: f"row {row}")


def _chosen(table: Table, keys: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """The columns by what they are for: those that `keys` name, and for the rest those with usual names."""
    chosen = {}
    for use, usual in COLUMNS.items():
        names = [keys[use]] if use in keys else [name for name in table.columns if name.strip().lower() in usual]
        if len(names) > 1:
            raise DataError(f"two columns could be the {use}", found=" and ".join(names), hint="Say which with `keys`.")
        for name in names:
            if name not in table.columns:
                raise unknown("column", name, table.columns, where=f"keys.{use}")
            chosen[use] = table.columns[name]
    missing = [use for use in ("path", "label") if use not in chosen]
    if missing:
        found = ", ".join(map(repr, table.columns))
        raise DataError(f"no column for the {' and the '.join(missing)}", found=found, hint="Name it with `keys`.")
    return chosen


def _listed(manifest: Path, options: Options) -> list[Listed]:
    """Every row, in order. Raises DataError naming the row of a bad or missing path, label or role, or a copy."""
    table, keys = _read(manifest), dict(options.keys)
    for use in keys:
        if use not in COLUMNS:
            raise unknown("column", use, COLUMNS, where="keys")
    if options.group and options.group.column:
        keys["group"] = options.group.column
    rows, first = list[Listed](), dict[str, int]()
    below = Below(manifest.parent)
    with located(manifest.name):
        columns = _chosen(table, keys)
        for row, path in enumerate(columns["path"]):
            with located(table.place(row)):
                listed = _row(row, path, columns, below, options, table.place(row))
                twin = first.setdefault(listed.id, row)
                if twin != row:
                    raise DataError("the same picture twice", found=listed.id, expected=f"only in {table.place(twin)}")
                rows.append(listed)
    if not rows:
        raise DataError("no pictures", found="a header only", where=manifest.name)
    return rows


def _row(
    row: int, path: str, columns: Mapping[str, Sequence[str]], below: Below, options: Options, place: str
) -> Listed:
    name = _below(path)
    file = below.root / name
    below.check(file)
    if not file.is_file() and options.on_bad_image is None:
        raise DataError("no such file", found=name)
    label = columns["label"][row].strip()
    if not label:
        raise DataError("no label", found=repr(columns["label"][row]))
    tested = is_test(columns["role"][row]) if "role" in columns else False
    return Listed(file, name, label, tested, _group(row, name, columns, options), f"{place}: {name}")


def _below(path: str) -> str:
    """The path with forward slashes. Raises DataError unless it is relative, without `..`."""
    pure = PurePosixPath(path.strip().replace("\\", "/"))
    if pure.is_absolute() or PureWindowsPath(path.strip()).drive or ".." in pure.parts:
        raise DataError("the path leaves the folder", found=repr(path), expected="a path below the manifest's folder")
    if not pure.parts or "\0" in path:
        raise DataError("not a path", found=repr(path))
    return pure.as_posix()


def _group(row: int, name: str, columns: Mapping[str, Sequence[str]], options: Options) -> str | None:
    if options.group and not options.group.column:
        return options.group.of_path(name)
    if "group" not in columns:
        return None
    if not columns["group"][row].strip():
        raise DataError("no group", found=repr(columns["group"][row]), hint="Give a picture on its own its own group.")
    return columns["group"][row].strip()


def _recognises(path: Path) -> bool:
    """A Parquet file, or text whose header has usual names for the path and the label."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return False
    with located(path.name), readable():
        if _is_parquet(path):
            return True
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                names = {name.strip().lower() for name in _header(file)[0]}
        except (UnicodeDecodeError, DataError):
            return False
    return bool(names & {*COLUMNS["path"]}) and bool(names & {*COLUMNS["label"]})


def _files(path: Path, options: Options) -> list[Path]:
    rows, _ = keep_classes(_listed(path, options), options)
    return [path, *(row.file for row in rows if row.file.is_file())]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    return dataset_of(_listed(path, options), options, name)


READER = Reader(
    version=1,
    looks_for="a CSV or Parquet file with columns `path` and `label`, maybe `group` and `role` (train or test)",
    recognises=_recognises,
    files=_files,
    decode=_decode,
    of_picture_files=True,
)
