"""The rows of a pixel CSV as numbers and texts, in chunks of lines; errors name row, line and column of the first bad
cell."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from snellen.data.readers.csv.columns import Columns
from snellen.data.readers.csv.lines import MAX_COLUMNS, WHITE, Form, Lines, cells_of, opened, with_content
from snellen.data.readers.csv.pixel_text import numbers_of
from snellen.data.readers.csv.row_faults import BadRow, Chunk, bad_rows, check_lines, first_fault, is_finite
from snellen.errors import DataError, shown
from snellen.limits import MAX_LABEL_CHARACTERS, MAX_NAME_CHARACTERS

MAX_TABLE_COLUMNS = 20_000
"""With more columns, lines are parsed one by one: polars needs 2 kB and 30 us for each column, for any number of
rows."""
MAX_BAD_ROWS = 10_000
"""A table with more bad rows is refused as a whole."""
FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True, eq=False)
class Rows:
    """pixels: (N, P) uint8 or float32, in the order of the image. texts: use to (N,) text of its column. numbers: (N,)
    int64, numbers of the rows in the file. bad: rows that are left out."""

    pixels: np.ndarray
    texts: dict[str, np.ndarray]
    numbers: np.ndarray
    bad: Sequence[BadRow] = ()


@dataclass(frozen=True, eq=False)
class _Read:
    """The rows of a chunk, as `Rows`, but texts as lists."""

    pixels: np.ndarray
    texts: dict[str, list[str]]
    numbers: np.ndarray
    bad: Sequence[BadRow] = ()


def read_rows(path: Path, columns: Columns, lenient: bool = False) -> Rows:
    """All rows of a file, plain or gzipped. lenient: whether bad rows are left out, unless all are bad.

    Raises DataError with row, line and column.
    """
    with opened(path) as (stream, stored_bytes):
        num_lines = num_bytes = 0
        for _, chunk, count in Lines(stream).chunks(stored_bytes, columns.has_header):
            num_lines, num_bytes = num_lines + count, num_bytes + len(chunk)
    texts: dict[str, list[list[str]]] = {use: [] for use in columns.text_uses()}
    pixels, row, numbers, bad = None, 0, list[np.ndarray](), list[BadRow]()
    for read in _parsed(path, columns, lenient):
        bad += read.bad
        if len(bad) > MAX_BAD_ROWS:
            break
        some = read.pixels
        if not len(some):
            continue
        if pixels is None:  # the most rows that fit, if each cell has one digit and a separator
            room = min(num_lines, num_bytes // (2 * some.shape[1]) + 1)
            pixels = np.empty((room, some.shape[1]), np.uint8)
        if some.dtype != pixels.dtype:
            pixels = pixels.astype(np.float32, copy=False)
        pixels[row : row + len(some)] = some
        for use, values in read.texts.items():
            texts[use].append(values)
        numbers.append(read.numbers)
        row += len(some)
    if bad and (pixels is None or len(bad) > MAX_BAD_ROWS):
        raise bad[0].error
    if pixels is None or not row:
        found = f"a header only, of {len(columns.names):,} columns" if columns.has_header else "an empty file"
        hint = "The file may have been cut off, or written before there were data."
        raise DataError("no rows", found=found, expected="a row for each image below the header", hint=hint)
    kept = {use: _as_array(values, use) for use, values in texts.items()}
    return Rows(pixels[:row], kept, np.concatenate(numbers), bad)


def _as_array(chunks: Sequence[Sequence[str]], use: str) -> np.ndarray:
    """(N,) text; each takes the memory of the longest."""
    texts = np.array([text for chunk in chunks for text in chunk], object)
    longest = max(map(len, texts), default=0)
    if longest > MAX_NAME_CHARACTERS or longest * len(texts) > MAX_LABEL_CHARACTERS:
        row = next(row for row, text in enumerate(texts) if len(text) == longest)
        hint = "Give the classes shorter names." if use == "label" else None
        raise DataError(f"a {use} too long", found=f"{longest:,} characters", where=f"row {row}", hint=hint)
    return texts.astype(str)


def _parsed(path: Path, columns: Columns, lenient: bool) -> Iterator[_Read]:
    """The chunks, with pixels in the order of the image."""
    order = _order(columns)
    row = num_values = 0
    with opened(path) as (stream, _):
        for line, chunk, num_lines in Lines(stream).chunks(2**62, columns.has_header):
            try:
                read = _read_chunk(chunk, columns, row, line, num_lines, num_values)
            except DataError:
                if not lenient:
                    raise
                read = _read_sound(chunk, columns, row, line, num_values)
            row += len(read.pixels) + len(read.bad)
            if columns.text is not None and len(read.pixels):
                num_values = read.pixels.shape[1]
            yield read if order is None else replace(read, pixels=read.pixels[:, order])


def _read_chunk(chunk: bytes, columns: Columns, row: int, line: int, num_lines: int, num_values: int) -> _Read:
    pixels, texts = _parse(chunk, columns, row, line, num_lines)
    if columns.text is not None:
        pixels = _parse_texts(texts.pop("pixels"), num_values, chunk, columns, row, line)
    return _Read(pixels, texts, np.arange(row, row + len(pixels)))


def _read_sound(chunk: bytes, columns: Columns, row: int, line: int, num_values: int) -> _Read:
    """The rows of a chunk that can be read, and the errors of the others."""
    filled = with_content(chunk, columns.form)
    lines = Chunk([text for _, text in filled], [line + offset for offset, _ in filled], row)
    bad = bad_rows(lines, columns, num_values)
    sound = [place for place in range(len(filled)) if place not in bad]
    kept = b"\n".join(lines.lines[place] for place in sound)
    read = _read_chunk(kept, columns, row, line, len(sound), num_values)
    return replace(read, numbers=row + np.array(sound, np.int64), bad=list(bad.values()))


def _order(columns: Columns) -> np.ndarray | None:
    """The permutation from the order of the file to that of the image; None if they are the same."""
    rank = np.argsort(np.argsort(columns.pixels))
    return None if np.array_equal(rank, np.arange(len(rank))) else rank


def _parse(
    chunk: bytes, columns: Columns, row: int, line: int, num_rows: int
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Pixels in the file's order and texts of some lines. Lines without content, and spaces around cells, are only
    handled if polars cannot parse the lines."""
    wide = len(columns.names) > MAX_TABLE_COLUMNS
    found = None
    if columns.form.separator != WHITE and not wide:
        found = _table(chunk, columns, num_rows, columns.form.separator)
    if found is None:
        filled = with_content(chunk, columns.form)
        kept = Chunk([text for _, text in filled], [line + offset for offset, _ in filled], row)
        if not filled:
            none = {use: list[str]() for use in (*columns.text_uses(), "pixels")}
            return np.empty((0, max(1, len(columns.pixels))), np.uint8), none
        check_lines(kept, columns)
        found = _parse_wide(kept, columns) if wide else _table(*_tidied(kept.lines, columns.form, columns, len(filled)))
        if found is None:
            raise first_fault(kept, columns)
    return found


