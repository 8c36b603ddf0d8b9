"""Labels that are numbers, as class numbers 0..K-1: no number has a special meaning, and no class is guessed. Without
names the classes are the numbers that occur, in numeric order, and are named after them, whether they begin at 0 or 1,
have gaps or are negative. Names belong to labels that count from 0, or to an equal number of labels in numeric order,
or are the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.errors import DataError
from snellen.limits import MAX_CLASSES
from snellen.phrases import listing, yaml_list

LISTED = 10
"""The most labels that a sentence lists."""
ZERO_LAST = [*map(str, range(1, 10)), "0"]
"""SVHN's digits in the order of its labels 1 to 10."""


def number_codes(
    columns: Sequence[np.ndarray], places: Sequence[str], names: tuple[str, ...] | None
) -> tuple[list[np.ndarray], tuple[str, ...], tuple[str, ...]]:
    """The class numbers of each column, the names of the classes, and remarks. columns: (N,) int64 labels, by their
    places in the file. names: those of the study. Raises DataError if they do not fit the labels."""
    values = np.unique(np.concatenate(columns))
    if names is None:
        _expect_one_count(columns, places)
        if not 2 <= len(values) <= MAX_CLASSES:
            found = f"{len(values):,} classes, labelled {_extent(values)}"
            raise DataError("cannot classify", found=found, expected=f"2 to {MAX_CLASSES:,}", where=places[0])
        numbered = tuple(map(str, values.tolist()))
        return [np.searchsorted(values, column).astype(np.int64) for column in columns], numbered, _remarks(values)
    if values[0] >= 0 and values[-1] < len(names) and not _by_name(values, names):
        return list(columns), names, ()
    if _by_name(values, names):
        codes = np.array([names.index(str(value)) for value in values.tolist()], np.int64)
    elif len(values) == len(names):
        _expect_no_other_number(values, names, places[0])
        codes = np.arange(len(names), dtype=np.int64)
    else:
        raise _misfit(columns, places, values, names)
    pairs = [f"{value} is {names[code]}" for value, code in zip(values.tolist(), codes.tolist())]
    first = listing(pairs if len(pairs) <= LISTED else [*pairs[:2], "so on", f"{pairs[-1]}"])
    remarks = () if _by_name(values, names) else (f"`class_names` name the labels in numeric order: {first}.",)
    return [codes[np.searchsorted(values, column)] for column in columns], names, remarks


def _by_name(values: np.ndarray, names: Sequence[str]) -> bool:
    """Whether every label is the name of a class. If labels count from 0 through all names, they are not names."""
    return len(values) <= len(names) and {*map(str, values.tolist())} <= {*names} and not _counts(values, len(names))


def _counts(values: np.ndarray, number: int) -> bool:
    return len(values) == number and values[0] == 0 and values[-1] == number - 1


def _expect_one_count(columns: Sequence[np.ndarray], places: Sequence[str]) -> None:
    """Raises DataError if two parts have equal numbers of labels without gaps, but one counts from 0 and the other from
    1."""
    values = [np.unique(column) for column in columns]
    for each, place in zip(values[1:], places[1:]):
        first = values[0]
        is_shifted = len(each) == len(first) > 1 and np.array_equal(np.abs(each - first), np.ones(len(each)))
        if is_shifted and len(np.unique(each - first)) == 1:
            raise DataError(
                "the labels of two parts count from different numbers",
                found=f"{_extent(first)} in {places[0]}, {_extent(each)} in {place}",
                expected="the same numbers",
                hint="Add or subtract 1 in one of them. If they are right, name all classes with `class_names`.",
            )


def _expect_no_other_number(values: np.ndarray, names: Sequence[str], place: str) -> None:
    """Raises DataError if names in numeric order would give a label the number of another label as its name."""
    numbers = [*map(str, values.tolist())]
    wrong = [(number, name) for number, name in zip(numbers, names) if number in names and number != name]
    if wrong:
        line = ZERO_LAST if {*names} == {*ZERO_LAST} and numbers == [*map(str, range(1, 11))] else numbers
        why = " If 10 is the digit 0," if line is ZERO_LAST else " To keep the numbers,"
        raise DataError(
            "`class_names` are numbers of other labels",
            found=f"labels {_extent(values)}; in this order label {wrong[0][0]} would be {wrong[0][1]}",
            expected="names in the order of the labels",
            where=place,
            hint=f"`class_names` stand in the order of the labels.{why} write `class_names: {yaml_list(line)}`.",
        )


def _misfit(
    columns: Sequence[np.ndarray], places: Sequence[str], values: np.ndarray, names: Sequence[str]
) -> DataError:
    """The error for more or fewer names than labels, at the first label outside 0 to K - 1."""
    number, rows = next(
        (number, np.flatnonzero(outside))
        for number, column in enumerate(columns)
        if (outside := (column < 0) | (column >= len(names))).any()
    )
    line = f": `class_names: {yaml_list(map(str, values.tolist()))}`" if len(values) <= MAX_CLASSES else ""
    error = DataError(
        "label out of range",
        found=int(columns[number][rows[0]]),
        expected=f"0 to {len(names) - 1}, or as many labels as the {len(names)} `class_names`",
        where=f"row {rows[0]}",
        hint=f"{len(values):,} labels occur, {_extent(values)}: give one name for each, in this order{line}.",
    )
    error.places.append(places[number])
    return error


def _remarks(values: np.ndarray) -> tuple[str, ...]:
    """A remark on labels that do not count from 0."""
    if _counts(values, len(values)):
        return ()
    said = f"Labels are {len(values):,} numbers, {_extent(values)}; classes are named by them."
    said += " `class_names` gives them other names, in numeric order."
    if values[0] == -1 and values[1] == 0 and len(values) > 2:
        kept = yaml_list(map(str, values[1:].tolist())) if len(values) <= MAX_CLASSES else "[...]"
        said += f" If -1 means that there is no label, leave it out: `classes: {kept}`."
    return (said,)


def _extent(values: np.ndarray) -> str:
    """For example "1 to 26"; "0 to 24 without 9"; "10, 20 and 30"."""
    low, high = int(values[0]), int(values[-1])
    missing = high - low + 1 - len(values)
    if missing == 0:
        return f"{low} to {high}" if high > low else f"{low}"
    if len(values) <= LISTED:
        return listing(map(str, values.tolist()))
    gaps = np.setdiff1d(np.arange(low, high + 1), values) if missing <= LISTED else ()
    return f"{low} to {high} without {listing(map(str, gaps)) if len(gaps) else f'{missing:,} between'}"
