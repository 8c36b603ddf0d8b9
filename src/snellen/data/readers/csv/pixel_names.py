"""Which columns of a pixel CSV hold pixels, and their places in the image, from the names of the columns."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.data.readers.csv.pixel_text import MIN_PIXELS
from snellen.errors import DataError, shown
from snellen.limits import MAX_SIDE_PIXELS

ANY_COLUMN = ("v", "x", "c", "col", "column", "f", "field", "var")
"""Names that programs give to columns without names; one of these may be the label."""

INDEX = re.compile(r"(unnamed: 0(\.\d+)?)?", re.IGNORECASE)
"""Names of a written index of pandas: empty, or Unnamed: 0 after it was read again."""

NAMELESS = re.compile(r"(unnamed: \d{1,7}(\.\d+)?)?", re.IGNORECASE)
"""The name that pandas gives to a column without a name."""

CHANNELS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2, "a": 3, "alpha": 3}
MAX_NUMBER_DIGITS = 7
MISSING_SHOWN = 5
MAX_FIRST_NUMBER = 3
"""R names all columns V1, V2, ...: beside an index and a label the pixels begin with V3."""


@dataclass(frozen=True, eq=False)
class Places:
    """Columns whose names form one series. columns: their positions in the order of the image's pixels. shape: (H, W)
    or (H, W, C), None if names are only numbers in reading order. num_channels: 3 or 4 if names give colours.
    of_any_column: whether programs give such names to all columns."""

    columns: np.ndarray
    shape: tuple[int, ...] | None
    num_channels: int | None
    of_any_column: bool = False


def find_places(names: Mapping[int, str]) -> Places | None:
    """The pixel columns by their names: `pixel0`, `3x4`, `r_0_0`, `R0`; None for other names. names: position to name,
    for the columns that may be pixels. Raises DataError for a series with gaps or repetitions.
    """
    parsed = {place: _parse(name) for place, name in names.items()}
    series = defaultdict[tuple[str, ...], list[int]](list)
    for place, (words, found, _) in parsed.items():
        if found:
            series[words].append(place)
    if not series:
        return None
    columns = max(series.values(), key=len)
    if len(columns) < MIN_PIXELS or len({len(parsed[place][1]) for place in columns}) > 1:
        return None
    numbers: np.ndarray = np.array([parsed[place][1] for place in columns])
    channels = np.array([parsed[place][2] for place in columns])
    varying = [axis for axis in range(numbers.shape[1]) if len(np.unique(numbers[:, axis])) > 1]
    if not varying or (channels.min() < 0 <= channels.max()):
        return None
    numbers = numbers[:, varying]
    if parsed[columns[0]][0] == ("#",) and np.ptp(numbers) >= 2 * len(numbers):
        return None  # numbers, but not numbers of pixels
    if _columns_first(parsed[columns[0]][0]):
        if numbers.shape[1] != 2:
            return None
        _check_reading_order(numbers, names, columns)
        numbers = numbers[:, ::-1]
    colours = len(np.unique(channels))
    if colours == 1 and numbers.shape[1] == 3:
        numbers, channels, colours = _channel_axis(numbers, names[columns[0]])
    if (
        numbers.shape[1] > 2
        or colours == 2
        or (numbers.shape[1] == 2 and np.ptp(numbers, axis=0).max() >= MAX_SIDE_PIXELS)
    ):
        return None
    places = _in_order(np.array(columns), numbers, channels if colours > 1 else None, names)
    return replace(places, of_any_column=parsed[columns[0]][0] in [(word, "#") for word in ANY_COLUMN])


def _parse(name: str) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """Words, numbers and channel (-1 for none) of a name; numbers are replaced by `#` among the words."""
    tokens = re.findall(r"[^\W\d_]+|\d+", re.sub(r"^(\d+)\.0+$", r"\1", name.lower()))
    words, numbers, channel = list[str](), list[int](), -1
    for token in tokens:
        if token.isdecimal() and len(token) <= MAX_NUMBER_DIGITS:
            numbers.append(int(token))
            words.append("#")
        elif token in CHANNELS and channel < 0:
            channel = CHANNELS[token]
            words.append("channel")
        else:
            words.append(token)
    return tuple(words), tuple(numbers), channel


def _columns_first(words: Sequence[str]) -> bool:
    """Whether the names give the column before the row: x3y4, col3_row4."""
    kept = [word for word in words if word in ("x", "y", "c", "col", "column", "row", "#")]
    return [word[0] for word in kept] in (["x", "#", "y", "#"], ["c", "#", "r", "#"])


def _check_reading_order(numbers: np.ndarray, names: Mapping[int, str], columns: Sequence[int]) -> None:
    """x is the column and y the row, unless the order in the file shows the opposite."""
    if numbers[0].tolist() == numbers.min(axis=0).tolist() and numbers[1, 1] > numbers[0, 1]:
        found = f"{names[columns[0]]}, {names[columns[1]]}, ..."
        hint = "Name them by row and column, for example pixel_0_1."
        raise DataError("column names that say x and y, in the order of columns", found=found, hint=hint)


def _channel_axis(numbers: np.ndarray, example: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Row and column, and the channel, of names with three numbers: the first or the last has three or four values."""
    counts = [len(np.unique(numbers[:, axis])) for axis in range(3)]
    first, last = (counts[axis] in (3, 4) and counts[1] > 4 and counts[2 - axis] > 4 for axis in (0, 2))
    if first == last:
        raise DataError("cannot tell rows, columns and colours", found=f"columns such as {shown(example)}")
    axis = 0 if first else 2
    channels = numbers[:, axis] - numbers[:, axis].min()
    return np.delete(numbers, axis, axis=1), channels, counts[axis]


