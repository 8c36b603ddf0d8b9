"""A description of a data set in numbers: counts, shape, classes, pixels, duplicates, contradicting labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows, duplicate_groups
from snellen.data.inspect.constant_images import constant_rows
from snellen.data.inspect.duplicate_sets import near_duplicate_sets
from snellen.data.inspect.pixel_statistics import channel_moments


def describe(dataset: Dataset, near: np.ndarray | None = None) -> dict[str, Any]:
    """The description as JSON values. `missing` is always 0: readers refuse missing pixels and labels.

    duplicates: copies, rows with the image of an earlier row; in_official_test, rows outside the official test whose
    image is in it. conflicting: rows whose image has more than one label. near_duplicates: rows that are almost the
    same as another, their sets, and the sets that include official test rows; None when `near`, the (N,) groups from
    `near_groups`, is not given. constant: images of one colour.
    """
    test = np.zeros(len(dataset), bool) if dataset.official_test is None else dataset.official_test
    groups = duplicate_groups(dataset.images)
    return {
        "name": dataset.name,
        "description": dataset.description,
        "images": len(dataset),
        "official_test": int(test.sum()),
        "official_validation": 0 if dataset.official_validation is None else int(dataset.official_validation.sum()),
        "shape": list(dataset.shape),
        "type": dataset.images.dtype.name,
        "classes": _classes(dataset, test),
        "pixel_range": list(dataset.pixel_range),
        "pixels": _pixels(dataset),
        "missing": 0,
        "duplicates": {
            "copies": int((groups != np.arange(len(groups))).sum()),
            "in_official_test": int(np.isin(groups[~test], groups[test]).sum()),
        },
        "groups": None if dataset.groups is None else len(np.unique(dataset.groups)),
        "remarks": list(dataset.remarks),
        "excluded": [asdict(item) for item in dataset.excluded],
        "near_duplicates": None if near is None else _near(near, groups, test),
        "constant": len(constant_rows(dataset.images)),
        "conflicting": len(conflicting_rows(groups, dataset.labels)),
        "fingerprint": dataset.fingerprint,
    }


def _classes(dataset: Dataset, test: np.ndarray) -> list[dict[str, Any]]:
    """Each class with its numbers of rows outside and in the official test."""
    outside, inside = (
        np.bincount(dataset.labels[rows], minlength=len(dataset.classes)).tolist() for rows in (~test, test)
    )
    return [
        {"class": name, "images": count, "official_test": tested}
        for name, count, tested in zip(dataset.classes, outside, inside, strict=True)
    ]


def _near(near: np.ndarray, copies: np.ndarray, test: np.ndarray) -> dict[str, int]:
    sets = near_duplicate_sets(near, copies, test)
    parted = sum(0 < int(test[rows].sum()) < len(rows) for rows in sets)
    return {"images": sum(map(len, sets)), "sets": len(sets), "sets_in_official_test_too": parted}


def _pixels(dataset: Dataset) -> dict[str, Any]:
    """Minimum, maximum, mean and standard deviation of each channel, in the scale of the pixels."""
    moments = channel_moments(dataset, np.arange(len(dataset)))
    return {
        "least": float(moments.least.min()),
        "greatest": float(moments.greatest.max()),
        "means": moments.means.tolist(),
        "deviations": moments.deviations.tolist(),
    }
