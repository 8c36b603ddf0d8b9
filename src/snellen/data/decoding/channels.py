"""The channels and the depth of decoded images: transparency over a background, and one format for a data set."""

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


def with_common_format(images: Sequence[np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
    """The images of a data set, converted to the fewest channels and the lowest depth that represent all exactly. Grey
    if all are grey, colour otherwise; with alpha if all have it and some use it. 8 bits become 16 if some images have
    16. Raises MixedTransparency, naming one of each, if some are transparent and others have no alpha.
    """
    has_alpha = [image.shape[2] == 4 for image in images]
    if any(_is_translucent(image) for image in images):
        if not all(has_alpha):
            transparent = next(name for name, image in zip(names, images) if _is_translucent(image))
            found = f"{sum(has_alpha):,} with alpha such as {transparent}, {has_alpha.count(False):,} without"
            hint = "Say `background: white` (or black) under `data` to fill transparent areas."
            raise MixedTransparency(
                "mixed channels", found=f"{found} such as {names[has_alpha.index(False)]}", hint=hint
            )
        channels = 4
    else:
        channels = 1 if all(map(_is_grey, images)) else 3
    white = max(DEPTHS[image.dtype] for image in images)
    return [with_white(with_channels(image, channels), white) for image in images]


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """(..., H, W, channels) of (..., H, W, C). Raises DataError if that would lose colour or transparency."""
    loses_alpha = channels < 4 and _is_translucent(image)
    if loses_alpha or (channels == 1 and not _is_grey(image)):
        lost = "transparency" if loses_alpha else "colour"
        found, expected = f"{image.shape[-1]} channels", f"{channels} channel{'s' * (channels > 1)}"
        hint = None if loses_alpha else "Make the images grey first, or train with `data: {grey: true}`."
        raise DataError(f"converting would lose {lost}", found=found, expected=expected, hint=hint)
    colour = image[..., :channels]
    if channels >= 3 and colour.shape[-1] == 1:
        colour = np.repeat(colour, 3, axis=-1)
    if channels == 4 and colour.shape[-1] == 3:
        opaque = np.full_like(colour[..., :1], DEPTHS[colour.dtype])
        colour = np.concatenate([colour, opaque], axis=-1)
    return colour


def with_white(image: np.ndarray, white: float) -> np.ndarray:
    """The image scaled to black 0 and `white`: unchanged, or as float32."""
    own = DEPTHS[image.dtype]
    return image if own == white else (image * np.float64(white / own)).astype(np.float32)


def composite(image: np.ndarray, background: Background | None) -> np.ndarray:
    """The image composited over `background`, if it has alpha and a background is given."""
    if background is None or image.shape[2] < 4:
        return image
    white, filled = DEPTHS[image.dtype], np.empty_like(image[..., :3], order="C")
    for rows in row_slices(image):
        colour, alpha = image[rows, ..., :3].astype(np.float64), image[rows, ..., 3:] / white
        filled[rows] = np.rint(colour * alpha + (white if background == "white" else 0) * (1 - alpha))
    return filled


def _is_translucent(image: np.ndarray) -> bool:
    return image.shape[-1] == 4 and bool((image[..., 3] < DEPTHS[image.dtype]).any())


def _is_grey(image: np.ndarray) -> bool:
    return image.shape[-1] == 1 or bool((image[..., :3] == image[..., :1]).all())
