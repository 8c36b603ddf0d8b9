"""Roles: which rows train, which validate, which calibrate, which test; decided once, before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from snellen.data import near
from snellen.data.dataset import Dataset
from snellen.data.groups import first_alike, join
from snellen.data.quality import duplicate_groups
from snellen.errors import RunError, StudyError

ROLES = ("train", "validation", "calibration", "test")
Share = int | float
DEFAULT_TEST = 0.2
"""Of all rows, where the publisher chose no test."""


@dataclass(frozen=True)
class Split:
    """How rows get their roles. A float in (0, 1) is a fraction, an integer a count.

    test: of all rows that take part; only where there is no official test, and then 0.2 unless given. validation: of
    the rows that are not test. calibration: of the validation rows. drop_duplicates: "exact" keeps the first of equal
    pictures with equal labels outside an official test. near_duplicates: "together" keeps almost equal pictures in one
    role, as groups and exact duplicates always are.
    """

    test: Share | None = None
    validation: Share = 0.2
    calibration: Share = 0
    seed: int = 0
    drop_duplicates: Literal["exact"] | None = None
    near_duplicates: Literal["together"] | None = None


@dataclass(frozen=True)
class LeftOut:
    """A row without a role, why, and the row that has the same picture, or else its group or nearly its picture."""

    row: int
    reason: Literal["duplicate", "in official test", "related to official test"]
    twin: int


@dataclass(frozen=True, eq=False)
class Roles:
    """rows: each of ROLES to its ascending int64 rows, maybe none. left_out: the other rows, ascending."""

    rows: Mapping[str, np.ndarray]
    left_out: tuple[LeftOut, ...]


def assign(dataset: Dataset, split: Split) -> Roles:
    """The roles of all rows: stratified over classes to within one row, exact in total, the same for the same seed.

    Rows with the same picture, whatever their labels, are never in two roles; a total is missed only where single
    pictures do not suffice to fill it. Asking for calibration rows changes neither training nor test rows. Raises
    StudyError for counts that are impossible or leave a class without training (or wanted validation) rows.
    """
    copies = duplicate_groups(dataset.images)
    units = _units(dataset, copies, split)
    left_out = _leave_out(dataset, copies, units, split)
    pool = np.setdiff1d(np.arange(len(dataset)), [item.row for item in left_out])

    def draw(rows: np.ndarray, share: Share, role: str) -> np.ndarray:
        count = _count(share, len(rows), role)
        chosen = _choose(rows, count, dataset.labels, units, _lots(len(dataset), split.seed, role))
        return chosen if units is copies else _fill(chosen, rows, count, units, role)

    official = dataset.official_test
    test = draw(pool, _test_share(split), "test") if official is None else _official(official, split)
    rest = np.setdiff1d(pool, test)
    held_out = draw(rest, split.validation, "validation")
    calibration = draw(held_out, split.calibration, "calibration")
    parts = np.setdiff1d(rest, held_out), np.setdiff1d(held_out, calibration), calibration, test
    roles = Roles(dict(zip(ROLES, parts, strict=True)), left_out)
    _check_classes(dataset, roles, needed=("train", "validation") if len(held_out) else ("train",))
    prove_disjoint(dataset, roles)
    _prove_apart("related pictures", {role: set(units[rows].tolist()) for role, rows in roles.rows.items()})
    return roles


def parted_rows(groups: np.ndarray, roles: Roles) -> np.ndarray:
    """Ascending rows, of those with a role, whose group (N,) stands in more than one role."""
    rows = np.concatenate([roles.rows[role] for role in ROLES])
    role = np.repeat(np.arange(len(ROLES)), [len(roles.rows[role]) for role in ROLES])
    names, numbers = np.unique(np.unique(np.stack([groups[rows], role]), axis=1)[0], return_counts=True)
    return np.sort(rows[np.isin(groups[rows], names[numbers > 1])])


def _units(dataset: Dataset, copies: np.ndarray, split: Split) -> np.ndarray:
    """(N,) int64: the lowest row of those that stay together; `copies` itself where nothing else joins them."""
    partitions = [copies]
    if dataset.groups is not None:
        partitions.append(dataset.groups)
    if split.near_duplicates:
        partitions.append(near.near_groups(dataset))
    return copies if len(partitions) == 1 else join(*partitions)


def prove_disjoint(dataset: Dataset, roles: Roles) -> None:
    """Raises RunError unless every row has one role or is left out, and no id and no picture is in two roles."""
    everything = np.concatenate([*roles.rows.values(), np.array([item.row for item in roles.left_out], np.int64)])
    if not np.array_equal(np.sort(everything), np.arange(len(dataset))):
        raise RunError("rows without exactly one role", found=f"{len(everything):,} rows", expected=f"{len(dataset):,}")
    groups = duplicate_groups(dataset.images)
    _prove_apart("pictures", {role: set(groups[rows].tolist()) for role, rows in roles.rows.items()})
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
    """The rows outside an official test that it contains too or is related to, and duplicates that the study drops."""
    own = np.ones(len(dataset), bool) if dataset.official_test is None else ~dataset.official_test
    twin, relative = (_first_tested(partition, ~own) for partition in (copies, units))
    shared = np.flatnonzero(own & (twin >= 0))
    left_out = [LeftOut(int(row), "in official test", int(twin[row])) for row in shared]
    related = np.flatnonzero(own & (twin < 0) & (relative >= 0))
    left_out += [LeftOut(int(row), "related to official test", int(relative[row])) for row in related]
    if split.drop_duplicates:
        rows = np.flatnonzero(own & (relative < 0))
        first = first_alike(copies[rows] * len(dataset.classes) + dataset.labels[rows])
        again = np.flatnonzero(first != np.arange(len(rows)))
        left_out += [LeftOut(int(rows[copy]), "duplicate", int(rows[first[copy]])) for copy in again]
    return tuple(sorted(left_out, key=lambda item: item.row))


def _first_tested(partition: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """(N,): the first tested row in the same part of `partition`, or -1."""
    rows = np.flatnonzero(tested)[::-1]
    first = np.full(len(partition), -1)
    first[partition[rows]] = rows
    return np.asarray(first[partition])


def _official(official_test: np.ndarray, split: Split) -> np.ndarray:
    if split.test is not None:
        raise StudyError(
            "`split.test` beside an official test",
            found=split.test,
            hint="These data have a test part of their own, which is used whole: remove `split.test`.",
        )
    return np.flatnonzero(official_test)


def _test_share(split: Split) -> Share:
    return DEFAULT_TEST if split.test is None else split.test


def _count(share: Share, num_rows: int, role: str) -> int:
    """The number of rows that a share of `num_rows` means; at least one stays behind."""
    count = round(share * num_rows) if isinstance(share, float) else share
    if share != 0 and not (share > 0 and 0 < count < num_rows):
        expected = f"0, a fraction or a count that leaves some of the {num_rows:,} rows it is taken from"
        raise StudyError(f"impossible `split.{role}`", found=share, expected=expected)
    return count


def _lots(num_rows: int, seed: int, role: str) -> np.ndarray:
    """(N,) numbers in [0, 1), the lot of each row: a function of seed, role and row alone, in every NumPy version."""
    if not 0 <= seed < 2**64:
        raise StudyError("bad `split.seed`", found=seed, expected="an integer from 0 to 2**64 - 1")
    key = np.array([seed, ROLES.index(role)], np.uint64)
    return np.asarray((np.random.Philox(key=key).random_raw(num_rows) >> np.uint64(11)) * 2.0**-53)


def _choose(pool: np.ndarray, count: int, labels: np.ndarray, groups: np.ndarray, lots: np.ndarray) -> np.ndarray:
    """`count` ascending rows of `pool` with its class proportions, equal pictures together, lowest lots first.

    Equal pictures are chosen as often as others are: before these, when their lot is below the share that is wanted.
    """
    wanted = _apportion(np.bincount(labels[pool]), count)
    singles, copies = _separate(pool, groups, lots)
    lucky = [unit for unit in copies if lots[unit[0]] * len(pool) < count]
    unlucky = [unit for unit in copies if lots[unit[0]] * len(pool) >= count]
    chosen = [*_take_units(lucky, wanted, labels), _take_singles(singles, wanted, labels)]
    chosen += _take_units(unlucky, wanted, labels)
    spare = singles[~np.isin(singles, np.concatenate(chosen))]
    return np.sort(np.concatenate([*chosen, spare[: wanted.sum()]]))


def _fill(chosen: np.ndarray, pool: np.ndarray, count: int, units: np.ndarray, role: str) -> np.ndarray:
    """`chosen` and more whole units of `pool`, of any classes, as long as that brings its size nearer to `count`.

    Groups may be too large to fit where single pictures would. Raises StudyError when nothing can be chosen.
    """
    left = np.setdiff1d(pool, chosen)
    names, sizes = np.unique(units[left], return_counts=True)
    missing = count - len(chosen)
    while missing > 0 and len(sizes) > 1:
        nearest = int(np.argmin(np.abs(sizes - missing)))
        if sizes[nearest] >= 2 * missing:
            break
        chosen = np.union1d(chosen, left[units[left] == names[nearest]])
        missing -= int(sizes[nearest])
        names, sizes = np.delete(names, nearest), np.delete(sizes, nearest)
    if count and not len(chosen):
        found, expected = f"groups of {sizes.min():,} and more pictures", f"some of at most {2 * count - 1:,}"
        raise StudyError(f"no group is small enough for `split.{role}`", found=found, expected=expected)
    return chosen


def _apportion(sizes: np.ndarray, count: int) -> np.ndarray:
    """(K,) numbers that sum to `count`, in proportion to `sizes`: largest remainder, the lower class first."""
    total = max(int(sizes.sum()), 1)
    shares, remainders = np.divmod(sizes * count, total)
    shares[np.argsort(-remainders, kind="stable")[: count - shares.sum()]] += 1
    return np.asarray(shares)


def _separate(pool: np.ndarray, groups: np.ndarray, lots: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rows whose picture is alone in `pool`, and the ascending rows of each other picture; both by lot."""
    _, inverse, sizes = np.unique(groups[pool], return_inverse=True, return_counts=True)
    alone = sizes[inverse] == 1
    copies = pool[~alone][np.argsort(groups[pool[~alone]], kind="stable")]
    units = np.split(copies, np.flatnonzero(np.diff(groups[copies])) + 1) if len(copies) else []
    return pool[alone][np.argsort(lots[pool[alone]], kind="stable")], sorted(units, key=lambda unit: lots[unit[0]])


