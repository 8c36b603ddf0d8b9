"""Classes of a manifest as one-hot columns: one column for each class, with 1 for the class of the image and 0
elsewhere."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from snellen.errors import SHOWN_ITEMS, DataError, shown

ZEROS, ONES = ("0", "0.0", "false"), ("1", "1.0", "true")
"""Cells for 0 and 1, in lower case."""

FEWEST_COLUMNS = 2


def one_hot_columns(names: Sequence[str], first: Callable[[str], str]) -> tuple[str, ...]:
    """The columns whose first cell is 0 or 1, if there are several; else empty. first: returns the first cell of a
    column."""
    found = tuple(name for name in names if first(name).strip().lower() in ZEROS + ONES)
    return found if len(found) >= FEWEST_COLUMNS else ()


def said_of_columns(names: Sequence[str]) -> str:
    """The sentence on how labels are read."""
    return f"The label of each image is the one of {len(names):,} columns that has 1: {_listed(names)}."


class OneHot:
    """Collects the labels row by row. names: those of the columns. labels: the label of each row, empty unless it has
    exactly one 1."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.labels = list[str]()
        self.without, self.several, self.others = (array("q") for _ in range(3))
        self.first: tuple[int, str] | None = None

    def add(self, cells: Sequence[str]) -> None:
        """The cells of these columns in the next row."""
        row, marks = len(self.labels), [cell.strip().lower() for cell in cells]
        ones = [name for name, mark in zip(self.names, marks, strict=True) if mark in ONES]
        bad = next((place for place, mark in enumerate(marks) if mark not in ZEROS + ONES), None)
        if bad is None and len(ones) == 1:
            self.labels.append(ones[0])
            return
        self.labels.append("")
        if bad is not None:
            self.others.append(row)
            said = f"{shown(cells[bad])} in column {self.names[bad]}"
        elif ones:
            self.several.append(row)
            said = f"1 in {' and '.join(ones[:SHOWN_ITEMS])}"
        else:
            self.without.append(row)
            said = "0 in all columns"
        self.first = self.first or (row, said)

    def fault(self, place: Callable[[int], str]) -> DataError | None:
        """The error for rows without exactly one 1, with the first of them; None if there are no such rows. place:
        returns the position of a row."""
        if self.first is None:
            return None
        row, said = self.first
        counts = {"several 1": self.several, "no 1": self.without, "other values": self.others}
        counted = ", ".join(f"{len(rows):,} rows with {what}" for what, rows in counts.items() if rows)
        return DataError(
            f"not one label an image in the columns {_listed(self.names)}",
            found=f"{counted} (of {len(self.labels):,}); the first has {said}",
            expected="exactly one 1 in each row and otherwise 0",
            where=place(row),
            hint="An image has one class here: leave such rows out, or write one column `label` with the name of the "
            "class.",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_ITEMS:,} more" if len(names) > SHOWN_ITEMS else ""
    return f"{', '.join(names[:SHOWN_ITEMS])}{more}"
