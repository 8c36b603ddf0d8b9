"""The size of images and the order of their colours, from rows of values. The study or the names of the columns decide.
Otherwise square numbers of pixels are read as squares, and the rest is measured: in the right layout neighbouring
pixels differ least. Only a clear winner is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from snellen.data.readers.csv.pixel_text import MIN_PIXELS
from snellen.data.slices import row_slices
from snellen.errors import DataError
from snellen.limits import MAX_SIDE_PIXELS

MEASURED_ROWS, MEASURED_VALUES, FEWEST_ROWS = 500, 2**23, 10
CLEAR = 4.0
"""Standard errors between the best size and every other. Of 1,200 samples of 10 to 200 images of MNIST, Fashion-MNIST,
CIFAR-10 and SVHN, whole and cropped to 20x28, 28x16, 20x30, 18x32 and 24x32, none was read wrongly (in 26 nothing was
clear); noise never comes near."""

CLEAR_ORDER = 0.85
"""The factor by which neighbours must differ less in one order of colours than in the other: of 16,000 single images of
CIFAR-10 and SVHN in both orders, none was read wrongly, and in 5 nothing was clear."""

MAX_ASPECT, MIN_SIDE = 2.5, 3
"""Longer and smaller images are not considered unless the study gives their size."""

LISTED_SIZES = 5


@dataclass(frozen=True)
class Layout:
    """How a row of values becomes an image. planar: all red pixels, then all green, then all blue."""

    height: int
    width: int
    channels: int = 1
    planar: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, C)."""
        return (self.height, self.width) + ((self.channels,) if self.channels > 1 else ())

    def line(self) -> str:
        """The line of a study that sets this layout."""
        size = f"size: [{', '.join(map(str, self.shape))}]"
        return size + (f", channels: {'first' if self.planar else 'last'}" if self.channels > 1 else "")


def find_layout(
    pixels: np.ndarray,
    named: tuple[int, ...] | None,
    num_channels: int | None,
    size: tuple[int, ...] | None,
    channels: Literal["first", "last"] | None,
) -> tuple[Layout, str | None]:
    """The layout of (N, P) values, and a sentence if it was measured. named: the shape from names of columns.
    num_channels: 3 or 4 if the names give colours, which are then interleaved. size, channels: from the study. Raises
    DataError if the layout is not clear, with the lines to write.
    """
    total = pixels.shape[1]
    if named is not None:
        return _of_names(named, size), None
    if size is not None:
        layouts = _of_size(total, size, num_channels)
    else:
        layouts = _squares(total, (1, 3) if num_channels is None else (num_channels,))
    if num_channels is not None:
        layouts = [each for each in layouts if not each.planar]
    elif channels is not None:
        layouts = [each for each in layouts if each.channels == 1 or each.planar == (channels == "first")]
    others = [] if size is not None or num_channels is not None else [*_oblongs(total)]
    return _measured(pixels, layouts, others)


def apply(pixels: np.ndarray, layout: Layout) -> np.ndarray:
    """(N, H, W) or (N, H, W, C) images of (N, P) values, which are reordered in place."""
    if layout.planar:
        for rows in row_slices(pixels):
            planes = pixels[rows].reshape(-1, layout.channels, layout.height * layout.width)
            pixels[rows] = planes.transpose(0, 2, 1).reshape(len(planes), -1)
    return pixels.reshape(-1, *layout.shape)


def plausible(total: int) -> list[Layout]:
    """The possible sizes for this number of values: squares, then those of grey images, nearest to a square first."""
    return [*_squares(total, (1, 3)), *(each for each in _oblongs(total) if each.channels == 1)]


def of_other_size(total: int, size: tuple[int, int], hint: str) -> DataError:
    """The error for rows whose number of values does not fit the images of the model."""
    height, width = size
    expected = f"{height * width:,} for the model's {height}x{width} pixels, or {3 * height * width:,} in colour"
    return DataError("not the number of pixels that the model takes", found=f"{total:,}", expected=expected, hint=hint)


def hint_of_sizes(layouts: Sequence[Layout]) -> str:
    """Advice for images of another size. layouts: the possible ones."""
    sizes = dict.fromkeys(f"--size {each.height} {each.width}" for each in layouts)
    hint = "Their number does not say their size, and a column may be missing."
    if not sizes:
        return hint
    return f"{hint} If they are other images, to be resized, say so: {' or '.join([*sizes][:LISTED_SIZES])}."


def _of_names(named: tuple[int, ...], size: tuple[int, ...] | None) -> Layout:
    layout = Layout(named[0], named[1], named[2] if len(named) > 2 else 1)
    if size is not None and size != named[: len(size)]:
        expected = f"`size: {list(named)}`, as the names of the columns say"
        raise DataError("not the size that the study gives", found=f"`size: {list(size)}`", expected=expected)
    return layout


def _of_size(total: int, size: tuple[int, ...], num_channels: int | None) -> list[Layout]:
    area = size[0] * size[1]
    count = size[2] if len(size) == 3 else total // area
    if count * area != total or count not in (1, 3, 4) or num_channels not in (None, count):
        found, expected = f"{total:,} pixel columns", f"{math.prod(size):,} for `size: {list(size)}`"
        raise DataError("not the size that the study gives", found=found, expected=expected)
    return [Layout(size[0], size[1], count, planar) for planar in ((False, True) if count > 1 else (False,))]


