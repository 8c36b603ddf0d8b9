"""Applies reviews to a data set with roles: labels outside the test are corrected, images are left out. Roles are
assigned before, by the original labels: every row keeps its role and its fold, and the test, including its labels, is
the same with and without reviews.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.reviews import Review, Reviews, as_class, pixel_hashes
from snellen.data.splits.applied_reviews import AppliedReviews
from snellen.data.splits.class_sizes import name_of, without
from snellen.data.splits.roles import LeftOut, Roles, prove_disjoint
from snellen.data.splits.split_data import SplitData
from snellen.errors import DataError, StudyError, located, shown, unknown
from snellen.files.hashing import canonical_json, digest
from snellen.phrases import listing, plural

NAMED = 5
"""The most classes that a message names; further ones are counted."""


def with_reviews(data: SplitData, reviews: Reviews) -> SplitData:
    """The data after the reviews; `unreviewed` and `applied` hold the data before, and the changes. Raises DataError if
    no review fits an image or a corrected class does not exist, StudyError if a class is left without images in a role
    that needs them.
    """
    with located(reviews.name):
        applied = _applied(data, reviews)
    labels = data.dataset.labels.copy()
    for row, label in applied.corrected.items():
        labels[row] = label
    dataset = replace(
        data.dataset,
        labels=labels,
        fingerprint=_fingerprint(data.dataset, applied),
        remarks=(*data.dataset.remarks, applied.sentence),
    )
    found = replace(
        data,
        dataset=dataset,
        roles=_roles_without(data.roles, applied.excluded),
        folds=tuple(replace(fold, rows=_without(fold.rows, applied.excluded)) for fold in data.folds),
        unreviewed=data,
        applied=applied,
    )
    needed = [role for role in ("train", "validation") if len(data.roles.rows[role])]
    for rows in (found.roles.rows, *(fold.rows for fold in found.folds)):
        _expect_all_classes(dataset, rows, needed, reviews)
    prove_disjoint(dataset, found.roles, data.duplicates)
    return found


def _expect_all_classes(
    dataset: Dataset, rows: Mapping[str, np.ndarray], needed: Sequence[str], reviews: Reviews
) -> None:
    """Raises StudyError if reviews leave a class without images in a role in which it had some before."""
    for role in needed:
        counts = np.bincount(dataset.labels[rows[role]], minlength=len(dataset.classes))
        codes = np.flatnonzero(counts == 0).tolist()
        absent = [dataset.classes[code] for code in codes]
        if not absent:
            continue
        names = listing([shown(name) for name in absent[:NAMED]])
        more = f" and {plural(len(absent) - NAMED, 'other class')}" if len(absent) > NAMED else ""
        left = len(absent) < len(dataset.classes) - 1
        leave = f", or leave the class out: {without(dataset.classes, codes)}" if left else ""
        raise StudyError(
            f"the reviews leave no {name_of(role)} image of {names}{more}",
            found=f"{plural(len(rows[role]), f'{name_of(role)} image')} after them",
            expected="every class at least once",
            where=reviews.name,
            hint=f"Look whether so many labels are wrong{leave}.",
        )


def _applied(data: SplitData, reviews: Reviews) -> AppliedReviews:
    keys, dataset = pixel_hashes(data.dataset.images), data.dataset
    by_image: dict[str, list[int]] = {review.image: [] for review in reviews.rows}
    for row in np.flatnonzero(np.isin(keys, list(by_image))).tolist():
        by_image[str(keys[row])].append(row)
    rows = tuple(_rows_of(review, by_image[review.image], dataset) for review in reviews.rows)
    if not any(len(each) for each in rows):
        raise _other_data(reviews, by_image, dataset)
    tested = np.zeros(len(dataset), bool)
    tested[data.roles.rows["test"]] = True
    used = np.zeros(len(dataset), bool)
    for role, own in data.roles.rows.items():
        used[own] = role != "test"
    corrected: dict[int, int] = {}
    excluded, in_test = set[int](), set[int]()
    for review, own in zip(reviews.rows, rows, strict=True):
        label = _correct_label(review, dataset) if review.verdict == "wrong" and len(own) else None
        in_test.update(own[tested[own]].tolist())
        for row in own[used[own]].tolist():
            if label is not None:
                corrected[row] = label
            elif review.verdict == "exclude":
                excluded.add(row)
    return AppliedReviews(reviews, rows, dict(sorted(corrected.items())), _sorted(excluded), _sorted(in_test))


def _rows_of(review: Review, same_image: list[int], dataset: Dataset) -> np.ndarray:
    name = as_class(review.label, dataset.classes)
    rows = np.array(same_image, np.int64)
    if name not in dataset.classes:
        return rows[:0]
    return np.asarray(rows[dataset.labels[rows] == dataset.classes.index(name)])


def _correct_label(review: Review, dataset: Dataset) -> int:
    assert review.correct_label is not None  # `read_reviews` has checked
    name = as_class(review.correct_label, dataset.classes)
    if name not in dataset.classes:
        error = unknown("class", name, dataset.classes)
        problem, where = f"`correct_label` is no class of these data: {error.problem}", f"line {review.line}"
        raise DataError(problem, expected=error.expected, where=where, hint=error.hint)
    return dataset.classes.index(name)


def _other_data(reviews: Reviews, by_image: dict[str, list[int]], dataset: Dataset) -> DataError:
    images = sum(bool(rows) for rows in by_image.values())
    found = (
        f"none of {plural(len(by_image), 'reviewed image')} among the {plural(len(dataset), 'image')}"
        if not images
        else f"{images:,} of {plural(len(by_image), 'reviewed image')} here, none with its reviewed label"
    )
    hint = "Images are compared as the study reads them: with the same `resize`, `crop`, `pad` and `grey`."
    return DataError("reviews of other data", found=found, expected=f"images of {dataset.name}", hint=hint)


def _roles_without(roles: Roles, excluded: np.ndarray) -> Roles:
    left_out = (*roles.left_out, *(LeftOut(int(row), "excluded by review", int(row)) for row in excluded))
    return Roles(_without(roles.rows, excluded), tuple(sorted(left_out, key=lambda item: item.row)))


def _without(rows: Mapping[str, np.ndarray], excluded: np.ndarray) -> dict[str, np.ndarray]:
    return {role: own[~np.isin(own, excluded)] for role, own in rows.items()}


def _fingerprint(dataset: Dataset, applied: AppliedReviews) -> str:
    """The split data before the reviews, unless a label or role has changed."""
    changes = [list(applied.corrected.items()), applied.excluded.tolist()]
    if not any(changes):
        return dataset.fingerprint
    return digest(dataset.fingerprint.encode(), canonical_json(changes))


def _sorted(rows: set[int]) -> np.ndarray:
    return np.array(sorted(rows), np.int64)
