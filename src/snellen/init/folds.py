"""Whether a proposed study has folds: where one validation part is too small to judge a network by."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import split_data
from snellen.errors import StudyError
from snellen.init.comments import comment
from snellen.init.division import Division

FEW_VALIDATION = 400
"""Images in a validation part below which folds judge instead: the 95 % interval of an accuracy of 80 % is then wider
than 4 points either way. With the usual shares these are sets of fewer than 2,500 images."""

COUNTS = (5, 3)
"""Numbers of folds, the first possible one."""


def fold_count(dataset: Dataset, made: Division) -> int | None:
    """The number of folds; None where they are not needed or no class could spare the images."""
    validation = len(made.roles.rows["validation"])
    if validation >= FEW_VALIDATION or dataset.official_validation is not None:
        return None
    return next((count for count in COUNTS if _is_possible(dataset, made, count)), None)


def _is_possible(dataset: Dataset, made: Division, count: int) -> bool:
    try:
        split_data(dataset, made.split, (count, 1))
    except StudyError:
        return False
    return True


def fold_lines(made: Division, count: int | None) -> Iterator[str]:
    """The line and its reason; none without folds."""
    if count is None:
        return
    rows = {role: len(made.roles.rows[role]) for role in ("train", "validation")}
    yield from comment(
        f"{rows['validation']:,} validation images are too few to judge by. With {count} folds all "
        f"{sum(rows.values()):,} images outside the test are judged, each by a network that has not seen it, and the "
        "final network is trained on all of them."
    )
    yield f"folds: {count}"