def _squares(total: int, counts: Sequence[int]) -> list[Layout]:
    found = list[Layout]()
    for count in counts:
        side = math.isqrt(max(0, total) // count)
        if side * side * count == total >= MIN_PIXELS and side <= MAX_SIDE_PIXELS:
            found += [Layout(side, side, count, planar) for planar in ((False, True) if count > 1 else (False,))]
    return found


def _oblongs(total: int) -> list[Layout]:
    """Plausible sizes that are not square, nearest to a square first."""
    found = list[Layout]()
    for count in (1, 3):
        area = total // count
        for height in range(MIN_SIDE, min(MAX_SIDE_PIXELS, area // MIN_SIDE) + 1):
            width = area // height
            shorter, longer = min(height, width), max(height, width)
            if (
                height * width * count == total
                and height != width
                and longer <= min(MAX_ASPECT * shorter, MAX_SIDE_PIXELS)
            ):
                found += [Layout(height, width, count, planar) for planar in ((False, True) if count > 1 else (False,))]
    return sorted(found, key=lambda each: (max(each.height / each.width, each.width / each.height), each.channels))


def _measured(pixels: np.ndarray, layouts: list[Layout], others: list[Layout]) -> tuple[Layout, str | None]:
    """The only layout of `layouts`, or the one with the clear order of colours, unless one of `others` is clearly
    better; if `layouts` is empty, the clear winner of the others."""
    total = pixels.shape[1]
    num_rows = max(1, min(MEASURED_ROWS, MEASURED_VALUES // total))
    rows = pixels[np.unique(np.linspace(0, len(pixels) - 1, num_rows).astype(int))].astype(np.float32)
    best = _clear_winner(rows, [*layouts, *others]) if others else None
    if layouts and best in others:
        raise _unclear(total, [best, *layouts], "neighbouring pixels differ least in a size that is not square")
    if len(layouts) == 1:
        return layouts[0], None
    if layouts:
        best = _clear_order(rows, layouts)
        if best is None:
            raise _unclear(total, layouts, "the order of the colours is not clear")
        said = "all pixels of a colour after each other (`channels: first`), in which neighbouring pixels differ least"
        return best, f"the colours are read as {said}" if best.planar else None
    if best is None:
        raise _unclear(total, others, "the size of the images is not clear")
    return best, f"{total:,} pixel columns are read as `{best.line()}`, in which neighbouring pixels differ least"


def _clear_order(rows: np.ndarray, layouts: list[Layout]) -> Layout | None:
    """The order of colours in which neighbouring pixels differ clearly less than in the other."""
    (less, best), (more, _) = sorted(
        ((float(_roughness(rows, each).mean()), each) for each in layouts), key=lambda pair: pair[0]
    )
    return best if less < CLEAR_ORDER * more else None


def _clear_winner(rows: np.ndarray, layouts: list[Layout]) -> Layout | None:
    """The layout in which neighbouring pixels differ clearly less than in every other one; pixels directly below must
    also differ less than those slightly beside, which is not so in curves and other tables."""
    if len(rows) < FEWEST_ROWS or not layouts:
        return None
    scores = [_roughness(rows, layout) for layout in layouts]
    place = int(np.argmin([score.mean() for score in scores]))
    best, lag = layouts[place], layouts[place].width * (1 if layouts[place].planar else layouts[place].channels)
    step = 2 if best.planar else 2 * best.channels
    below = _difference(rows, lag)
    near = [_difference(rows, lag + shift) for shift in (-step, step) if lag + shift > 0]
    others = scores[:place] + scores[place + 1 :]
    clear = all(_is_less(scores[place], other) for other in others) and all(_is_less(below, other) for other in near)
    return best if clear else None


def _roughness(rows: np.ndarray, layout: Layout) -> np.ndarray:
    """(n,) mean difference of neighbours, to the right and below, in each row."""
    if layout.planar:
        images = rows.reshape(-1, layout.channels, layout.height, layout.width)
    else:
        images = rows.reshape(-1, layout.height, layout.width, layout.channels).transpose(0, 3, 1, 2)
    right, below = (np.abs(np.diff(images, axis=axis)).reshape(len(rows), -1) for axis in (3, 2))
    total: np.ndarray = right.mean(axis=1) + below.mean(axis=1)
    return total


def _difference(rows: np.ndarray, lag: int) -> np.ndarray:
    """(n,) mean difference of values at a distance of `lag`."""
    difference: np.ndarray = np.abs(rows[:, lag:] - rows[:, :-lag]).mean(axis=1)
    return difference


def _is_less(values: np.ndarray, other: np.ndarray) -> bool:
    """Whether the first is less than the second by CLEAR standard errors, over rows."""
    relative = (other - values) / np.maximum(other + values, 1e-9)
    return bool(relative.mean() > CLEAR * relative.std(ddof=1) / math.sqrt(len(relative)) and relative.mean() > 0)


def _unclear(total: int, layouts: Sequence[Layout], why: str) -> DataError:
    expected = "a square number, three times one, or `size: [height, width]`"
    lines = [f"`{each.line()}`" for each in layouts[:LISTED_SIZES]]
    hint = "Name other columns by name or number, counting from 0, with `keys: {id: ..., label: ...}`."
    if lines:
        hint = f"Write what is right under `data`: {' or '.join(lines)}; `snellen predict` takes --size HEIGHT WIDTH."
    problem = f"not the pixels of square images: {why}" if not _squares(total, (1, 3)) else why
    return DataError(problem, found=f"{total:,} pixel columns", expected=expected, hint=hint)
