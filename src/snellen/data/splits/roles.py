"""Roles: which rows are used for training, validation, calibration and test; assigned once, before anything is
fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
from snellen.data.groups import first_occurrences
from snellen.data.inspect.near_duplicates import NearDuplicates, near_duplicates
from snellen.data.splits.class_sizes import check_classes
from snellen.data.splits.divided_test import expect_divisible
from snellen.data.splits.related import related_rows
from snellen.data.splits.stratified import Share, add_groups, random_numbers, row_count, rows_without, stratified_choice
from snellen.errors import RunError, StudyError

ROLES = ("train", "validation", "calibration", "test")
DEFAULT_TEST = DEFAULT_VALIDATION = 0.2
"""Fractions, for data without official parts."""


@dataclass(frozen=True)
class Split:
    """How rows get their roles. A float in (0, 1) is a fraction, an integer a count.

    test: of all used rows that are not validation; only for data without an official test. None: 0.2, or 0 if there is
    an official validation part. validation: of the rows that are not test; only for data without an official validation
    part. None: 0.2. calibration: of the validation rows. drop_duplicates: "exact" keeps only the first of equal images
    with equal labels outside official parts. near_duplicates: "together" keeps near-duplicates in one role, like groups
    and exact duplicates, which always are. train: of the rows without another role; the rest is left out. None: all.
    validation_from_test: the fraction of the official test that is the validation part, instead of `validation`; the
    test is the rest."""

    test: Share | None = None
    validation: Share | None = None
    calibration: Share = 0
    seed: int = 0
    drop_duplicates: Literal["exact"] | None = None
    near_duplicates: Literal["together"] | None = None
    train: Share | None = None
    validation_from_test: float | None = None


Reason = Literal[
    "duplicate",
    "in official test",
    "related to official test",
    "in official validation",
    "related to official validation",
    "excluded by review",
    "not drawn for training",
]
OFFICIAL: dict[str, tuple[Reason, Reason]] = {
    "official_test": ("in official test", "related to official test"),
    "official_validation": ("in official validation", "related to official validation"),
}
"""Official parts in the order in which they keep their rows, with the reasons that leave out rows outside."""


@dataclass(frozen=True)
class LeftOut:
    """A row that is not used, the reason, and the row with the same image, in the same group, or near-duplicate; the
    row itself if there is no such row."""

    row: int
    reason: Reason
    twin: int


@dataclass(frozen=True, eq=False)
class Roles:
    """rows: role to ascending int64 rows, for each of ROLES, maybe empty. left_out: all other rows, ascending."""

    rows: Mapping[str, np.ndarray]
    left_out: tuple[LeftOut, ...]


def assign(dataset: Dataset, split: Split) -> Roles:
    """The roles of all rows: stratified over classes to within one row, exact in total, the same for the same seed.

    Rows with the same image, whatever their labels, are never in two roles; a total is missed only where single
    images do not suffice to reach it. Asking for calibration rows changes neither training nor test rows. Raises
    StudyError for counts that are impossible or leave a class without training (or wanted validation) rows.
    """
    copies = duplicate_groups(dataset.images)
    return assign_related(dataset, split, copies, units_of(dataset, copies, split))


def assign_related(dataset: Dataset, split: Split, copies: np.ndarray, units: np.ndarray) -> Roles:
    """The same, with given `duplicate_groups` and `units_of`."""
    left_out = _leave_out(dataset, copies, units, split)
    pool = rows_without(np.arange(len(dataset)), [item.row for item in left_out])

    def draw(rows: np.ndarray, share: Share, role: str, at_least: int, leave: int) -> np.ndarray:
        count, numbers = row_count(share, len(rows), role), random_numbers(len(dataset), split.seed, ROLES.index(role))
        chosen = stratified_choice(rows, count, dataset.labels, units, numbers, at_least, leave)
        return chosen if units is copies else add_groups(chosen, rows, count, units, role)

    given = {role: _official(dataset, split, role, pool) for role in ("validation", "test")}
    test, held_out, wanted = given["test"], given["validation"], split.validation
    wanted = DEFAULT_VALIDATION if wanted is None else wanted
    if split.validation_from_test is not None:
        test = expect_divisible(dataset, test, held_out, units)
        held_out = draw(test, split.validation_from_test, "validation", 1, 1)
        test = rows_without(test, held_out)
    if test is None:
        free = pool if held_out is None else rows_without(pool, held_out)
        test = draw(free, _test_share(split, held_out), "test", 0, 2 if held_out is None and wanted else 1)
    rest = rows_without(pool, test)
    if held_out is None:
        held_out = draw(rest, wanted, "validation", 1, 1)
    calibration = draw(held_out, split.calibration, "calibration", 0, 1)
    train = rest = rows_without(rest, held_out)
    if split.train is not None:
        train = draw(rest, split.train, "train", 1, 0)
        spare = (LeftOut(row, "not drawn for training", row) for row in rows_without(rest, train).tolist())
        left_out = tuple(sorted((*left_out, *spare), key=lambda item: item.row))
    parts = train, rows_without(held_out, calibration), calibration, test
    roles = Roles(dict(zip(ROLES, parts, strict=True)), left_out)
    check_classes(dataset, roles.rows, units, needed=("train", "validation") if len(held_out) else ("train",))
    prove_disjoint(dataset, roles, copies)
    _prove_apart("related images", {role: set(units[rows].tolist()) for role, rows in roles.rows.items()})
    return roles


def near_in_two_roles(near: NearDuplicates, roles: Roles) -> np.ndarray:
    """(2, M) rows of the near pairs whose images have different roles. Unused images have no role."""
    role = np.full(len(near.copies), -1)
    for number, name in enumerate(ROLES):
        role[near.copies[roles.rows[name]]] = number
    one, other = role[near.pairs]
    return np.asarray(near.pairs[:, (one >= 0) & (other >= 0) & (one != other)])


def units_of(dataset: Dataset, copies: np.ndarray, split: Split) -> np.ndarray:
    """(N,) int64: the lowest row of all that must stay together; `copies` unchanged if only exact copies must."""
    return related_rows(dataset, copies, near_duplicates(dataset) if split.near_duplicates else None)


def prove_disjoint(dataset: Dataset, roles: Roles, copies: np.ndarray) -> None:
    """Raises RunError unless every row has exactly one role or is left out, and no id or image is in two roles."""
    everything = np.concatenate([*roles.rows.values(), np.array([item.row for item in roles.left_out], np.int64)])
    if not np.array_equal(np.sort(everything), np.arange(len(dataset))):
        raise RunError("rows without exactly one role", found=f"{len(everything):,} rows", expected=f"{len(dataset):,}")
    _prove_apart("images", {role: set(copies[rows].tolist()) for role, rows in roles.rows.items()})
    if dataset.groups is not None:
        own = dataset.groups
        _prove_apart("groups", {role: set(own[rows].tolist()) for role, rows in roles.rows.items()})
    _prove_apart("ids", {role: set(dataset.ids[rows].tolist()) for role, rows in roles.rows.items()})


def _prove_apart(what: str, members: Mapping[str, set[Any]]) -> None:
    for one, other in combinations(members, 2):
        shared = members[one] & members[other]
        if shared:
            raise RunError(f"{one} and {other} share {what}", found=f"{len(shared):,}, such as {min(shared)}")


def _leave_out(dataset: Dataset, copies: np.ndarray, units: np.ndarray, split: Split) -> tuple[LeftOut, ...]:
    """The rows outside an official part whose image or relative is in it (validation rows may be left out for the
    test, training rows for both), and the duplicates that the study drops."""
    own, left_out = np.ones(len(dataset), bool), list[LeftOut]()
    for part, reasons in OFFICIAL.items():
        inside = getattr(dataset, part)
        if inside is None:
            continue
        inside = inside & own
        own &= ~inside
        twin, relative = (_first_row_inside(partition, inside) for partition in (copies, units))
        shared, related = own & (twin >= 0), own & (twin < 0) & (relative >= 0)
        left_out += [LeftOut(int(row), reasons[0], int(twin[row])) for row in np.flatnonzero(shared)]
        left_out += [LeftOut(int(row), reasons[1], int(relative[row])) for row in np.flatnonzero(related)]
        own &= ~(shared | related)
    if split.drop_duplicates:
        rows = np.flatnonzero(own)
        first = first_occurrences(copies[rows] * len(dataset.classes) + dataset.labels[rows])
        again = np.flatnonzero(first != np.arange(len(rows)))
        left_out += [LeftOut(int(rows[copy]), "duplicate", int(rows[first[copy]])) for copy in again]
    return tuple(sorted(left_out, key=lambda item: item.row))


def _first_row_inside(partition: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(N,): the first of the rows `inside` in the same part of `partition`, or -1."""
    rows = np.flatnonzero(inside)[::-1]
    first = np.full(len(partition), -1)
    first[partition[rows]] = rows
    return np.asarray(first[partition])


def _official(
    dataset: Dataset, split: Split, role: Literal["validation", "test"], pool: np.ndarray
) -> np.ndarray | None:
    """The rows of an official part that are not left out; None without such a part."""
    official, share = getattr(dataset, f"official_{role}"), getattr(split, role)
    if official is None:
        return None
    if share is not None:
        hint = f"The official {role} part is used as a whole: remove `split.{role}`."
        raise StudyError(f"`split.{role}` for data with an official {role} part", found=share, hint=hint)
    return np.intersect1d(pool, np.flatnonzero(official))


def _test_share(split: Split, official_validation: np.ndarray | None) -> Share:
    if split.test is not None:
        return split.test
    return DEFAULT_TEST if official_validation is None else 0
