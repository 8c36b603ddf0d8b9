"""Images in which every pixel has the same value: they show nothing."""

from __future__ import annotations

import numpy as np

from snellen.data.slices import row_slices

COLOURS = 3
"""A channel after these is alpha, which is not looked at."""


def constant_rows(images: np.ndarray) -> np.ndarray:
    """Ascending rows of (N, H, W, C) images of one colour, whatever it is."""
    found = []
    for rows in row_slices(images):
        colours = images[rows][..., :COLOURS]
        pixels = colours.reshape(len(colours), -1, colours.shape[-1])
        found.append(rows.start + np.flatnonzero((pixels == pixels[:, :1]).all((1, 2))))
    return np.concatenate(found) if found else np.empty(0, np.int64)
