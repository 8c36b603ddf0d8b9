"""Drawing some of the rows: stratified over classes, what belongs together kept together, lowest lots first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.errors import StudyError

Share = int | float


def row_count(share: Share, num_rows: int, role: str) -> int:
    """The number of rows that a share of `num_rows` means; at least one stays behind."""
    count = round(share * num_rows) if isinstance(share, float) else share
    if share != 0 and not (share > 0 and 0 < count < num_rows):
        expected = f"0, a fraction or a count that leaves some of the {num_rows:,} rows it is taken from"
        raise StudyError(f"impossible `split.{role}`", found=share, expected=expected)
    return count


def random_numbers(num_rows: int, seed: int, purpose: int) -> np.ndarray:
    """(N,) lots in [0, 1): a function of seed, purpose and row alone, in every NumPy version."""
    if not 0 <= seed < 2**64:
        raise StudyError("bad `split.seed`", found=seed, expected="an integer from 0 to 2**64 - 1")
    key = np.array([seed, purpose], np.uint64)
    return np.asarray((np.random.Philox(key=key).random_raw(num_rows) >> np.uint64(11)) * 2.0**-53)


def stratified_choice(
    pool: np.ndarray, count: int, labels: np.ndarray, groups: np.ndarray, lots: np.ndarray
) -> np.ndarray:
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


def add_groups(chosen: np.ndarray, pool: np.ndarray, count: int, units: np.ndarray, role: str) -> np.ndarray:
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