def _take_units(units: Sequence[np.ndarray], wanted: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The units that fit whole into `wanted`, which shrinks by them."""
    taken = []
    for unit in units:
        sizes = np.bincount(labels[unit], minlength=len(wanted))
        if (sizes <= wanted).all():
            wanted -= sizes
            taken.append(unit)
    return taken


def _take_singles(singles: np.ndarray, wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The first `wanted` rows of each class, which `wanted` shrinks by."""
    ordered = singles[np.argsort(labels[singles], kind="stable")]
    sizes = np.bincount(labels[singles], minlength=len(wanted))
    place_in_class = np.arange(len(ordered)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    taken: np.ndarray = ordered[place_in_class < wanted[labels[ordered]]]
    wanted -= np.bincount(labels[taken], minlength=len(wanted))
    return taken


def _check_classes(dataset: Dataset, roles: Roles, needed: Sequence[str]) -> None:
    for role in needed:
        counts = np.bincount(dataset.labels[roles.rows[role]], minlength=len(dataset.classes))
        if not counts.all():
            name = dataset.classes[int(np.argmin(counts))]
            raise StudyError(
                f"no {role} row of class {name!r}",
                found=f"{counts.sum():,} {role} rows of {np.count_nonzero(counts)} of {len(counts)} classes",
                expected="every class at least once",
                hint="Ask for more rows in this role, or leave the class out.",
            )
