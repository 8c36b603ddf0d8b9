"""Folds for cross-validation: each part is held out once; the others train, with their own validation rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.class_sizes import ClassSizes, check_classes, without
from snellen.data.splits.roles import Roles, Split
from snellen.data.splits.stratified import add_groups, random_numbers, row_count, rows_without, stratified_choice
from snellen.errors import RunError, StudyError
from snellen.phrases import plural

PURPOSE = 1_000
"""First stream of the random numbers of folds; roles use smaller ones."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold. number: from 1 in each repeat. rows: ascending int64 rows of train, validation (drawn from this fold's
    training part) and held_out (used for scores only, not to stop training or to choose)."""

    repeat: int
    number: int
    rows: dict[str, np.ndarray]


def make_folds(
    dataset: Dataset,
    roles: Roles,
    split: Split,
    copies: np.ndarray,
    units: np.ndarray,
    count: int,
    repeats: int,
) -> list[Fold]:
    """`count` folds, `repeats` times, of the training and validation rows.

    copies, units: from `duplicate_groups` and `units_of`. Stratified; equal images, groups and (if the split says so)
    near-duplicates stay together. Raises StudyError, with the possible numbers of folds, if classes have too few images
    or groups are too large.
    """
    pool = np.union1d(roles.rows["train"], roles.rows["validation"])
    share = len(roles.rows["validation"]) / len(pool)

    def make(wanted: int) -> list[Fold]:
        _check_count(dataset, pool, roles.rows["test"], units, wanted)
        made = [
            Fold(repeat, number, _fold_rows(dataset, pool, held_out, units, share, split.seed, (repeat, number)))
            for repeat in range(1, repeats + 1)
            for number, held_out in enumerate(_parts(dataset, pool, units, units is copies, wanted, split, repeat), 1)
        ]
        for fold in made:
            _prove_apart(fold, units)
        return made

    try:
        return make(count)
    except StudyError as error:
        error.hint = f"{_possible(make, count)} {error.hint or ''}".rstrip()
        raise


def _possible(make: Callable[[int], object], count: int) -> str:
    """A sentence with the possible numbers of folds nearest to `count`."""
    found = [
        next((n for n in numbers if _can(make, n)), None)
        for numbers in (range(count - 1, 1, -1), range(count + 1, count + 3))
    ]
    numbers = [str(number) for number in found if number]
    listed = " or ".join(f"`folds: {number}`" for number in numbers)
    return f"Possible: {listed}." if numbers else "No number of folds is possible with all classes."


def _can(make: Callable[[int], object], count: int) -> bool:
    try:
        make(count)
    except StudyError:
        return False
    return True


def _check_count(dataset: Dataset, pool: np.ndarray, test: np.ndarray, units: np.ndarray, count: int) -> None:
    """Raises StudyError, before folds are drawn, if a class has too few different images for a held-out, a training and
    a validation image in each fold."""
    sizes = ClassSizes.of(dataset, units, pool, test)
    most_held_out = -(-sizes.different // count)
    small = np.flatnonzero((sizes.different < count) | (sizes.different - most_held_out < 2)).tolist()
    if small:
        raise StudyError(
            f"too few images for {count} folds in {plural(len(small), 'class')}",
            found=sizes.described(dataset.classes, small),
            expected=f"at least {max(count, 4 if count == 2 else 3)} different images outside the test in each class",
            hint=f"To leave these classes out: {without(dataset.classes, small)}.",
        )


def _parts(
    dataset: Dataset, pool: np.ndarray, units: np.ndarray, singles: bool, count: int, split: Split, repeat: int
) -> Iterator[np.ndarray]:
    """The rows of each fold; every row of the pool is in one."""
    numbers = random_numbers(len(dataset), split.seed, PURPOSE + repeat)
    left = pool
    for remaining in range(count, 1, -1):
        wanted = round(len(left) / remaining)
        part = stratified_choice(left, wanted, dataset.labels, units, numbers)
        part = part if singles else add_groups(part, left, wanted, units, "folds")
        yield part
        left = rows_without(left, part)
        if not len(left):
            raise StudyError("groups too large to be divided into so many folds", found=f"{count} folds")
    yield left


def _fold_rows(
    dataset: Dataset,
    pool: np.ndarray,
    held_out: np.ndarray,
    units: np.ndarray,
    share: float,
    seed: int,
    place: tuple[int, int],
) -> dict[str, np.ndarray]:
    rest = rows_without(pool, held_out)
    wanted = row_count(share, len(rest), "validation")
    numbers = random_numbers(len(dataset), seed, PURPOSE * 1_000 + place[0] * 1_000 + place[1])
    chosen = stratified_choice(rest, wanted, dataset.labels, units, numbers, at_least=1, leave=1)
    validation = add_groups(chosen, rest, wanted, units, "validation")
    rows = {"train": rows_without(rest, validation), "validation": validation, "held_out": held_out}
    check_classes(dataset, rows, units, needed=("train", "validation"))
    return rows


def _prove_apart(fold: Fold, units: np.ndarray) -> None:
    """Raises RunError if two parts of a fold share rows that must stay together."""
    for one, other in (("train", "validation"), ("train", "held_out"), ("validation", "held_out")):
        shared = np.intersect1d(units[fold.rows[one]], units[fold.rows[other]])
        if len(shared):
            raise RunError(f"{one} and {other} of fold {fold.number} share related images", found=f"{len(shared):,}")
