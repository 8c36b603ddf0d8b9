"""data.json: the parts of the report that tell of the data and of who used which rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows, duplicate_groups
from snellen.data.inspect import duplicate_sets
from snellen.data.inspect.class_images import class_counts, mean_images, sample_rows
from snellen.data.inspect.near_duplicates import near_groups
from snellen.data.splits.roles import ROLES, Roles, rows_in_several_roles
from snellen.limits import MAX_NEAR_IMAGES
from snellen.study.schema import StudyFile

SAMPLES_A_CLASS = 8
LISTED = 100
"""Rows left out that are listed by id; all are counted, and all unreadable files are listed."""

NEAR_LISTED = 20
"""Groups of near-duplicates that are listed."""

UNREADABLE = "unreadable"

RULES = {
    "train": "fits the weights",
    "validation": "stops training, keeps the best epoch and chooses the model",
    "calibration": "is kept for temperature and thresholds; nothing uses it yet",
    "test": "is compared with predictions only after everything is chosen",
}


def describe(study: StudyFile, dataset: Dataset, roles: Roles) -> dict[str, Any]:
    """The `data` and `roles` sections of report.json; pictures by row, means as numbers in 0..1."""
    return {"data": _data(study, dataset, roles), "roles": _roles(study, dataset, roles)}


def _data(study: StudyFile, dataset: Dataset, roles: Roles) -> dict[str, Any]:
    groups = duplicate_groups(dataset.images)
    low, high = dataset.pixel_range
    train = roles.rows["train"]
    means = (mean_images(dataset, train) - low) / (high - low)
    counts = class_counts(dataset, roles.rows).pivot("role", index="class", values="images")
    return {
        "name": dataset.name,
        "images": len(dataset),
        "shape": list(dataset.shape),
        "classes": list(dataset.classes),
        "pixel_range": [float(low), float(high)],
        "fingerprint": dataset.fingerprint,
        "counts": [{"class": row["class"], **{role: row[role] for role in ROLES}} for row in counts.to_dicts()],
        "samples": [
            [row for row in rows if row >= 0] for rows in sample_rows(dataset, train, SAMPLES_A_CLASS, 0).tolist()
        ],
        "means": means.reshape(len(means), -1).round(4).astype(float).tolist(),
        "conflicting": len(conflicting_rows(groups, dataset.labels)),
        "duplicate_pictures": int(np.sum(groups != np.arange(len(dataset)))),
        "near_duplicates": _near_duplicates(study, dataset, roles),
        "near_pairs": _near_pairs(study, dataset, roles),
    }


def _roles(study: StudyFile, dataset: Dataset, roles: Roles) -> dict[str, Any]:
    reasons: list[str] = [each.reason for each in roles.left_out] + [UNREADABLE] * len(dataset.excluded)
    return {
        "counts": {role: len(roles.rows[role]) for role in ROLES},
        "seed": study.split.seed,
        "stratified": True,
        "official_test": dataset.official_test is not None,
        "left_out": _unreadable(dataset)
        + [
            {"id": str(dataset.ids[each.row]), "reason": each.reason, "twin": str(dataset.ids[each.twin])}
            for each in roles.left_out[:LISTED]
        ],
        "left_out_total": dict(Counter(reasons)),
        "rules": [f"{role}: {rule}" for role, rule in RULES.items() if len(roles.rows[role])],
    }


def _near_duplicates(study: StudyFile, dataset: Dataset, roles: Roles) -> dict[str, Any] | None:
    """How many pictures are nearly another's, how many of these one in another role, and the first groups by row; None
    where nobody looked."""
    groups = _near_groups(study, dataset)
    if groups is None:
        return None
    names, sizes = np.unique(groups, return_counts=True)
    return {
        "pictures": int(sizes[sizes > 1].sum()),
        "groups": [np.flatnonzero(groups == name).tolist() for name in names[sizes > 1][:NEAR_LISTED]],
        "parted": len(rows_in_several_roles(groups, roles)),
        "together": study.data.near_duplicates == "together",
    }


def _near_pairs(study: StudyFile, dataset: Dataset, roles: Roles) -> dict[str, Any] | None:
    """The sets of near-duplicates to look at, each picture with its role; those within the test alone are not shown."""
    groups = _near_groups(study, dataset)
    if groups is None:
        return None
    parts = np.full(len(dataset), "", dtype=f"U{max(map(len, ROLES))}")
    for role, rows in roles.rows.items():
        parts[rows] = role
    return duplicate_sets.near_duplicate_summary(dataset, groups, parts, ["test"])


def _near_groups(study: StudyFile, dataset: Dataset) -> np.ndarray | None:
    return near_groups(dataset) if study.data.near_duplicates or len(dataset) <= MAX_NEAR_IMAGES else None


def _unreadable(dataset: Dataset) -> list[dict[str, str]]:
    """Every excluded file; what is wrong with it stands where others have their twin."""
    return [{"id": each.file, "reason": UNREADABLE, "twin": each.reason} for each in dataset.excluded]
