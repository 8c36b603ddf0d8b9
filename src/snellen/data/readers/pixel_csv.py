"""CSV files with a picture in each row, its label and its pixels, as on Kaggle: one file, or a train/test pair.

Pixels are in reading order; colours are interleaved (R, G, B, R, ...). The label may be in any column.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.readers.arrays import TRAIN_TEST, Part, assemble
from snellen.data.readers.csv_columns import (
    LABELS,
    MAX_LINE_BYTES,
    Columns,
    cells_of,
    find_columns,
    first_lines,
    is_number,
)
from snellen.data.readers.gunzip import gunzip
from snellen.data.readers.reader import Options, Reader
from snellen.data.streams import check_expansion, file_bytes, open_data, readable
from snellen.errors import DataError, located, shown, unknown
from snellen.limits import MAX_IMAGES, MAX_LABEL_CHARACTERS, MAX_NAME_CHARACTERS, MAX_SIDE_PIXELS

MIN_PIXELS = 9
"""Pictures of 3x3 pixels: tables with fewer columns hold other data."""

CHUNK_BYTES = 2**21
MAX_TABLE_COLUMNS = 20_000
"""With more columns, lines are parsed one by one: polars needs 2 kB and 30 us for each column, for any number of
rows."""
FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def read_pixel_csv(path: Path, label: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W) or (N, H, W, 3) pixels and (N,) labels of one file, plain or gzipped.

    label: name or number of its column; None looks for a usual name, the only column without a number, or the first or
    last column that holds 0 to K-1. Raises DataError with row and column.
    """
    with located(path.name), readable():
        with _opened(path) as (stream, _):
            columns = find_columns(first_lines(stream, 2), label)
        _shape(len(columns.names) - 1)
        with _opened(path) as (stream, stored_bytes):
            num_rows = _count_rows(stream, stored_bytes, columns)
        with _opened(path) as (stream, _):
            if columns.has_header:
                stream.readline()
            return _separate(*_read(stream, columns, num_rows), columns)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The uncompressed content of a file, and its stored bytes."""
    with open_data(path) as file:
        yield gunzip(file) if path.suffix == ".gz" else file, file_bytes(file)


def _shape(num_pixels: int) -> tuple[int, ...]:
    """(H, W) or (H, W, 3) of square pictures with that many values."""
    for channels in (1, 3):
        side = math.isqrt(max(0, num_pixels) // channels)
        if side * side * channels == num_pixels >= MIN_PIXELS and side <= MAX_SIDE_PIXELS:
            return (side, side) if channels == 1 else (side, side, channels)
    expected = "a square number, or three times one, beside the label"
    raise DataError("not the pixels of square pictures", found=f"{num_pixels:,} pixel columns", expected=expected)


def _chunks(stream: IO[bytes], stored_bytes: int) -> Iterator[tuple[int, bytes, int]]:
    """Whole lines, about CHUNK_BYTES at a time: the number of the first, the lines, how many."""
    line = num_bytes = 0
    while chunk := stream.read(CHUNK_BYTES):
        chunk += stream.readline(MAX_LINE_BYTES)
        num_bytes += len(chunk)
        check_expansion(num_bytes, stored_bytes)
        num_lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        yield line, chunk, num_lines
        line += num_lines
        if line > MAX_IMAGES:
            raise DataError("too many rows", expected=f"at most {MAX_IMAGES:,}", where=f"row {line}")


def _count_rows(stream: IO[bytes], stored_bytes: int, columns: Columns) -> int:
    """Rows to allocate: at most as many as fit into the file when each cell has one digit and a separator."""
    num_lines = num_bytes = 0
    for _, chunk, count in _chunks(stream, stored_bytes):
        num_lines, num_bytes = num_lines + count, num_bytes + len(chunk)
    return min(num_lines - columns.has_header, num_bytes // (2 * len(columns.names)) + 1)


def _read(stream: IO[bytes], columns: Columns, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, pixels) uint8 or float32, and (N,) labels as text, or none when the label column is not known yet."""
    num_pixels = len(columns.names) - (columns.label is not None)
    pixels, texts = np.empty((num_rows, num_pixels), np.uint8), [np.empty(0, object)]
    for row, chunk, num_lines in _chunks(stream, sys.maxsize):
        some, labels = _parse(chunk, columns, row, num_lines)
        if some.dtype != pixels.dtype:
            pixels = pixels.astype(np.float32, copy=False)
        pixels[row : row + num_lines] = some
        texts.append(labels)
    return pixels, np.concatenate(texts)


