"""The pixel values of black and white: determined from the values if that is certain, else an error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import DataError

UNIT, SIGNED, BYTES, WORDS = (0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0)

OVERSHOOT = 0.25
"""Resampling exceeds the range at edges: with bicubic weights by up to 0.16 (a = -0.5) or 0.22 (a = -0.75) of it."""

MOST, NEAR = 0.9, 0.05
"""After resampling this share of the values is inside the range, or outside by at most this part of it."""

LIKELY = 0.15
"""Relative tolerance between the extent of the pixels and a range that a message proposes."""

DARK = 0.5
"""If no image of a data set has a value above this share of white, white is probably another value."""

FEW_FRACTIONS = 0.1 * 255
"""Fractional values up to this are not on a scale of 0 to 255: no photographs are that dark, and such values are rarely
fractions."""

CENTRED = 0.02
"""If the mean image is this flat, in pixels from -1 to 1, the mean image has been subtracted."""

OPTION = "`snellen init` and `snellen data describe`: --pixel-range BLACK WHITE"

MEASURED = 500
"""The number of images whose mean and standard deviation are computed for a message."""


@dataclass(frozen=True)
class Extent:
    """Minimum and maximum of pixel values."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.low)} to {number(self.high)}"

    def within(self, scale: tuple[float, float], beyond: float = 0.0) -> bool:
        """Whether all values are in a range, or up to `beyond` times its width outside."""
        slack = beyond * (scale[1] - scale[0])
        return scale[0] - slack <= self.low and self.high <= scale[1] + slack


def extent_of(images: np.ndarray) -> Extent:
    """The extent of an array with at least one row. Raises DataError with row and position of the first value that is
    not finite."""
    lows, highs = [], []
    for rows in row_slices(images):
        low, high = images[rows].min().item(), images[rows].max().item()
        if not (math.isfinite(low) and math.isfinite(high)):
            row, *position = np.argwhere(~np.isfinite(images[rows]))[0].tolist()
            value = images[rows][(row, *position)]
            where = f"row {rows.start + row}: pixel {tuple(position)}"
            raise DataError("a pixel is not finite", found=value, expected="a number", where=where)
        lows.append(low)
        highs.append(high)
    return Extent(min(lows), max(highs))


def are_integers(images: np.ndarray) -> bool:
    """Whether no value has a fraction."""
    if images.dtype.kind != "f":
        return True
    return all(np.array_equal(images[rows], np.rint(images[rows])) for rows in row_slices(images))


def scale_of(images: np.ndarray, name: str) -> tuple[float, float]:
    """The values of black and white of (N, H, W, C) images: 0 and 1, -1 and 1, 0 and 255, or 0 and 65535.

    Values slightly outside, as after resampling, count as inside. Raises DataError, with the line to write, if the
    scale is not certain.
    """
    extent = extent_of(images)
    if extent.within(UNIT):
        return UNIT
    whole = are_integers(images)
    if extent.within(BYTES) and (whole or extent.high > FEW_FRACTIONS):
        return BYTES
    if whole and extent.within(WORDS):
        return WORDS
    for scale in (UNIT, BYTES):
        if not (scale == UNIT and whole) and _overshoots(images, extent, scale):
            return scale
    if _is_signed(images, extent):
        return SIGNED
    raise _unknown_scale(images, extent, name)


def _overshoots(images: np.ndarray, extent: Extent, scale: tuple[float, float]) -> bool:
    """Whether pixels of 0 to white were resampled: most are near the range, and they were not shifted downwards."""
    slack = NEAR * scale[1]
    shifted = extent.low < -slack and extent.high < scale[1] - slack
    possible = extent.within(scale, OVERSHOOT) and extent.high > DARK * scale[1] and not shifted
    return possible and _share_near(images, scale) >= MOST


def _share_near(images: np.ndarray, scale: tuple[float, float]) -> float:
    """The share of the values in a range or near it."""
    slack = NEAR * (scale[1] - scale[0])
    low, high = scale[0] - slack, scale[1] + slack
    return sum(int(((images[rows] >= low) & (images[rows] <= high)).sum()) for rows in row_slices(images)) / images.size