def _tidied(lines: list[bytes], form: Form, columns: Columns, count: int) -> tuple[bytes, Columns, int, str]:
    """The arguments of `_table` for these lines without spaces around their cells."""
    if form.separator == WHITE:
        return b"\n".join(b"\t".join(text.split()) for text in lines), columns, count, "\t"
    spaces = rb" *" + re.escape(form.mark) + rb" *"
    tidy = (re.sub(spaces, form.mark, text.strip(b" ")) for text in lines)
    return b"\n".join(tidy), columns, count, form.separator


def _table(
    chunk: bytes, columns: Columns, num_rows: int, separator: str
) -> tuple[np.ndarray, dict[str, list[str]]] | None:
    """The table read by polars; None if it is not a table of numbers. Rows that are too short for all their cells are
    refused before polars allocates memory."""
    width, num_pixels = len(columns.names), len(columns.pixels)
    if (width + num_pixels) * num_rows > len(chunk) + 1:
        return None
    uses = columns.text_uses() | ({} if columns.text is None else {"pixels": columns.text})
    pixels = {*columns.pixels.tolist()}
    unused = {*columns.others, *(uses[use] for use in columns.may_lack if use in uses)}
    for kind in (pl.UInt8, pl.Float32) if pixels else (pl.UInt8,):
        schema = {str(place): kind if place in pixels else pl.String for place in range(width)}
        try:
            table = pl.read_csv(
                io.BytesIO(chunk),
                has_header=False,
                schema=schema,
                separator=separator,
                decimal_comma=columns.form.decimal_comma,
            )
        except FAULTS:
            continue
        empty = [place for place, count in enumerate(table.null_count().row(0)) if count]
        if len(table) != num_rows or not unused.issuperset(empty):
            continue
        if empty and _ragged(chunk, columns):
            return None
        texts = {use: [(cell or "").strip() for cell in table[str(place)].to_list()] for use, place in uses.items()}
        if not _filled(texts, columns):
            return None
        for place in {*range(width)} - pixels:
            table.drop_in_place(str(place))
        numbers = table.to_numpy(order="c")
        if kind == pl.UInt8 or np.isfinite(numbers).all():
            return numbers, texts
    return None


