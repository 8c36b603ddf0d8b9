"""Makes data.json of a run: the properties of the data, and which rows have which role."""

from __future__ import annotations

from collections import Counter
from typing import cast

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows
from snellen.data.inspect.class_images import class_counts, sample_rows
from snellen.data.inspect.constant_images import constant_rows
from snellen.data.inspect.duplicate_sets import near_duplicate_summary
from snellen.data.splits.roles import ROLES, near_in_two_roles
from snellen.data.splits.split_data import SplitData
from snellen.evaluate.data_file import DataFile, DataSection, LeftOut, Near, NearSets, RolesSection
from snellen.run.reviews_section import reviews_section
from snellen.study.schema import StudyFile

SAMPLES_A_CLASS = 8
LISTED = 100
"""The most left-out rows that are listed by id; all are counted, and all unreadable files are listed."""

NEAR_LISTED = 20
"""The most groups of near-duplicates that are listed."""

CONSTANT_LISTED = 20
"""The most images of a single colour that are listed by id."""

UNREADABLE = "unreadable"

DIVIDED_TEST = "images of the official test that stop training, keep the best epoch and choose the model"
"""The rule of the validation images of a divided official test."""

RULES = {
    "train": "fits the weights",
    "validation": "stops training, keeps the best epoch and chooses the model",
    "calibration": "certifies thresholds and prediction sets; it chooses nothing",
    "test": "is compared with predictions only after everything is chosen",
}


FAULTY_RULES = {
    "test_as_validation": {
        "validation": "on purpose the test images: they stop training, keep the best epoch and choose the model",
        "test": "images that would have been the validation images; they choose nothing here",
    },
    "last_rows_validation": {
        "validation": "on purpose the last rows; they stop training, keep the best epoch and choose the model"
    },
}


def _rules(faults: tuple[str, ...], divided_test: bool) -> dict[str, str]:
    rules = RULES | ({"validation": DIVIDED_TEST} if divided_test else {})
    return rules | {role: rule for fault in faults for role, rule in FAULTY_RULES.get(fault, {}).items()}


def data_values(study: StudyFile, data: SplitData) -> DataFile:
    """The content of data.json; images by row, mean images as numbers in 0..1."""
    values: DataFile = {"data": _data(data), "roles": _roles(study, data)}
    remarks = [each for each in data.dataset.remarks if data.applied is None or each != data.applied.sentence]
    if remarks:
        values["data"]["remarks"] = remarks
    if data.dataset.description:
        values["data"]["description"] = data.dataset.description
    if data.dataset.official_validation is not None:
        values["roles"]["official_validation"] = True
    if data.divided_test is not None:
        values["roles"]["divided_test"] = data.divided_test
    if data.applied is not None:
        values["reviews"] = reviews_section(data, data.applied)
    return values


def _data(data: SplitData) -> DataSection:
    dataset, train = data.dataset, data.roles.rows["train"]
    constant = constant_rows(dataset.images)
    low, high = dataset.pixel_range
    means = (data.class_means - low) / (high - low)
    counts = class_counts(dataset, data.roles.rows).pivot("role", index="class", values="images")
    return {
        "name": dataset.name,
        "images": len(dataset),
        "shape": dataset.shape,
        "classes": list(dataset.classes),
        "pixel_range": (float(low), float(high)),
        "fingerprint": dataset.fingerprint,
        "counts": [{"class": row["class"], **{role: row[role] for role in ROLES}} for row in counts.to_dicts()],
        "samples": [
            [row for row in rows if row >= 0] for rows in sample_rows(dataset, train, SAMPLES_A_CLASS, 0).tolist()
        ],
        "means": means.reshape(len(means), -1).round(4).astype(float).tolist(),
        "conflicting": len(conflicting_rows(data.duplicates, dataset.labels)),
        "duplicate_pictures": int(np.sum(data.duplicates != np.arange(len(dataset)))),
        "near_duplicates": _near_duplicates(data),
        "near_pairs": _near_sets(data),
        "constant": {"images": len(constant), "ids": dataset.ids[constant[:CONSTANT_LISTED]].tolist()},
    }


def _roles(study: StudyFile, data: SplitData) -> RolesSection:
    dataset, roles = data.dataset, data.roles
    rules = _rules(data.faults, data.divided_test is not None)
    reasons: list[str] = [each.reason for each in roles.left_out] + [UNREADABLE] * len(dataset.excluded)
    listed: list[LeftOut] = [
        {
            "id": str(dataset.ids[each.row]),
            "reason": each.reason,
            "twin": "" if each.twin == each.row else str(dataset.ids[each.twin]),
        }
        for each in roles.left_out[:LISTED]
    ]
    return {
        "counts": {role: len(roles.rows[role]) for role in ROLES},
        "seed": study.split.seed,
        "stratified": "last_rows_validation" not in data.faults,
        "official_test": dataset.official_test is not None and "test_as_validation" not in data.faults,
        "left_out": _unreadable(dataset) + listed,
        "left_out_total": dict(Counter(reasons)),
        "rules": [f"{role}: {rule}" for role, rule in rules.items() if len(roles.rows[role])],
    }


def _near_duplicates(data: SplitData) -> Near | None:
    """The number of near-duplicates, the number of these with one in another role, and the first groups by row; None if
    near-duplicates were not looked for."""
    near = data.near_duplicates
    if near is None:
        return None
    names, sizes = np.unique(near.sets, return_counts=True)
    pairs = near_in_two_roles(near, data.roles)
    return {
        "pictures": int(sizes[sizes > 1].sum()),
        "groups": [np.flatnonzero(near.sets == name).tolist() for name in names[sizes > 1][:NEAR_LISTED]],
        "parted": len(np.unique(pairs)),
        "parted_pairs": pairs.shape[1],
        "together": data.split.near_duplicates == "together",
    }


def _near_sets(data: SplitData) -> NearSets | None:
    """The sets of near-duplicates to look at, each image with its role; sets within the test are not shown."""
    if data.near_duplicates is None:
        return None
    parts = np.full(len(data.dataset), "", dtype=f"U{max(map(len, ROLES))}")
    for role, rows in data.roles.rows.items():
        parts[rows] = role
    listed = near_duplicate_summary(data.dataset, data.near_duplicates.sets, data.duplicates, parts, ["test"])
    return cast(NearSets, listed)


def _unreadable(dataset: Dataset) -> list[LeftOut]:
    """Every excluded file; `twin` says what is wrong with it."""
    return [{"id": each.file, "reason": UNREADABLE, "twin": each.reason} for each in dataset.excluded]