def _parse(chunk: bytes, columns: Columns, row: int, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of some rows, as `_read` returns them. Rows too short for all their cells are refused before
    polars allocates them."""
    if 2 * len(columns.names) * num_rows > len(chunk) + 1:
        raise _fault(chunk, columns, row)
    if len(columns.names) > MAX_TABLE_COLUMNS:
        return _parse_wide(chunk, columns, row, num_rows)
    for kind in (pl.UInt8, pl.Float32):
        types = [pl.String if place == columns.label else kind for place in range(len(columns.names))]
        schema = {str(place): data_type for place, data_type in enumerate(types)}
        try:
            table = pl.read_csv(io.BytesIO(chunk), has_header=False, schema=schema)
        except FAULTS:
            continue
        if len(table) == num_rows and not any(table.null_count().row(0)):
            labels = [] if columns.label is None else table.drop_in_place(str(columns.label)).to_list()
            return table.to_numpy(order="c"), np.array(labels, object)
    raise _fault(chunk, columns, row)


def _parse_wide(chunk: bytes, columns: Columns, row: int, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """`_parse` for rows of very many cells."""
    pixels = np.empty((num_rows, len(columns.names) - (columns.label is not None)), np.float32)
    labels = []
    for number, line in enumerate(chunk.removesuffix(b"\n").split(b"\n")):
        cells = cells_of(line)
        if len(cells) != len(columns.names) or b"_" in line:
            raise _fault(chunk, columns, row)
        if columns.label is not None:
            labels.append(cells.pop(columns.label))
        try:
            pixels[number] = np.fromiter(map(float, cells), np.float32, len(cells))
        except (ValueError, OverflowError) as error:
            raise _fault(chunk, columns, row) from error
    if not all(labels):
        raise _fault(chunk, columns, row)
    whole = pixels.astype(np.uint8) if pixels.min() >= 0 and pixels.max() <= 255 else pixels
    return whole if np.array_equal(whole, pixels) else pixels, np.array(labels, object)


def _fault(chunk: bytes, columns: Columns, row: int) -> DataError:
    """The error for the first bad row of a chunk that polars could not parse."""
    for number, line in enumerate(chunk.removesuffix(b"\n").split(b"\n"), row):
        cells = cells_of(line)
        if len(cells) != len(columns.names):
            expected = f"{len(columns.names)}"
            return DataError("not the number of columns", found=len(cells), expected=expected, where=f"row {number}")
        for place, cell in enumerate(cells):
            if place == columns.label and not cell:
                return DataError("no label", found="nothing", where=f"row {number}: column {columns.names[place]}")
            if place != columns.label and not is_number(cell):
                where = f"row {number}: column {columns.names[place]}"
                return DataError("not a number", found=shown(cell), expected="a pixel", where=where)
    return DataError("a table that cannot be read", expected="numbers separated by commas", where=f"row {row}")


def _separate(pixels: np.ndarray, texts: np.ndarray, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels of all rows."""
    if not len(pixels):
        raise DataError("no rows", found="an empty file")
    labels = _numbers(texts)
    if columns.label is None:
        place = _label_by_values(pixels)
        labels = pixels[:, place].copy()
        pixels = np.ascontiguousarray(pixels[:, 1:] if place == 0 else pixels[:, :-1])
    return pixels.reshape(-1, *_shape(pixels.shape[1])), labels


def _numbers(labels: np.ndarray) -> np.ndarray:
    """Labels as numbers when all are numbers, else as text, where each takes the memory of the longest."""
    longest = max(map(len, labels), default=0)
    if longest > MAX_NAME_CHARACTERS or longest * len(labels) > MAX_LABEL_CHARACTERS:
        row = next(row for row, label in enumerate(labels) if len(label) == longest)
        found, hint = f"{longest:,} characters", "Give the classes shorter names."
        raise DataError("a label too long", found=found, where=f"row {row}", hint=hint)
    texts = labels.astype(str)
    try:
        return texts.astype(np.float64)
    except ValueError:
        return texts


def _label_by_values(table: np.ndarray) -> int:
    """0 or -1: the first or last column, whichever holds exactly the values 0 to K-1, K at least 2."""
    found = [place for place in (0, -1) if _are_labels(np.unique(table[:, place]))]
    if len(found) != 1:
        hint = "Say which with `keys: {label: ...}`, its number counting from 0."
        raise DataError("cannot tell the label column", found="no header", expected="first or last", hint=hint)
    return found[0]


def _are_labels(values: np.ndarray) -> bool:
    return len(values) > 1 and np.array_equal(values, np.arange(len(values)))


def _pair(path: Path) -> list[Path]:
    """The training file and, where there is one, the test file: `path` itself, or the files of a folder by name."""
    if not path.is_dir():
        return [path]
    found = [_named(path, role) for role in ("train", "test")]
    for role, files in zip(("train", "test"), found):
        if len(files) > 1 or (role == "train" and not files):
            names = ", ".join(file.name for file in files) or "none"
            raise DataError(f"not one {role} file", found=names, expected=f"{role}.csv or NAME_{role}.csv, maybe .gz")
    return [file for files in found for file in files]


def _named(folder: Path, role: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(rf"(.*[_-])?{role}\.csv(\.gz)?", file.name.lower()))


def _recognises(path: Path) -> bool:
    if path.is_dir():
        files = _named(path, "train")
        return bool(files) and _recognises(files[0])
    return bool(re.search(r"\.csv(\.gz)?$", path.name.lower())) and _looks_like_pixels(path)


def _looks_like_pixels(path: Path) -> bool:
    """True when the second line has numbers in all columns except at most one, unlike a table of paths.

    Without a second line: true when the first has a column with a usual name for labels.
    """
    with located(path.name), readable(), _opened(path) as (stream, _):
        lines = first_lines(stream, 2)
    if not lines or len(lines[-1]) <= MIN_PIXELS:
        return False
    if len(lines) == 1 and any(cell.lower() in LABELS for cell in lines[0]):
        return True
    return sum(not is_number(cell) for cell in lines[-1]) <= 1


def _label_key(options: Options) -> str | None:
    for key in options.keys:
        if key != "label":
            raise unknown("key", key, ["label"], where="keys")
    return options.keys.get("label")


def _files(path: Path, options: Options) -> list[Path]:
    return _pair(path)


def _decode(path: Path, options: Options, name: str) -> Dataset:
    label, parts = _label_key(options), []
    for role, file in zip(TRAIN_TEST, _pair(path), strict=False):
        images, labels = read_pixel_csv(file, label)
        plain = file.name.removesuffix(".gz")
        parts.append(Part(images, labels, plain, f"{plain} labels", role))
    return assemble(parts, options.class_names, options.pixel_range, name)


READER = Reader(
    version=2,
    looks_for="a .csv or .csv.gz file with a label and the pixels in each row, or a folder with train.csv and test.csv",
    recognises=_recognises,
    files=_files,
    decode=_decode,
)
