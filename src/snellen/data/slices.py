"""Slices of rows of a large array, so that a pass over memory-mapped images needs little memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SLICE_BYTES = 2**22
"""About the size of a processor's cache; larger slices are slower and need more memory."""


def row_slices(array: np.ndarray) -> Iterator[slice]:
    """Consecutive slices of the rows of `array`, each of about SLICE_BYTES."""
    step = max(1, SLICE_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, min(start + step, len(array)))


def image_slices(images: np.ndarray, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Slices of `rows` with their images, each of about SLICE_BYTES as float64."""
    for part in row_slices(np.broadcast_to(np.float64(0), (len(rows), *images.shape[1:]))):
        yield part, images[rows[part]]
