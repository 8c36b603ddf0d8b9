"""Predictions as a table of two columns, id and class, for competitions such as Kaggle's."""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.deploy.answers import Answers
from snellen.deploy.batch import Reading
from snellen.deploy.images import unreadable
from snellen.errors import StudyError
from snellen.files.spreadsheet import is_formula

FIRST_ID = 1
"""The first id of rows that have no ids, unless the user gives another one: Kaggle counts from 1."""
EXAMPLE = "ImageId,Label"


def submission_columns(text: str) -> tuple[str, str]:
    """The names of the two columns. Raises StudyError unless they are two different names that are not empty."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        hint = "The first is for ids, the second for classes."
        raise StudyError("`--columns` needs two different names", found=repr(text), expected=EXAMPLE, hint=hint)
    return names[0], names[1]


def submission(
    answers: Answers, columns: tuple[str, str], first_id: int | None, reading: Reading, class_numbers: bool = False
) -> pl.DataFrame:
    """One row for each image, in the order given: its id, and its most probable class. first_id: the first id, from
    which rows are numbered; None: the ids of the source, or numbers from FIRST_ID if it has none, with a remark.
    class_numbers: whether to write the index of the class in the model's list, from 0, instead of its name. Raises
    DataError if an image could not be read, because a row would be missing; StudyError for rows whose order is not
    clear.
    """
    if reading.failed:
        raise unreadable(reading.failed, others=True)
    number, answer = len(answers.ids), answers.probabilities.argmax(1)
    if answers.numbered:
        _expect_one_order(answers)
    if first_id is None and answers.numbered:
        first_id = FIRST_ID
        reading.remarks.append(
            f"The rows have no ids of their own: they are numbered from {FIRST_ID:,} to {number:,}; --first-id says "
            "where to begin."
        )
    if answers.answered is not None and not answers.answered.all():
        left = int((~answers.answered).sum())
        reading.remarks.append(
            f"Every image gets its most probable class, also the {left:,} that the thresholds of the model leave open."
        )
    ids = list(answers.ids) if first_id is None else range(first_id, first_id + number)
    classes = answer if class_numbers else [answers.classes[code] for code in answer]
    table = pl.DataFrame({columns[0]: ids, columns[1]: classes})
    changed = [name for name in (*columns, *answers.classes) if is_formula(name)]
    if changed:
        reading.remarks.append(
            f"{changed[0]} begins like a formula of a spreadsheet, so it is written with ' in front."
        )
    return table


def _expect_one_order(answers: Answers) -> None:
    """Raises StudyError unless the rows are those of one file in its order: otherwise their numbers would be wrong."""
    rows = [name.rpartition(":") for name in answers.ids]
    numbers = [int(row) for _, _, row in rows if row.isdecimal()]
    if len({name for name, _, _ in rows}) > 1 or not np.array_equal(numbers, np.arange(len(rows))):
        raise StudyError(
            "rows without ids of their own are numbered in the order of one file",
            found="several files, or parts of one",
            expected="one file, or an id column",
            hint="Give one file. A column of ids is found by its name (id, ImageId), or by --key id=NAME.",
        )