def _filled(texts: dict[str, list[str]], columns: Columns) -> bool:
    return all(all(cells) for use, cells in texts.items() if use not in columns.may_lack)


def _ragged(chunk: bytes, columns: Columns) -> bool:
    lines = chunk.removesuffix(b"\n").split(b"\n")
    return any(len(cells_of(line, columns.form)) != len(columns.names) for line in lines)


def _parse_wide(chunk: Chunk, columns: Columns) -> tuple[np.ndarray, dict[str, list[str]]] | None:
    """`_table` for rows of very many cells."""
    uses = columns.text_uses()
    texts: dict[str, list[str]] = {use: [] for use in uses}
    places = np.sort(columns.pixels).tolist()
    pixels = np.empty((len(chunk.lines), len(places)), np.float32)
    for index, line in enumerate(chunk.lines):
        cells = cells_of(line, columns.form)
        for use, place in uses.items():
            texts[use].append(cells[place])
        if columns.form.decimal_comma:
            cells = [cell.replace(",", ".") for cell in cells]
        if b"_" in line:
            return None
        try:
            pixels[index] = np.fromiter((float(cells[place]) for place in places), np.float32, len(places))
        except (ValueError, OverflowError):
            return None
    if not _filled(texts, columns) or not np.isfinite(pixels).all():
        return None
    whole = pixels.astype(np.uint8) if pixels.min() >= 0 and pixels.max() <= 255 else pixels
    return whole if np.array_equal(whole, pixels) else pixels, texts


def _parse_texts(
    cells: Sequence[str], num_values: int, chunk: bytes, columns: Columns, row: int, line: int
) -> np.ndarray:
    """(n, P) pixels of cells that each hold all pixels of an image. num_values: P, 0 before the first row."""
    if not cells:
        return np.empty((0, max(1, num_values)), np.uint8)
    joined = "\n".join(cells)
    if any(mark in joined for mark in ("  ", " \n", "\n ", ",", ";", "[", "(", "\t")) or joined != joined.strip(" "):
        cells = [numbers_of(cell) for cell in cells]
        joined = "\n".join(cells)
    expected = num_values or len(cells[0].split(" "))
    if expected > MAX_COLUMNS:
        raise DataError("too many pixels", found=f"{expected:,} numbers", expected=f"at most {MAX_COLUMNS:,}")
    counts = [cell.count(" ") + 1 for cell in cells]
    wrong = next((index for index, count in enumerate(counts) if count != expected), None)
    name = columns.names[columns.text or 0]

    def where(index: int) -> str:
        numbers = [line + offset for offset, _ in with_content(chunk, columns.form)]
        return Chunk([], numbers, row).where(index)

    if wrong is not None:
        raise DataError(
            "an image with another number of pixels",
            found=f"{counts[wrong]:,} numbers",
            expected=f"{expected:,} as in the first row",
            where=f"{where(wrong)}: column {name}",
        )
    numbers = Columns([str(place) for place in range(expected)], Form(WHITE), False, np.arange(expected))
    found = None
    if expected <= MAX_TABLE_COLUMNS:
        found = _table(joined.encode(), numbers, len(cells), " ")
    else:
        found = _parse_wide(Chunk(joined.encode().split(b"\n"), [], 0), numbers)
    if found is not None:
        return found[0]
    index, bad = next(
        (index, value) for index, cell in enumerate(cells) for value in cell.split(" ") if not is_finite(value, Form())
    )
    where_bad = f"{where(index)}: column {name}"
    raise DataError("not a number", found=shown(bad), expected="pixels between spaces", where=where_bad)
