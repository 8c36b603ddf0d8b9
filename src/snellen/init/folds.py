"""Whether a proposed study has folds: it does if a single validation part is too small to judge a network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import split_data
from snellen.errors import StudyError, printable
from snellen.init.comments import comment
from snellen.init.division import Division
from snellen.phrases import plural

FEW_VALIDATION = 400
"""With fewer validation images than this, folds are used instead: the 95 % interval of an accuracy of 80 % is then
wider than +- 4 points. With the usual shares these are sets of fewer than 2,500 images."""

COUNTS = (5, 3)
"""Numbers of folds, the first possible one."""


def fold_count(dataset: Dataset, made: Division) -> int | None:
    """The number of folds; None if they are not needed, or a class has too few images for them."""
    if not _has_few_validation(dataset, made):
        return None
    return next((count for count in COUNTS if _is_possible(dataset, made, count)), None)


def _has_few_validation(dataset: Dataset, made: Division) -> bool:
    return len(made.roles.rows["validation"]) < FEW_VALIDATION and dataset.official_validation is None


def _is_possible(dataset: Dataset, made: Division, count: int) -> bool:
    try:
        split_data(dataset, made.split, (count, 1))
    except StudyError:
        return False
    return True


def fold_lines(dataset: Dataset, made: Division, count: int | None) -> Iterator[str]:
    """The line and its reason; if folds are needed but not possible, the reason why there are none."""
    rows = {role: len(made.roles.rows[role]) for role in ("train", "validation")}
    if count is None:
        if _has_few_validation(dataset, made):
            pool = np.concatenate([made.roles.rows[role] for role in rows])
            sizes = np.bincount(dataset.labels[pool], minlength=len(dataset.classes))
            name, fewest = printable(dataset.classes[int(sizes.argmin())]), plural(int(sizes.min()), "image")
            yield from comment(
                f"{rows['validation']:,} validation images are too few to judge by, and folds are not possible: class "
                f"{name} has {fewest} outside the test. Add images of it, or leave it out (`data: {{classes: [...]}}`)."
            )
        return
    yield from comment(
        f"{rows['validation']:,} validation images are too few to judge by. With {count} folds all "
        f"{sum(rows.values()):,} images outside the test are judged, each by a network that has not seen it, and the "
        "final network is trained on all of them."
    )
    yield f"folds: {count}"