def _in_order(
    columns: np.ndarray, numbers: np.ndarray, channels: np.ndarray | None, names: Mapping[int, str]
) -> Places:
    """The columns by rows, columns and channels. Raises DataError for gaps and repetitions."""
    lowest = int(numbers.min())
    lows = np.full(numbers.shape[1], lowest if lowest <= MAX_FIRST_NUMBER or numbers.shape[1] == 2 else 1)
    sides = numbers.max(axis=0) - lows + 1
    levels = 1 if channels is None else int(channels.max()) + 1
    place = np.zeros(len(columns), np.int64)
    for axis, side in enumerate(sides.tolist()):
        place = place * side + (numbers[:, axis] - lows[axis])
    if channels is not None:
        place = place * levels + channels
    _check_complete(place, lows, sides, levels, columns, names)
    shape = tuple(sides.tolist()) + ((levels,) if levels > 1 else ()) if len(sides) == 2 else None
    return Places(columns[np.argsort(place)], shape, levels if levels > 1 else None)


def _check_complete(
    place: np.ndarray, lows: np.ndarray, sides: np.ndarray, levels: int, columns: np.ndarray, names: Mapping[int, str]
) -> None:
    twice = [int(value) for value, count in Counter(place.tolist()).items() if count > 1]
    if twice:
        found = " and ".join(shown(names[int(columns[row])]) for row in np.flatnonzero(place == twice[0])[:2])
        raise DataError("two columns for one pixel", found=found, expected="each pixel once")
    total = int(np.prod(sides)) * levels
    if total != len(place):
        have, missing = set(place.tolist()), list[str]()
        for value in range(total):
            if value not in have:
                missing.append(_described(value, lows, sides, levels))
            if len(missing) == MISSING_SHOWN:
                break
        more = f" and {total - len(place) - len(missing):,} more" if total - len(place) > len(missing) else ""
        example = shown(names[int(columns[0])])
        found = f"{len(place):,} columns such as {example}, without number {', '.join(missing)}{more}"
        raise DataError("pixel columns are missing", found=found, expected=f"{total:,} columns")


def _described(value: int, lows: np.ndarray, sides: np.ndarray, levels: int) -> str:
    value, channel = divmod(value, levels)
    numbers = list[str]()
    for low, side in zip(reversed(lows.tolist()), reversed(sides.tolist())):
        value, rest = divmod(value, side)
        numbers.insert(0, str(rest + low))
    return " x ".join(numbers) + (f" of {'RGBA'[channel]}" if levels > 1 else "")
