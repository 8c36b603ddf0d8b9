"""Whether the first line of a pixel CSV names the columns: it is read as an image only if that is certain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from snellen.data.readers.column_names import CERTAIN_LABELS, plain
from snellen.data.readers.csv.lines import Form, is_number
from snellen.data.readers.csv.pixel_text import MIN_PIXELS, is_pixel_text
from snellen.errors import DataError

HINT = "Write `header: true` (line 1 names the columns) or `header: false` (line 1 is an image) under `data`."


def is_header(first: Sequence[str], below: Sequence[str] | None, form: Form) -> bool:
    """Whether the first line is a header. below: the next line, None at the end of the file. Raises DataError if its
    numbers could be either, such as 10, 20, 30, ...
    """
    if any(map(is_pixel_text, first)):
        return False
    texts = [place for place, cell in enumerate(first) if not is_number(cell, form)]
    if below is None:
        return len(texts) > 1 or any(plain(first[place]) in CERTAIN_LABELS for place in texts)
    if any(map(is_pixel_text, below)):
        return True
    over_numbers = [place for place in texts if place < len(below) and is_number(below[place], form)]
    if over_numbers or any(plain(first[place]) in CERTAIN_LABELS for place in texts):
        return True
    numbers = [cell for place, cell in enumerate(first) if place not in texts]
    return _are_numeric_names(numbers, form)


def _are_numeric_names(cells: Sequence[str], form: Form) -> bool:
    """Whether a line of numbers is a header: 0, 1, 2, ... in any order, or an image that pandas made column names of
    (0, 0.1, 0.2, 7, 0.3, ...)."""
    if len(cells) < MIN_PIXELS:
        return False
    values = [float(cell.replace(",", ".") if form.decimal_comma else cell) for cell in cells]
    counted = [sorted(values) == [*map(float, range(start, start + len(cells)))] for start in (0, 1)]
    if is_mangled(cells) or any(counted):
        return True
    if len(values) > MIN_PIXELS and (_rises(values) or _rises(values[1:]) or _rises(values[:-1])):
        shown = f"{', '.join(cells[:4])}, ..., {cells[-1]}"
        raise DataError("line 1 may be a header or an image", found=shown, hint=HINT)
    return False


def is_mangled(names: Sequence[str]) -> bool:
    """Whether these are the column names that pandas or R make if they take a line of numbers for a header: repeated
    ones get .1, .2, ... (and an X in front in R)."""
    seen: dict[str, int] = {}
    for name in names:
        found = re.fullmatch(r"X?(-?\d+)(?:\.(\d+))?", name)
        if not found:
            return False
        value, count = found[1], found[2]
        if count is None:
            if value in seen:
                return False
            seen[value] = 0
        elif seen.get(value) is None or int(count[:9]) != seen[value] + 1:
            return False
        else:
            seen[value] += 1
    return any(count > 1 for count in seen.values())


def _rises(values: Sequence[float]) -> bool:
    return all(one < other for one, other in pairwise(values))
