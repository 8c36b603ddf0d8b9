"""Stratified draws of rows: in the proportions of the classes, lowest random number first, groups kept together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.errors import StudyError

Share = int | float


def row_count(share: Share, num_rows: int, role: str) -> int:
    """The number of rows for a share of `num_rows`, a fraction or a count; at least one row must remain."""
    count = round(share * num_rows) if isinstance(share, float) else share
    if share != 0 and not (share > 0 and 0 < count < num_rows):
        expected = f"0, a fraction, or a count below {num_rows:,}, the number of rows it is drawn from"
        raise StudyError(f"impossible `split.{role}`", found=share, expected=expected)
    return count


def random_numbers(num_rows: int, seed: int, purpose: int) -> np.ndarray:
    """(N,) random numbers in [0, 1) that depend only on seed, purpose and row, in every NumPy version."""
    if not 0 <= seed < 2**64:
        raise StudyError("bad `split.seed`", found=seed, expected="an integer from 0 to 2**64 - 1")
    key = np.array([seed, purpose], np.uint64)
    return np.asarray((np.random.Philox(key=key).random_raw(num_rows) >> np.uint64(11)) * 2.0**-53)


def rows_without(rows: np.ndarray, others: np.ndarray | Sequence[int]) -> np.ndarray:
    """The rows that are not among `others`, in their order; each row occurs once in either. NumPy's function would
    search for duplicates first, which takes 0.4 s for 400,000 rows."""
    return np.setdiff1d(rows, others, assume_unique=True)


def stratified_choice(
    pool: np.ndarray,
    count: int,
    labels: np.ndarray,
    groups: np.ndarray,
    numbers: np.ndarray,
    at_least: int = 0,
    leave: int = 0,
) -> np.ndarray:
    """`count` ascending rows of `pool` in its class proportions, rows of a group together, lowest `numbers` first.

    Groups are chosen as often as single rows: before these when their number is below the drawn fraction, else after.
    at_least, leave: rows of each class to choose and to leave, if `count` and the size of the class allow it, so that a
    small class has rows in every role.
    """
    sizes = np.bincount(labels[pool])
    wanted = _within(_apportion(sizes, count), sizes, at_least, leave)
    singles, copies = _separate(pool, groups, numbers)
    first = [unit for unit in copies if numbers[unit[0]] * len(pool) < count]
    last = [unit for unit in copies if numbers[unit[0]] * len(pool) >= count]
    chosen = [*_take_units(first, wanted, labels), _take_singles(singles, wanted, labels)]
    chosen += _take_units(last, wanted, labels)
    spare = singles[~np.isin(singles, np.concatenate(chosen))]
    return np.sort(np.concatenate([*chosen, spare[: wanted.sum()]]))


def add_groups(chosen: np.ndarray, pool: np.ndarray, count: int, units: np.ndarray, role: str) -> np.ndarray:
    """`chosen` and more whole units of `pool`, of any classes, as long as that brings its size nearer to `count`.

    It is needed because groups may be too large to fit. Raises StudyError if nothing can be chosen.
    """
    left = rows_without(pool, chosen)
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
        found, expected = f"groups of {sizes.min():,} and more images", f"some of at most {2 * count - 1:,}"
        raise StudyError(f"no group is small enough for `split.{role}`", found=found, expected=expected)
    return chosen


def _apportion(sizes: np.ndarray, count: int) -> np.ndarray:
    """(K,) numbers that sum to `count`, in proportion to `sizes`, by largest remainder; ties go to the lower class."""
    total = max(int(sizes.sum()), 1)
    shares, remainders = np.divmod(sizes * count, total)
    shares[np.argsort(-remainders, kind="stable")[: count - shares.sum()]] += 1
    return np.asarray(shares)


def _within(shares: np.ndarray, sizes: np.ndarray, at_least: int, leave: int) -> np.ndarray:
    """The shares with the same sum, each at least `at_least` and at most its size minus `leave`, if both are possible:
    rows move from the classes that are farthest above their proportion, or to those farthest below."""
    most = np.maximum(sizes - leave, 0)
    least = np.minimum(most, at_least)
    count, moved = int(shares.sum()), np.clip(shares, least, most)
    if not least.sum() <= count <= most.sum():
        return shares
    ideal = sizes * count / max(int(sizes.sum()), 1)
    while (spare := int(moved.sum()) - count) != 0:
        step, limit = (-1, least) if spare > 0 else (1, most)
        moved[np.argmax(np.where(moved != limit, step * (ideal - moved), -np.inf))] += step
    return np.asarray(moved)


def _separate(pool: np.ndarray, groups: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rows of `pool` without a group, and the ascending rows of each group; both ordered by `numbers`."""
    _, inverse, sizes = np.unique(groups[pool], return_inverse=True, return_counts=True)
    alone = sizes[inverse] == 1
    copies = pool[~alone][np.argsort(groups[pool[~alone]], kind="stable")]
    units = np.split(copies, np.flatnonzero(np.diff(groups[copies])) + 1) if len(copies) else []
    return pool[alone][np.argsort(numbers[pool[alone]], kind="stable")], sorted(
        units, key=lambda unit: numbers[unit[0]]
    )


def _take_units(units: Sequence[np.ndarray], wanted: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The units that fit into `wanted`, the number of missing rows of each class, from which they are subtracted."""
    taken = []
    for unit in units:
        sizes = np.bincount(labels[unit], minlength=len(wanted))
        if (sizes <= wanted).all():
            wanted -= sizes
            taken.append(unit)
    return taken


def _take_singles(singles: np.ndarray, wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The first `wanted` rows of each class, which are subtracted from `wanted`."""
    ordered, ranks = _ranked_in_class(singles, labels)
    taken: np.ndarray = ordered[ranks < wanted[labels[ordered]]]
    wanted -= np.bincount(labels[taken], minlength=len(wanted))
    return taken


def stratified_sample(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """At most `count` ascending places in (n,) labels, in the proportions of the classes, and at least one of each
    class if `count` allows it."""
    shuffled = np.random.Generator(np.random.Philox(seed)).permutation(len(labels))
    ordered, ranks = _ranked_in_class(shuffled, labels)
    return np.sort(ordered[np.argsort(ranks / np.bincount(labels)[labels[ordered]], kind="stable")[:count]])


def nested_sample(rows: np.ndarray, count: int, labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """`count` ascending rows in the class proportions of `rows`; a larger count contains a smaller one.

    labels, numbers: (N,) of the data set. In each class the rows with the lowest numbers come first.
    """
    ordered, ranks = _ranked_in_class(rows[np.argsort(numbers[rows], kind="stable")], labels)
    shares = (ranks + 0.5) / np.bincount(labels[rows])[labels[ordered]]
    return np.sort(ordered[np.lexsort((numbers[ordered], shares))[:count]])


def nested_sample_by_class(rows: np.ndarray, count: int, labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """`count` ascending rows of each class of `rows`, all of a class that has fewer; a larger count contains a smaller
    one. labels, numbers: as for `nested_sample`."""
    ordered, ranks = _ranked_in_class(rows[np.argsort(numbers[rows], kind="stable")], labels)
    return np.sort(ordered[ranks < count])


def _ranked_in_class(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`rows` sorted by class, in their given order within each, and the rank of each in its class, from 0."""
    ordered = rows[np.argsort(labels[rows], kind="stable")]
    sizes = np.bincount(labels[rows])
    return ordered, np.arange(len(ordered)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
