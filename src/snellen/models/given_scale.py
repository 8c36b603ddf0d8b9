"""The scale of given pixels, 0 to 1, -1 to 1, 0 to 255 or another, compared with that of the training images."""

from __future__ import annotations

import numpy as np

from snellen.data.pixel_scale import BYTES, SIGNED, UNIT, WORDS, are_integers, extent_of
from snellen.data.pixel_scale import scale_of as usual_scale_of
from snellen.errors import DataError

Scale = tuple[float, float]
"""The values that mean black and white."""

SLACK = 0.05
"""How far pixels may be beyond black and white, as a share of the scale: resizing and rotation overshoot."""

NARROWER = 4
"""A scale that is a quarter of the trained one or less is another scale, not a dark image."""

SURE_OF_16_BITS = 16_383
"""Whole numbers above 255 up to here may have 10, 12, 14 or 16 bits: which, only their owner knows."""

FAR_FROM_WHITE = 0.25
"""Below this share of white the brightest pixel of given images is worth a warning. For a data set it is half (DARK
in data/pixel_scale.py), because there nothing but these pixels says which scale it is. Here it is that of training, and
one photograph alone may be dark: of 60,000 of CIFAR-10, 43 have no pixel above half of white, one none above 0.25."""


def scale_of(images: np.ndarray, trained: Scale, of_8_bits: bool) -> Scale:
    """The scale of (N, H, W, C) images: `trained` where they fit it, unless they clearly are on a narrower one.

    of_8_bits: whether they were stored as 8-bit integers. Raises DataError when they fit no scale for certain.
    """
    extent, found = extent_of(images), _usual(images)
    low, high = extent.low, extent.high
    if _within(low, high, trained):
        return found if found and low < high and _is_narrower(found, trained, images, of_8_bits) else trained
    if found is None or (found == WORDS and high <= SURE_OF_16_BITS):
        scales = ", ".join(f"{black:g} to {white:g}" for black, white in (UNIT, SIGNED, BYTES))
        raise DataError(
            "cannot tell which values mean black and white",
            found=f"pixels from {low:g} to {high:g}",
            expected=f"{trained[0]:g} to {trained[1]:g} as in training, {scales}, or 16 bits up to 65535",
            hint="Scale them as the training images were; `snellen predict` takes --pixel-range BLACK WHITE.",
        )
    return found


def fits(images: np.ndarray, scale: Scale) -> bool:
    """Whether (N, H, W, C) images are on a scale, but for a small overshoot."""
    extent = extent_of(images)
    return _within(extent.low, extent.high, scale)


def _usual(images: np.ndarray) -> Scale | None:
    """The scale that a data set of these images would have; None where that is not certain."""
    try:
        return usual_scale_of(images, "images")
    except DataError:
        return None


def rescaled(images: np.ndarray, own: Scale, wanted: Scale) -> np.ndarray:
    """The images on another scale, float32; uint8 where they are whole numbers from 0 to 255 but for rounding."""
    (low, high), (black, white) = own, wanted
    values = (black + (images - np.float64(low)) * ((white - black) / (high - low))).astype(np.float32)
    if wanted != (0, 255):
        return values
    whole = np.rint(values)
    exact = whole.min() >= 0 and whole.max() <= 255 and bool((np.abs(values - whole) < 1e-3).all())
    return whole.astype(np.uint8) if exact else values


def brightest(images: np.ndarray, scale: Scale) -> float:
    """The greatest pixel, 0 for black and 1 for white."""
    return (extent_of(images).high - scale[0]) / (scale[1] - scale[0])


def _is_narrower(found: Scale, trained: Scale, images: np.ndarray, of_8_bits: bool) -> bool:
    """Whether pixels that fit the trained scale are on `found` all the same: 0 to 1 for 0 to 255, say.

    For -1 to 1, 0 to 1 is: no pixel of any image would be darker than middle grey, and one is just there.
    """
    if trained[0] < 0:
        low, middle = extent_of(images).low, sum(trained) / 2
        return found == (0, trained[1]) and abs(low - middle) <= SLACK * trained[1]
    if (trained[1] - trained[0]) < NARROWER * (found[1] - found[0]):
        return False
    return found[1] == 1 or of_8_bits or not are_integers(images)


def _within(low: float, high: float, scale: Scale) -> bool:
    """Whether pixels are on a scale, but for a small overshoot: below black a share of what is above it, so that
    -2 to 2 is not 0 to 255."""
    black, white = scale
    return black - SLACK * (high - black) <= low and high <= white + SLACK * (white - black)
