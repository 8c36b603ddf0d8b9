"""Colour as one channel: luma, the perceived brightness of red, green and blue."""

from __future__ import annotations

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import DataError

WEIGHTS, HALF = np.array([19595, 38470, 7471], np.uint32), 2**15
"""0.299, 0.587 and 0.114 (ITU-R BT.601) in 65,536ths, as in Pillow's mode L, so that integers are equal to Pillow's."""


def as_grey(images: np.ndarray) -> np.ndarray:
    """(..., H, W, 1) luma of images (..., H, W, C) in their dtype, uint8 rounded; grey images unchanged.

    Raises DataError for images with alpha, whose background is unknown.
    """
    channels = images.shape[-1]
    if channels == 1:
        return images
    if channels != 3:
        hint = "Say `background: white` (or black) to fill transparent areas of image files."
        raise DataError("transparent images as grey", found=f"{channels} channels", expected="1 or 3", hint=hint)
    grey = np.empty((*images.shape[:-1], 1), images.dtype)
    for rows in row_slices(images):
        grey[rows, ..., 0] = _luma(images[rows])
    return grey


def all_grey(images: np.ndarray) -> bool:
    """Whether red, green and blue are equal in every pixel of (N, H, W, C) images."""
    return all(bool((images[rows] == images[rows, ..., :1]).all()) for rows in row_slices(images))


def _luma(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return (images @ WEIGHTS + HALF) >> 16
    return np.asarray(images @ (WEIGHTS / 2**16).astype(images.dtype))
