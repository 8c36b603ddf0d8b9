"""What a data set holds, in numbers: counts, shapes, classes, pixels, duplicates, contradictions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows, duplicate_groups
from snellen.data.inspect.classes import near_sets
from snellen.data.slices import row_slices


def describe(dataset: Dataset, near: np.ndarray | None = None) -> dict[str, Any]:
    """JSON values only. Rows with pixels or labels missing cannot be in a data set: readers refuse them.

    duplicates: copies, pictures beyond the first of their kind; in_official_test, other rows whose picture it holds.
    conflicting: rows whose picture stands under more than one label. near_duplicates: of `near`, (N,) from
    `near_groups`, the rows that are almost the same as another, and those of their sets that reach into the test; None
    where nobody looked.
    """
    test = np.zeros(len(dataset), bool) if dataset.official_test is None else dataset.official_test
    groups = duplicate_groups(dataset.images)
    return {
        "name": dataset.name,
        "images": len(dataset),
        "official_test": int(test.sum()),
        "shape": list(dataset.shape),
        "type": dataset.images.dtype.name,
        "classes": _classes(dataset, test),
        "pixel_range": list(dataset.pixel_range),
        "pixels": _pixels(dataset.images),
        "missing": 0,
        "duplicates": {
            "copies": int((groups != np.arange(len(groups))).sum()),
            "in_official_test": int(np.isin(groups[~test], groups[test]).sum()),
        },
        "groups": None if dataset.groups is None else len(np.unique(dataset.groups)),
        "excluded": [asdict(item) for item in dataset.excluded],
        "near_duplicates": None if near is None else _near(near, groups, test),
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
    sets = near_sets(near, copies, test)
    parted = sum(0 < int(test[rows].sum()) < len(rows) for rows in sets)
    return {"images": sum(map(len, sets)), "sets": len(sets), "sets_in_official_test_too": parted}


def _pixels(images: np.ndarray) -> dict[str, Any]:
    """Least and greatest value, mean and standard deviation of each channel, in the pixels' own values."""
    num_pixels, channels = images[..., 0].size, images.shape[-1]
    sums, squares, low, high = np.zeros(channels), np.zeros(channels), np.inf, -np.inf
    for rows in row_slices(images):
        values = images[rows].reshape(-1, channels).astype(np.float64)
        sums, squares = sums + values.sum(axis=0), squares + (values**2).sum(axis=0)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    means = sums / num_pixels
    deviations = np.sqrt(np.maximum(squares / num_pixels - means**2, 0))
    return {"least": low, "greatest": high, "means": means.tolist(), "deviations": deviations.tolist()}
