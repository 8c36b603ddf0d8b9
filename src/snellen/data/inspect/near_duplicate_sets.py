"""Near-duplicates to look at: sets of pictures that are almost the same, each with its class and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.classes import near_sets

SETS = 24
PICTURES = 8
"""Sets that are drawn, and pictures of each."""

Content = dict[str, Any]


def listed(
    dataset: Dataset, near: np.ndarray, copies: np.ndarray, parts: np.ndarray, unnamed: Sequence[str]
) -> Content:
    """What the pages tell of near-duplicates, and the first sets: those across parts first, then the largest.

    near, copies: (N,) from `near_groups` and `duplicate_groups`. parts: (N,) text, where each row stands, "" for rows
    that are not looked at. unnamed: the parts whose labels stay unsaid; sets wholly within those stay unseen, as
    nothing but counts may be told of them.
    """
    sets = near_sets(near, copies, parts)
    seen = [rows for rows in sets if not np.isin(parts[rows], ["", *unnamed]).all()]
    return {
        "images": sum(map(len, seen)),
        "sets": len(seen),
        "parted": sum(len(set(parts[rows].tolist()) - {""}) > 1 for rows in seen),
        "listed": [_set(dataset, rows[parts[rows] != ""], parts, unnamed) for rows in seen[:SETS]],
    }


def rows_of(content: Content | None) -> list[int]:
    """The rows whose pictures are drawn."""
    return [one["row"] for each in (content or {"listed": []})["listed"] for one in each["pictures"]]


def _set(dataset: Dataset, rows: np.ndarray, parts: np.ndarray, unnamed: Sequence[str]) -> Content:
    names = sorted(dict.fromkeys(parts[rows].tolist()), key=lambda name: name in unnamed)
    most = -(-PICTURES // len(names))
    drawn = np.concatenate([rows[parts[rows] == name][:most] for name in names])
    pictures = [
        {
            "row": row,
            "id": str(dataset.ids[row]),
            "part": str(parts[row]),
            "class": None if parts[row] in unnamed else dataset.classes[dataset.labels[row]],
        }
        for row in drawn.tolist()
    ]
    named = {picture["class"] for picture in pictures} - {None}
    return {"images": len(rows), "parted": len(names) > 1, "contradicting": len(named) > 1, "pictures": pictures}