def _is_signed(images: np.ndarray, extent: Extent) -> bool:
    """Whether black is -1 and white 1, as after `2 * x - 1` or Normalize(0.5, 0.5)."""
    if not extent.within(SIGNED, OVERSHOOT / 2) or extent.low > CENTRED - 1 or extent.high < DARK:
        return False
    mean = images.mean(axis=0, dtype=np.float64)
    return bool(np.abs(mean).max() > CENTRED) and _share_near(images, SIGNED) >= MOST


def _unknown_scale(images: np.ndarray, extent: Extent, name: str) -> DataError:
    some = images[:: max(1, len(images) // MEASURED)].astype(np.float64)
    mean, deviation = some.mean(), some.std()
    line = f"`pixel_range: {_likely(extent)}` under `data` of a study ({OPTION})"
    hint = f"Say so, for example {line}."
    if extent.low < 0 and abs(mean) < 0.2 and 0.8 < deviation < 1.2:
        looks = f"They look standardised (mean {mean:.2f}, standard deviation {deviation:.2f})"
        hint = f"{looks}: give them as they were before, or say what black and white became, for example {line}."
    elif -128 <= extent.low < 0 and extent.high <= 127 and are_integers(images):
        hint += " Bytes that were stored with a sign (int8) are right again with `.view(numpy.uint8)`."
    return DataError(
        "cannot tell which values mean black and white",
        found=f"pixels from {extent}",
        expected="within 0 to 1, 0 to 255, -1 to 1, or integers up to 65535",
        where=name,
        hint=hint,
    )


def _likely(extent: Extent) -> str:
    """The range for the line to write: a usual one, or the extent of the values."""
    for low, high in (UNIT, (-0.5, 0.5), SIGNED, (-128.0, 127.0), BYTES, WORDS):
        if max(abs(extent.low - low), abs(extent.high - high)) < LIKELY * (high - low):
            return f"[{low:.5g}, {high:.5g}]"
    return f"[{extent.low:.5g}, {extent.high:.5g}]"


def scale_remarks(extent: Extent, scale: tuple[float, float], given: bool) -> tuple[str, ...]:
    """Remarks on pixels read with a scale: if some are outside it, and if all are far from white. given: whether the
    study gives `pixel_range`."""
    low, high = (number(value) for value in scale)
    if not extent.within(scale):
        if not given:
            return (f"Pixels from {extent} are taken as {low} (black) to {high} (white).",)
        beyond = f"Pixels from {extent} go beyond the given `pixel_range` of {low} to {high}."
        return () if extent.within(scale, OVERSHOOT) else (beyond,)
    if not given and scale == SIGNED:
        return (f"Pixels from {extent} are taken as {low} (black) to {high} (white).",)
    proposed, share = proposed_range(extent, scale), extent.high / scale[1]
    if given or proposed is None:
        return ()
    percent = f"{100 * share:.0f}" if share > 0.01 else f"{100 * share:.1g}"
    return (
        f"No value is above {number(extent.high)}, {percent} % of white ({high}). If another value means white, say "
        f"so under `data`, for example `pixel_range: {proposed}`.",
    )


def proposed_range(extent: Extent, scale: tuple[float, float]) -> str | None:
    """The likely range of pixels that are all far from the white of their scale, `[0, 4095]`; None for others."""
    is_dark = 0 < extent.high <= DARK * scale[1]
    return f"[0, {_white_above(extent.high)}]" if is_dark else None


def _white_above(high: float) -> str:
    """The likely white of pixels up to `high`: all bits of an integer, 16 or 100 grey levels, or `high`."""
    if high != round(high):
        return "100" if 99 < high < 100 else f"{high:.5g}"
    return f"{high:.0f}" if high in (16, 100) else str(2 ** int(high).bit_length() - 1)


def number(value: float) -> str:
    """A pixel value for a message: 4,032 or -0.0234."""
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"
