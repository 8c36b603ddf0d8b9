"""The channels and the depth of decoded pictures: transparency over a background, and one format for a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import DataError, MixedTransparency

Background = Literal["black", "white"]
BACKGROUNDS: tuple[Background, ...] = get_args(Background)
DEPTHS = {np.dtype(np.uint8): 255.0, np.dtype(np.float32): 65535.0}
"""The value of white: 8 bits a channel are uint8, 16 bits float32, which holds them exactly."""


def with_common_format(pictures: Sequence[np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
    """The pictures of a data set, converted to the fewest channels and the lowest depth that hold all exactly.

    Grey when all are grey, colour otherwise; with alpha when all have it and some use it. 8 bits become 16 when some
    pictures have 16. Raises MixedTransparency, naming one of each, when some are transparent and others have no alpha.
    """
    has_alpha = [picture.shape[2] == 4 for picture in pictures]
    if any(_is_translucent(picture) for picture in pictures):
        if not all(has_alpha):
            transparent = next(name for name, picture in zip(names, pictures) if _is_translucent(picture))
            found = f"{sum(has_alpha):,} with alpha such as {transparent}, {has_alpha.count(False):,} without"
            hint = "Say `background: white` (or black) under `data` to fill transparent areas."
            raise MixedTransparency(
                "mixed channels", found=f"{found} such as {names[has_alpha.index(False)]}", hint=hint
            )
        channels = 4
    else:
        channels = 1 if all(map(_is_grey, pictures)) else 3
    white = max(DEPTHS[picture.dtype] for picture in pictures)
    return [with_white(with_channels(picture, channels), white) for picture in pictures]


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """(..., H, W, channels) of (..., H, W, C). Raises DataError when that would lose colour or transparency."""
    loses_alpha = channels < 4 and _is_translucent(picture)
    if loses_alpha or (channels == 1 and not _is_grey(picture)):
        lost = "transparency" if loses_alpha else "colour"
        found, expected = f"{picture.shape[-1]} channels", f"{channels} channel{'s' * (channels > 1)}"
        hint = None if loses_alpha else "Make the pictures grey first, or train with `data: {grey: true}`."
        raise DataError(f"converting would lose {lost}", found=found, expected=expected, hint=hint)
    colour = picture[..., :channels]
    if channels >= 3 and colour.shape[-1] == 1:
        colour = np.repeat(colour, 3, axis=-1)
    if channels == 4 and colour.shape[-1] == 3:
        opaque = np.full_like(colour[..., :1], DEPTHS[colour.dtype])
        colour = np.concatenate([colour, opaque], axis=-1)
    return colour


def with_white(picture: np.ndarray, white: float) -> np.ndarray:
    """The picture scaled to black 0 and `white`: unchanged, or as float32."""
    own = DEPTHS[picture.dtype]
    return picture if own == white else (picture * np.float64(white / own)).astype(np.float32)


def composite(picture: np.ndarray, background: Background | None) -> np.ndarray:
    """The picture composited over `background`, if it has alpha and a background is given."""
    if background is None or picture.shape[2] < 4:
        return picture
    white, filled = DEPTHS[picture.dtype], np.empty_like(picture[..., :3], order="C")
    for rows in row_slices(picture):
        colour, alpha = picture[rows, ..., :3].astype(np.float64), picture[rows, ..., 3:] / white
        filled[rows] = np.rint(colour * alpha + (white if background == "white" else 0) * (1 - alpha))
    return filled


def _is_translucent(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 4 and bool((picture[..., 3] < DEPTHS[picture.dtype]).any())


def _is_grey(picture: np.ndarray) -> bool:
    return picture.shape[-1] == 1 or bool((picture[..., :3] == picture[..., :1]).all())
