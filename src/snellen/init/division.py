"""How a proposed study divides its rows: shares that give every class rows in each role, and the treatment of
duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows, duplicate_groups
from snellen.data.inspect.near_duplicates import NearDuplicates
from snellen.data.splits.class_sizes import ClassSizes, too_small
from snellen.data.splits.left_out import LeftOutRows, left_out_rows
from snellen.data.splits.related import related_rows
from snellen.data.splits.roles import ROLES, Roles, Split, assign, near_in_two_roles
from snellen.errors import StudyError
from snellen.init.comments import comment
from snellen.phrases import plural

SHARES, LARGE, SHARE_OF_LARGE = (0.2, 0.3, 0.4), 20_000, 0.1
"""Fractions tried for validation and test, until every class has a row in each. For 20,000 rows 0.1 is enough."""

MOST_LEFT_OUT, MOST_OF_CLASS = 0.01, 0.1
"""Near-duplicates of the official test are left out of training up to these shares of all images and of a class."""

RELATED = "related to official test"


@dataclass(frozen=True)
class Copies:
    """Numbers of images. exact: copies of an earlier image with the same label. contradictions: images that have two
    labels. near: images that are almost the same as another; None if there are too many images to compare."""

    exact: int
    contradictions: int
    near: int | None


@dataclass(frozen=True, eq=False)
class Division:
    """A possible split, and its roles. near: why near-duplicates are not kept together, or None. related: the rows that
    are, or would be, left out because they are near to the official test. parted: pairs of near-duplicates that have
    different roles although near-duplicates are kept together."""

    copies: Copies
    split: Split
    roles: Roles
    near: Literal["too many", "too large"] | None = None
    related: LeftOutRows | None = None
    parted: int = 0


def classes_to_keep(dataset: Dataset) -> tuple[tuple[str, ...], str] | None:
    """The classes with enough images for a row in each role, and a sentence on the others; None if all have enough.
    Also None if only one class would remain: `division` then says what is missing.
    """
    sizes, small = _small_classes(dataset)
    kept = tuple(name for k, name in enumerate(dataset.classes) if k not in set(small))
    if not small or len(kept) < 2:
        return None
    official, needed = dataset.official_test is not None, len(_roles(dataset))
    need = f"{needed} different ones{' outside the official test' if official else ''}"
    if dataset.official_validation is not None:
        need = "one outside the official parts and one in the validation part"
    sentence = f"Left out, because they have too few images: {sizes.described(dataset.classes, small)}."
    return kept, f"{sentence} Each class needs {need}. To use such a class, add images of it and its name here."


def _small_classes(dataset: Dataset) -> tuple[ClassSizes, list[int]]:
    """The sizes of all classes, and the classes with fewer different images than roles, or with no image in an official
    validation part."""
    units, outside_test = related_rows(dataset, duplicate_groups(dataset.images), None), np.ones(len(dataset), bool)
    for part in (dataset.official_test, dataset.official_validation):
        if part is not None:
            outside_test &= ~np.isin(units, units[part & outside_test])
    sizes = ClassSizes.of(dataset, units, np.flatnonzero(outside_test))
    small = sizes.different < len(_roles(dataset))
    if dataset.official_validation is not None:
        small |= np.bincount(dataset.labels[dataset.official_validation], minlength=len(small)) == 0
    return sizes, np.flatnonzero(small).tolist()


def _roles(dataset: Dataset) -> tuple[str, ...]:
    """The roles that rows are drawn for."""
    if dataset.official_validation is not None:
        return ("train",)
    return ("train", "validation") if dataset.official_test is not None else ("train", "validation", "test")


def division(dataset: Dataset, near: NearDuplicates | None) -> Division:
    """The first split that gives every class rows in all roles, or else in training and validation. near: None if there
    are too many images to compare. Raises StudyError if there is no such split, or a class has too few images."""
    sizes, small = _small_classes(dataset)
    if small:
        raise too_small(dataset.classes, sizes, small, _roles(dataset))
    copies = _copies(dataset, near)
    if not copies.near:
        return Division(copies, *_first_possible(dataset, copies, None))
    try:
        split, roles = _first_possible(dataset, copies, "together")
    except StudyError:
        return Division(copies, *_first_possible(dataset, copies, None), near="too large")
    apart = Division(copies, *_first_possible(dataset, copies, None), near="too many", related=_related(dataset, roles))
    if _costs_too_much(apart.related, _related(dataset, apart.roles)):
        return apart
    assert near is not None  # copies.near counts them
    return Division(copies, split, roles, related=apart.related, parted=near_in_two_roles(near, roles).shape[1])


def _copies(dataset: Dataset, near: NearDuplicates | None) -> Copies:
    groups = duplicate_groups(dataset.images)
    own = np.ones(len(dataset), bool) if dataset.official_test is None else ~dataset.official_test
    pairs = np.unique(np.stack([groups, dataset.labels])[:, own], axis=1).shape[1]
    similar = None if near is None else int(np.isin(near.copies, near.pairs).sum())
    return Copies(int(own.sum()) - pairs, len(conflicting_rows(groups, dataset.labels)), similar)


def _first_possible(dataset: Dataset, copies: Copies, near: Literal["together"] | None) -> tuple[Split, Roles]:
    """The split by the first of the shares that gives every role all classes, or else the first possible split."""
    official = dataset.official_test
    own = len(dataset) if official is None else int((~official).sum())
    possible = list[tuple[Split, Roles]]()
    faults = list[StudyError]()
    for share in (SHARE_OF_LARGE, *SHARES) if own >= LARGE else SHARES:
        split = Split(
            test=share if official is None and dataset.official_validation is None else None,
            validation=share if dataset.official_validation is None else None,
            drop_duplicates="exact" if copies.exact else None,
            near_duplicates=near,
        )
        try:
            possible.append((split, assign(dataset, split)))
        except StudyError as error:
            faults.append(error)
        else:
            tested = np.unique(dataset.labels[possible[-1][1].rows["test"]])
            if official is not None or len(tested) == len(dataset.classes):
                return possible[-1]
    if not possible:
        raise faults[0]
    return possible[0]


def _related(dataset: Dataset, roles: Roles) -> LeftOutRows | None:
    return next((each for each in left_out_rows(dataset, roles) if each.reason == RELATED), None)


def _costs_too_much(near: LeftOutRows | None, groups: LeftOutRows | None) -> bool:
    """Whether there are too many near-duplicates of the official test to leave them out. groups: rows that are left out
    in any case, because they share a group with the test."""
    if near is None or (groups and groups.rows == near.rows):
        return False
    few = near.rows <= MOST_LEFT_OUT * near.of
    return not few or any(lost > MOST_OF_CLASS * count for lost, count in near.by_class.values())


def duplicate_lines(division: Division) -> Iterator[str]:
    """The lines of the study on copies and near-duplicates."""
    copies = division.copies
    if copies.contradictions:
        yield from comment(f"Images with more than one label: {copies.contradictions:,}. See the report.", "  ")
    if copies.exact:
        yield from comment(f"Exact copies of an earlier image: {copies.exact:,}. Only the first of each is used.", "  ")
        yield "  drop_duplicates: exact"
    if copies.near is None:
        yield from comment(
            "Near-duplicates were not looked for, because there are many images. To look for them, use this line:", "  "
        )
        yield "  # near_duplicates: together"
    elif copies.near:
        yield from comment(f"Images almost the same as another: {copies.near:,}. {_reason(division)}", "  ")
        yield f"  {'# ' if division.near else ''}near_duplicates: together"


def _reason(division: Division) -> str:
    if division.near == "too large":
        return "So many of one class are connected that they cannot be kept on the same side of a split."
    if division.near:
        assert division.related is not None  # the setting that would cost too much
        return (
            f"They are not kept on the same side of every split: that would leave out {division.related.counts}. "
            "Scores on the test images that are near to these may be too good. To leave them out, use this line:"
        )
    if division.parted:
        return (
            "They are kept on the same side of every split, except in chains of images that are each near to the "
            f"next: {plural(division.parted, 'pair')} of them have different roles."
        )
    return "They are kept on the same side of every split, so that no test image is almost a training image."


def split_lines(dataset: Dataset, division: Division) -> Iterator[str]:
    """The lines on the split, with the number of rows of each role, and of those without a role."""
    split, roles = division.split, division.roles
    counts = ", ".join(f"{role} {len(roles.rows[role]):,}" for role in ROLES if len(roles.rows[role]))
    drawn = {"test": split.test, "validation": split.validation}
    shares = {"test": "of all images", "validation": "of the rest"}
    reasons = [
        f"the {role} set is {drawn[role]:.0%} {share}"
        if drawn[role] is not None
        else f"the {role} set is the official one of the data"
        for role, share in shares.items()
        if len(roles.rows[role])
    ]
    if not len(roles.rows["test"]):
        reasons.append("there is no test set: the data have none. To draw one: test: 0.2")
    text = "; ".join(reasons)
    yield from comment(f"{text[0].upper()}{text[1:]}. Stratified by class: {counts}.")
    for each in left_out_rows(dataset, roles):
        yield from comment(each.sentence)
    written = "".join(f"{role}: {share}, " for role, share in drawn.items() if share is not None)
    yield f"split: {{{written}seed: {split.seed}}}"
