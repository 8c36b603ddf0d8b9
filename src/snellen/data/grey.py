"""Colour as one channel: luma, the brightness that the eye makes of red, green and blue."""

from __future__ import annotations

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import DataError

WEIGHTS, HALF = np.array([19595, 38470, 7471], np.uint32), 2**15
"""0.299, 0.587 and 0.114 of ITU-R BT.601 in 65,536ths: those of Pillow's mode L, so that integers come out the same."""


def as_grey(images: np.ndarray) -> np.ndarray:
    """(..., H, W, 1) luma of pictures (..., H, W, C) of the same type, uint8 rounded; grey pictures as they are.

    Raises DataError for pictures with alpha: what shines through them is not said.
    """
    channels = images.shape[-1]
    if channels == 1:
        return images
    if channels != 3:
        hint = "Say `background: white` (or black) to fill what is transparent in picture files."
        raise DataError("transparent pictures as grey", found=f"{channels} channels", expected="1 or 3", hint=hint)
    grey = np.empty((*images.shape[:-1], 1), images.dtype)
    for rows in row_slices(images):
        grey[rows, ..., 0] = _luma(images[rows])
    return grey


def all_grey(images: np.ndarray) -> bool:
    """Whether red, green and blue of every pixel (N, H, W, C) are one value."""
    return all(bool((images[rows] == images[rows, ..., :1]).all()) for rows in row_slices(images))


def _luma(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return (images @ WEIGHTS + HALF) >> 16
    return np.asarray(images @ (WEIGHTS / 2**16).astype(images.dtype))
