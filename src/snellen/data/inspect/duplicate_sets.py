"""Sets of exact and near-duplicates for display, each image with its class and its part of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset

SETS = 24
IMAGES = 8
"""The most sets that are drawn, and the most images of each."""

Content = dict[str, Any]


def exact_duplicate_sets(groups: np.ndarray, labels: np.ndarray, limit: int) -> list[np.ndarray]:
    """The rows of each image that occurs more than once, at most `limit` images; contradicting labels first, then
    in the order of the first copy. groups: (N,) from `duplicate_groups`.
    """
    first, sizes = np.unique(groups, return_counts=True)
    repeated = first[sizes > 1]
    agrees = ~np.isin(repeated, groups[labels != labels[groups]])
    return [np.flatnonzero(groups == row) for row in repeated[np.argsort(agrees, kind="stable")][:limit]]


def near_duplicate_sets(near: np.ndarray, copies: np.ndarray, parts: np.ndarray) -> list[np.ndarray]:
    """The rows of each set of near-duplicates that are not all identical: sets with rows in several parts first, then
    the largest. near, copies: (N,) from `near_groups` and `duplicate_groups`. parts: (N,), any values."""
    names, images = np.unique(np.unique(np.stack([near, copies]), axis=1)[0], return_counts=True)
    sets = [np.flatnonzero(near == name) for name in names[images > 1]]
    return sorted(sets, key=lambda rows: (len(np.unique(parts[rows])) == 1, -len(rows)))


def near_duplicate_summary(
    dataset: Dataset, near: np.ndarray, copies: np.ndarray, parts: np.ndarray, unnamed: Sequence[str]
) -> Content:
    """Counts of near-duplicates for the pages, and the first sets: sets across parts first, then the largest.

    near, copies: (N,) from `near_groups` and `duplicate_groups`. parts: (N,) text, the part of each row, "" for rows
    that are left out. unnamed: the parts whose labels are not shown; sets entirely within these are not shown either.
    """
    sets = near_duplicate_sets(near, copies, parts)
    shown = [rows for rows in sets if not np.isin(parts[rows], ["", *unnamed]).all()]
    return {
        "images": sum(map(len, shown)),
        "sets": len(shown),
        "parted": sum(len(set(parts[rows].tolist()) - {""}) > 1 for rows in shown),
        "listed": [_set(dataset, rows[parts[rows] != ""], parts, unnamed) for rows in shown[:SETS]],
    }


def near_duplicate_rows(content: Content | None) -> list[int]:
    """The rows of a summary whose images are drawn."""
    return [one["row"] for each in (content or {"listed": []})["listed"] for one in each["pictures"]]


def _set(dataset: Dataset, rows: np.ndarray, parts: np.ndarray, unnamed: Sequence[str]) -> Content:
    names = sorted(dict.fromkeys(parts[rows].tolist()), key=lambda name: name in unnamed)
    most = -(-IMAGES // len(names))
    drawn = np.concatenate([rows[parts[rows] == name][:most] for name in names])
    images = [
        {
            "row": row,
            "id": str(dataset.ids[row]),
            "part": str(parts[row]),
            "class": None if parts[row] in unnamed else dataset.classes[dataset.labels[row]],
        }
        for row in drawn.tolist()
    ]
    named = {image["class"] for image in images} - {None}
    return {"images": len(rows), "parted": len(names) > 1, "contradicting": len(named) > 1, "pictures": images}
