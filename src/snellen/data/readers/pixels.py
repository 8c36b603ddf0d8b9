"""Pixels as uint8 whenever that is lossless, else float32, and the values that mean black and white."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from snellen.data.pixel_scale import BYTES, Extent, are_integers, extent_of, scale_of, scale_remarks
from snellen.data.pixel_scale import number as shown_value
from snellen.data.slices import row_slices
from snellen.errors import DataError, StudyError, located
from snellen.limits import MAX_IMAGES, MAX_SIDE_PIXELS

CHANNELS = (1, 3, 4)
EXACT_INTEGER = 2**24
"""float32 holds every integer up to here."""

DIM = 1 / 16
"""White of 12 bits in 16, of 8 bits in 12, and of 0 to 1 beside 0 to 255 is below this share of white."""

FEWEST_DIM = 3
"""The fewest dark images for a remark: single dark images occur in any data set."""


def as_images(images: np.ndarray, name: str) -> np.ndarray:
    """(N, H, W, C) uint8 or float32 images; a view where nothing changes.

    Raises DataError, naming `name`, for other shapes, types that are not numbers, and values that are not finite.
    """
    with located(name):
        _check_shape(images)
        return _lossless(images if images.ndim == 4 else images[..., None])


def find_range(
    arrays: Sequence[np.ndarray], names: Sequence[str], given: tuple[float, float] | None
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """The values of black and white, `given` or determined from the pixels, and remarks. Raises DataError if the pixels
    fit no scale, and if the parts differ (one scaled, the other not).
    """
    scale = _common_scale(arrays, names) if given is None else _check_given(given)
    return scale, pixel_remarks(arrays, scale, given is not None)


def pixel_remarks(arrays: Sequence[np.ndarray], scale: tuple[float, float], given: bool) -> tuple[str, ...]:
    """Remarks on (N, H, W, C) images read with a scale, without their alpha channel: see `scale_remarks`, and the
    number of images that seem to be on another scale than the rest."""
    extents = [extent_of(images[..., :3]) for images in arrays]
    whole = Extent(min(extent.low for extent in extents), max(extent.high for extent in extents))
    return (*scale_remarks(whole, scale, given), *_said_of_dim(arrays, scale))


def _said_of_dim(arrays: Sequence[np.ndarray], scale: tuple[float, float]) -> Iterator[str]:
    """A sentence on images without a value above a small share of white, if all others reach twice that; images with a
    single value are ignored."""
    dim, between, total = list[float](), 0, sum(map(len, arrays))
    bound = scale[0] + DIM * (scale[1] - scale[0])
    for images in arrays:
        for rows in row_slices(images):
            values = images[rows][..., :3].reshape(len(images[rows]), -1)
            high = values.max(axis=1)
            high = high[high > values.min(axis=1)]
            dim += high[high <= bound].tolist()
            between += int(((high > bound) & (high <= 2 * bound - scale[0])).sum())
    if FEWEST_DIM <= len(dim) < total and not between:
        share = 100 * (max(dim) - scale[0]) / (scale[1] - scale[0])
        yield (
            f"{len(dim):,} of {total:,} images have no value above {shown_value(max(dim))}, {share:.2g} % of the way "
            "from black to white, and the others do. If they are on another scale, give them the same one."
        )


def _common_scale(arrays: Sequence[np.ndarray], names: Sequence[str]) -> tuple[float, float]:
    scales = [scale_of(images, name) for images, name in zip(arrays, names, strict=True)]
    if len(set(scales)) == 1:
        return scales[0]
    found = ", ".join(f"{scale} in {name}" for scale, name in zip(scales, names, strict=True))
    hint = "Save them on one scale (pixels of 0 to 1 times 255 are 0 to 255), or give `pixel_range` if this is right."
    raise DataError("parts on different pixel scales", found=found, expected="one scale", hint=hint)


def _check_shape(images: np.ndarray) -> None:
    """Raises DataError unless the shape is (N, H, W) or (N, H, W, C); the hint says how to fix usual mistakes."""
    shape, hint = images.shape, None
    channels = shape[3] if len(shape) == 4 else 1
    good = len(shape) in (3, 4) and channels in CHANNELS
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        height = side if side * side == shape[1] else 28
        hint = f"Flat rows: reshape them, for example images.reshape(-1, {height}, {height})."
    elif len(shape) == 4 and not good and shape[1] in CHANNELS:
        hint = "Channels come first here: use images.transpose(0, 2, 3, 1)."
    if not good:
        expected = "(N, H, W) or (N, H, W, C) with C 1, 3 or 4"
        raise DataError("not the shape of images", found=f"shape {shape}", expected=expected, hint=hint)
    if not all(1 <= side <= MAX_SIDE_PIXELS for side in shape[1:3]) or shape[0] > MAX_IMAGES:
        expected = f"sides of 1 to {MAX_SIDE_PIXELS} pixels, at most {MAX_IMAGES:,} images"
        raise DataError("images out of bounds", found=f"shape {shape}", expected=expected)


def _lossless(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind not in "biuf":
        raise DataError("pixels are not numbers", found=f"type {images.dtype}", expected="integers, booleans or floats")
    extent = extent_of(images)
    low, high = extent.low, extent.high
    if extent.within(BYTES) and are_integers(images):
        return images.astype(np.uint8, order="C")
    is_float = images.dtype.kind == "f"
    bound = float(np.finfo(np.float32).max) if is_float else EXACT_INTEGER
    if max(-low, high) > bound:
        raise DataError("pixels do not fit float32", found=f"{low} to {high}", expected=f"at most {bound:g}")
    return images.astype(np.float32, order="C", copy=False)


def _check_given(pixel_range: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(value) for value in pixel_range)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise StudyError("bad `pixel_range`", found=[low, high], expected="two finite numbers, the lower first")
    return low, high
