"""X of scikit-learn as images: (N, H, W), (N, H, W, C), or flat rows, with one pixel scale for fit and predict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from snellen.data.pixel_scale import BYTES, UNIT, are_integers, extent_of, proposed_range
from snellen.data.readers.pixels import as_images, find_range
from snellen.errors import DataError, StudyError, shown
from snellen.limits import MAX_SIDE_PIXELS
from snellen.models.given_scale import scale_of

Shape = tuple[int, int, int]
"""Height, width, channels."""
Scale = tuple[float, float]
"""The values that mean black and white."""
FEWEST_PIXELS, BRIGHT = 16, 64
"""Flat rows of at least so many whole numbers, of which one is above this, are pixels rather than a table."""


def stated_shape(image_shape: Any) -> Shape | None:
    """`image_shape` as (height, width, channels). Raises StudyError for what is none."""
    if image_shape is None:
        return None
    is_listed = isinstance(image_shape, Sequence | np.ndarray) and not isinstance(image_shape, str)
    sides = [int(each) if isinstance(each, int | np.integer) else 0 for each in image_shape] if is_listed else []
    if len(sides) not in (2, 3) or min(sides) < 1:
        expected = "(height, width) or (height, width, channels)"
        raise StudyError("bad `image_shape`", found=shown(image_shape), expected=expected)
    height, width, channels = (*sides, 1)[:3]
    return height, width, channels


def as_image_array(X: np.ndarray, shape: Shape | None) -> np.ndarray:
    """(N, H, W, C) uint8 or float32. X: images, or flat rows of pixels, all channels of a pixel together. shape: of
    flat rows; without one they are (N, 1, D, 1), one line of values. Raises DataError for what is no images."""
    if X.ndim == 2:
        return as_images(_unflattened(X, shape), "X")
    images = as_images(X, "X")
    if shape is not None and images.shape[1:] != shape:
        raise DataError("not images of `image_shape`", found=images.shape[1:], expected=shape, where="X")
    return images


def _unflattened(X: np.ndarray, shape: Shape | None) -> np.ndarray:
    columns = X.shape[1]
    if shape is None:
        if columns > MAX_SIDE_PIXELS:
            hint = f"Say what a row holds: {_proposed(columns)}."
            expected = f"`image_shape`, or at most {MAX_SIDE_PIXELS} columns"
            raise DataError("flat rows without a shape", found=f"{columns} columns", expected=expected, hint=hint)
        return X.reshape(len(X), 1, columns, 1)
    if math.prod(shape) != columns:
        expected = f"{math.prod(shape)}, as `image_shape` {shape} says"
        raise DataError("rows of another number of values", found=f"{columns} columns", expected=expected, where="X")
    return X.reshape(len(X), *shape)


def _proposed(columns: int) -> str:
    side, in_colour = math.isqrt(columns), math.isqrt(columns // 3)
    if side * side == columns:
        return f"image_shape=({side}, {side})"
    if 3 * in_colour * in_colour == columns:
        return f"image_shape=({in_colour}, {in_colour}, 3)"
    return "image_shape=(height, width)"


def stated_range(pixel_range: Any) -> Scale | None:
    """`pixel_range` as two numbers. Raises StudyError for what is none."""
    if pixel_range is None:
        return None
    try:
        low, high = (float(value) for value in pixel_range)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise StudyError("bad `pixel_range`", found=shown(pixel_range), expected="two numbers, the lower first")
    return low, high


def scale_of_fit(images: np.ndarray, is_table: bool) -> Scale:
    """The scale of the images of `fit` where none is stated: found from images, (0, 1), which changes nothing, for a
    table. Raises DataError where it is not certain."""
    if is_table:
        _expect_table(images)
        return UNIT
    try:
        scale, _ = find_range([images], ["X"], None)
    except DataError as error:
        error.hint = "Say what is black and white, such as pixel_range=(0, 4095); (0, 1) changes nothing."
        raise
    proposed = proposed_range(extent_of(images), scale)
    if proposed is not None:
        low, high = scale
        raise DataError(
            "cannot tell which value means white: no pixel is above half of it",
            found=f"pixels up to {extent_of(images).high:g}",
            expected=f"some near {high:g}, or `pixel_range`",
            where="X",
            hint=f"Say so: pixel_range=({proposed.strip('[]')}), or ({low:g}, {high:g}) for images that are so dark.",
        )
    return scale


def _expect_table(images: np.ndarray) -> None:
    """Raises DataError for flat rows that look like pixels from 0 to 255: taken as they are, they train badly."""
    columns, extent = images.shape[2], extent_of(images)
    is_bytes = extent.low >= 0 and extent.high > BRIGHT and are_integers(images)
    if columns >= FEWEST_PIXELS and is_bytes:
        raise DataError(
            "cannot tell whether flat rows are images or a table",
            found=f"{columns} columns of whole numbers from {extent}",
            expected="`image_shape` of images, or `pixel_range`",
            where="X",
            hint=f"For images give {_proposed(columns)}; for a table pixel_range=(0, 1), which changes nothing.",
        )


def expect_same_scale(images: np.ndarray, scale: Scale, of_8_bits: bool) -> None:
    """Raises DataError where images are clearly on another scale than those of `fit`: nothing is converted."""
    if not len(images):
        return
    found = scale_of(images, scale, of_8_bits)
    if found != scale:
        hint = "Scale them as the images that were fitted."
        if scale == BYTES and found == UNIT:
            hint = "Multiply them by 255, or fit on pixels from 0 to 1."
        raise DataError(
            "pixels on another scale than in fit",
            found=f"{found[0]:g} to {found[1]:g}",
            expected=f"{scale[0]:g} to {scale[1]:g}",
            where="X",
            hint=hint,
        )
