"""The size of pictures and the order of their colours, of rows that only have a number of values.

What the study or the names of the columns say holds. Otherwise squares are read as squares, and what is left is
measured: in the right layout, neighbouring pixels differ least. Only a clear winner is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.data.readers.pixel_text import MIN_PIXELS
from snellen.data.slices import row_slices
from snellen.errors import DataError
from snellen.limits import MAX_SIDE_PIXELS

MEASURED_ROWS, FEWEST_ROWS = 500, 10
CLEAR = 4.0
"""Standard errors between the best layout and every other. Measured on samples of 10 to 200 pictures of MNIST,
Fashion-MNIST, CIFAR-10 and SVHN, whole and cropped to 20x30, 28x16, 18x32 and 24x32, in all 2,000 right and none wrong;
noise never comes near."""

MAX_ASPECT = 2.5
"""Longer pictures are not considered unless the study gives their size."""

LISTED_SIZES = 5


@dataclass(frozen=True)
class Layout:
    """How a row of values becomes a picture. planar: all red pixels, then all green, then all blue."""

    height: int
    width: int
    channels: int = 1
    planar: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width) + ((self.channels,) if self.channels > 1 else ())

    def line(self) -> str:
        """What a study writes to say this."""
        size = f"size: [{self.height}, {self.width}{f', {self.channels}' if self.channels > 1 else ''}]"
        return size + (f", channels: {'first' if self.planar else 'last'}" if self.channels > 1 else "")


def find_layout(
    pixels: np.ndarray,
    named: tuple[int, ...] | None,
    num_channels: int | None,
    size: tuple[int, ...] | None,
    channels: Literal["first", "last"] | None,
) -> tuple[Layout, str | None]:
    """The layout of (N, P) values, and a sentence where it was measured.

    named: the shape that names of columns say. num_channels: 3 or 4 where they say colours, which are then interleaved.
    size, channels: from the study. Raises DataError where the layout cannot be told, with the lines that would say it.
    """
    total = pixels.shape[1]
    if named is not None:
        return _of_names(named, size)
    if size is not None:
        return _of_size(pixels, size, channels, num_channels)
    if num_channels is not None:
        side = math.isqrt(total // num_channels)
        if side * side * num_channels == total:
            return Layout(side, side, num_channels), None
        return _not_square(
            total, [each for each in _plausible(total) if each.channels == num_channels and not each.planar]
        )
    side = math.isqrt(total)
    if side * side == total >= MIN_PIXELS and side <= MAX_SIDE_PIXELS and channels is None:
        square = Layout(side, side)
        better = _clear_winner(pixels, [square, *(each for each in _plausible(total) if each != square)])
        if better not in (None, square):
            raise _unclear(
                total, [square, better], "their neighbouring pixels differ least in another size than the square"
            )
        return square, None
    candidates = _plausible(total)
    if channels is not None:
        candidates = [each for each in candidates if each.channels == 3 and each.planar == (channels == "first")]
        squares = [each for each in candidates if each.height == each.width]
        if squares:
            return squares[0], None
    best = _clear_winner(pixels, candidates)
    if best is None:
        return _not_square(total, candidates)
    if (best.height, best.width, best.channels, best.planar) == (best.height, best.height, 3, False):
        return best, None
    return best, f"{total:,} values a picture are read as `{best.line()}`, in which neighbouring pixels differ least"


def apply(pixels: np.ndarray, layout: Layout) -> np.ndarray:
    """(N, H, W) or (N, H, W, C) pictures of (N, P) values, which are put in order where they are."""
    if layout.planar:
        for rows in row_slices(pixels):
            planes = pixels[rows].reshape(-1, layout.channels, layout.height * layout.width)
            pixels[rows] = planes.transpose(0, 2, 1).reshape(len(planes), -1)
    return pixels.reshape(-1, *layout.shape)


def _of_names(named: tuple[int, ...], size: tuple[int, ...] | None) -> tuple[Layout, None]:
    layout = Layout(named[0], named[1], named[2] if len(named) > 2 else 1)
    if size is not None and size != named[: len(size)]:
        expected = f"`{layout.line()}`, as the names of the columns say"
        raise DataError("not the size that the study gives", found=f"`size: {list(size)}`", expected=expected)
    return layout, None


def _of_size(
    pixels: np.ndarray, size: tuple[int, ...], channels: Literal["first", "last"] | None, num_channels: int | None
) -> tuple[Layout, str | None]:
    total, area = pixels.shape[1], size[0] * size[1]
    count = size[2] if len(size) == 3 else total // area
    if count * area != total or count not in (1, 3, 4) or num_channels not in (None, count):
        expected = f"{math.prod(size):,} for `size: {list(size)}`"
        raise DataError("not the size that the study gives", found=f"{total:,} values a picture", expected=expected)
    if count == 1 or num_channels is not None or channels is not None:
        return Layout(size[0], size[1], count, planar=count > 1 and channels == "first"), None
    both = [Layout(size[0], size[1], count, planar) for planar in (False, True)]
    best = _clear_winner(pixels, both)
    if best is None:
        raise _unclear(total, both, "the order of the colours cannot be told")
    said = "all of one colour after the other (`channels: first`), in which neighbouring pixels differ least"
    return best, f"colours are read {said}" if best.planar else None


def _plausible(total: int) -> list[Layout]:
    """Squares first, grey before colour."""
    found = list[Layout]()
    for count in (1, 3):
        area = total // count
        if area * count != total:
            continue
        for height in range(3, math.isqrt(total) * 2 + 1):
            width = area // height
            if height * width == area and max(height, width) <= min(MAX_ASPECT * min(height, width), MAX_SIDE_PIXELS):
                found += [Layout(height, width, count, planar) for planar in ((False, True) if count > 1 else (False,))]
    return sorted(found, key=lambda each: (max(each.height / each.width, each.width / each.height), each.channels))


def _clear_winner(pixels: np.ndarray, layouts: list[Layout]) -> Layout | None:
    """The layout in which neighbouring pixels differ clearly least; the only one there is."""
    if len(layouts) == 1:
        return layouts[0] if layouts[0].height == layouts[0].width else None
    if len(pixels) < FEWEST_ROWS or not layouts:
        return None
    places = np.unique(np.linspace(0, len(pixels) - 1, min(len(pixels), MEASURED_ROWS)).astype(int))
    rows = pixels[places].astype(np.float32)
    scores = [_roughness(rows, layout) for layout in layouts]
    best = int(np.argmin([score.mean() for score in scores]))
    others = [score for place, score in enumerate(scores) if place != best]
    lag = layouts[best].width * (1 if layouts[best].planar else layouts[best].channels)
    step = 1 if layouts[best].planar else layouts[best].channels
    below = _difference(rows, lag)
    near = [_difference(rows, lag + sign * 2 * step) for sign in (-1, 1)]
    clear = all(_is_less(scores[best], other) for other in others) and all(_is_less(below, other) for other in near)
    return layouts[best] if clear else None


def _roughness(rows: np.ndarray, layout: Layout) -> np.ndarray:
    """(n,) mean difference of neighbours, to the right and below, in each row."""
    if layout.planar:
        pictures = rows.reshape(-1, layout.channels, layout.height, layout.width)
    else:
        pictures = rows.reshape(-1, layout.height, layout.width, layout.channels).transpose(0, 3, 1, 2)
    total: np.ndarray = sum(np.abs(np.diff(pictures, axis=axis)).mean(axis=(1, 2, 3)) for axis in (2, 3))
    return total


def _difference(rows: np.ndarray, lag: int) -> np.ndarray:
    """(n,) mean difference of values that stand `lag` apart."""
    difference: np.ndarray = np.abs(rows[:, lag:] - rows[:, :-lag]).mean(axis=1)
    return difference


def _is_less(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the first is less than the second by CLEAR standard errors, over rows."""
    relative = (other - one) / np.maximum(other + one, 1e-9)
    return bool(relative.mean() > CLEAR * relative.std(ddof=1) / math.sqrt(len(relative)) and relative.mean() > 0)


def _not_square(total: int, candidates: list[Layout]) -> tuple[Layout, str | None]:
    raise _unclear(total, candidates, "the size of the pictures cannot be told")


def _unclear(total: int, candidates: list[Layout], why: str) -> DataError:
    lines = [f"`{each.line()}`" for each in candidates[:LISTED_SIZES]]
    hint = (
        f"Write the size under `data`: {' or '.join(lines)}."
        if lines
        else "Is every column a pixel, but for the label?"
    )
    expected = "a square number, three times one, or `size: [height, width]`"
    return DataError(
        f"not the pixels of square pictures: {why}", found=f"{total:,} pixel columns", expected=expected, hint=hint
    )
