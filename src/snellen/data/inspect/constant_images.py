"""Images in which every pixel has the same value: they show nothing."""

from __future__ import annotations

import numpy as np

from snellen.data.slices import row_slices

COLOURS = 3
"""Further channels are alpha, which is ignored."""


def constant_rows(images: np.ndarray) -> np.ndarray:
    """Ascending rows of the (N, H, W, C) images that have a single colour."""
    found = []
    for rows in row_slices(images):
        colours = images[rows][..., :COLOURS]
        pixels = colours.reshape(len(colours), -1, colours.shape[-1])
        found.append(rows.start + np.flatnonzero((pixels == pixels[:, :1]).all((1, 2))))
    return np.concatenate(found) if found else np.empty(0, np.int64)
