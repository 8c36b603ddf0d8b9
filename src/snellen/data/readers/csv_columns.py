"""The columns of a pixel CSV: whether the first line is a header, and which column is the label."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from snellen.errors import DataError, unknown
from snellen.limits import MAX_SIDE_PIXELS

LABELS = ("label", "labels", "class", "target", "y")

MAX_LINE_BYTES = 2**23
"""A line of 512x512 colour pixels has 3 MB."""

MAX_COLUMNS = 3 * MAX_SIDE_PIXELS**2 + 1
"""The pixels of the largest pictures, in three colours, and the label."""


@dataclass(frozen=True)
class Columns:
    """names: column names. label: position of the label column; None when only values can tell.
    has_header: whether line 1 is a header."""

    names: Sequence[str]
    label: int | None
    has_header: bool


def first_lines(stream: IO[bytes], count: int) -> list[list[str]]:
    """The cells of the first lines."""
    lines = [stream.readline(MAX_LINE_BYTES).removeprefix(codecs.BOM_UTF8) for _ in range(count)]
    return [cells_of(line) for line in lines if line]


def cells_of(line: bytes) -> list[str]:
    """The cells of a line; bytes that are not UTF-8 are escaped."""
    if line.count(b",") >= MAX_COLUMNS:
        found = f"{line.count(b',') + 1:,}"
        raise DataError("too many columns", found=found, expected=f"at most {MAX_COLUMNS:,}")
    try:
        return [cell.strip() for cell in next(csv.reader([line.decode("utf-8", "backslashreplace")]), [])]
    except csv.Error as error:
        raise DataError(f"cannot be read: {error}") from error


def find_columns(lines: list[list[str]], label: str | None) -> Columns:
    """The columns of a file with these first lines. label: name or number of the label column, from the study."""
    first = lines[0] if lines else []
    texts = [place for place, cell in enumerate(first) if not is_number(cell)]
    has_header = len(texts) > 1 or (len(texts) == 1 and _is_name(first[texts[0]], lines[1:], texts[0]))
    names = first if has_header else [f"{place}" for place in range(len(first))]
    if label is not None:
        return Columns(names, _position(label, names), has_header)
    if not has_header:
        return Columns(names, texts[0] if texts else None, False)
    return Columns(names, _label_by_name(names), True)


def is_number(cell: str) -> bool:
    """True when Python reads the cell as a number, NaN included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_name(cell: str, below: list[list[str]], place: int) -> bool:
    """True when the only text in the first line is the name of a column rather than the label of a row."""
    return cell.lower() in LABELS or any(len(cells) > place and is_number(cells[place]) for cells in below)


def _position(label: str, names: Sequence[str]) -> int:
    if label in names:
        return names.index(label)
    if re.fullmatch(r"-?\d{1,7}", label) and -len(names) <= int(label) < len(names):
        return int(label) % len(names)
    raise unknown("column", label, names, where="keys.label")


def _label_by_name(names: Sequence[str]) -> int:
    """The column with a usual name, else the only one whose name does not end in a digit."""
    usual = [place for place, name in enumerate(names) if name.lower() in LABELS]
    without_digit = [place for place, name in enumerate(names) if not re.search(r"\d$", name)]
    found = usual or without_digit
    if len(found) != 1:
        some = ", ".join(names[place] for place in found[:5]) or "none"
        hint = "Name it with `keys: {label: ...}`, or leave this file out if it has no labels."
        raise DataError("cannot tell the label column", found=some, expected="one, such as label", hint=hint)
    return found[0]
