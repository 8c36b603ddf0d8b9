"""Given images in the form that a model takes: its size, channels and pixel scale. What was converted is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from snellen.data.grey import all_grey
from snellen.data.preprocessing import grey_images, resize_images
from snellen.data.readers.pixels import CHANNELS, as_images
from snellen.data.resizing import Resizing
from snellen.errors import DataError
from snellen.limits import MAX_SIDE_PIXELS
from snellen.models.given_scale import FAR_FROM_WHITE, Scale, brightest, rescaled, scale_of
from snellen.models.input_contract import Input
from snellen.phrases import plural, some

LISTED_SIZES = 3
PLAIN_MODES = ("1", "L", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N")
"""Of Pillow, whose images are arrays of brightness; those of others are indices of a palette, or other colours."""


@dataclass
class Conversions:
    """What was done to images for a model, in numbers of images, and the brightest pixel (1 is white) of all.

    sizes: by (height, width). scales: by the values of black and white. greyed: colours made grey though the model was
    not trained so. channels_first: read as (N, C, H, W).
    """

    images: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    scales: Counter[Scale] = field(default_factory=Counter)
    greyed: int = 0
    channels_first: int = 0
    brightest: float = 0.0

    def note_brightness(self, images: np.ndarray, scale: Scale) -> None:
        """Counts (N, H, W, C) images, whose black and white are `scale`."""
        self.images += len(images)
        self.brightest = max(self.brightest, brightest(images[..., :3], scale))

    def add(self, other: Conversions) -> None:
        """Counts what another has counted."""
        self.images += other.images
        self.sizes += other.sizes
        self.scales += other.scales
        self.greyed += other.greyed
        self.channels_first += other.channels_first
        self.brightest = max(self.brightest, other.brightest)

    def sentences(self, contract: Input) -> list[str]:
        """What a user must know, a sentence each; none where the images were as in training."""
        said = []
        if self.channels_first:
            said.append(f"{_images(self.channels_first)} had the channels first, (N, C, H, W): they were put last.")
        if self.sizes:
            said.append(self._about_sizes(contract))
        if self.greyed:
            said.append(f"{_images(self.greyed)} in colour became grey (luma), as the model takes grey images.")
        for scale, number in self.scales.items():
            black, white = (f"{value:g}" for value in scale)
            said.append(
                f"{_images(number)} with pixels from {black} to {white} became {_range(contract.pixel_range)}, the "
                "scale that the model was trained on."
            )
        if self.images and self.brightest < FAR_FROM_WHITE:
            said.append(
                f"The brightest pixel of {_images(self.images)} is only {max(0.0, self.brightest):.0%} of white "
                f"({contract.pixel_range[1]:g}): they may be on another scale than the training images."
            )
        return said

    def _about_sizes(self, contract: Input) -> str:
        number, sizes = self.sizes.total(), [f"{height}x{width}" for (height, width), _ in self.sizes.most_common()]
        return (
            f"{_images(number)} of {some(sizes, LISTED_SIZES, 'more sizes')} pixels (height x width) became "
            f"{contract.height}x{contract.width}, bilinear: the model was trained on images that all had that size."
        )


def as_input(images: Any, contract: Input, conversions: Conversions, scale: Scale | None = None) -> np.ndarray:
    """(N, H, W, C) images for a model, uint8 or float32. images: an array or lists, (N, H, W), (N, H, W, C), where it
    is clear (N, C, H, W), or one image (H, W) or (H, W, C).

    scale: their black and white where that is known, otherwise it is judged by the pixels. Raises DataError for what is
    no images, an unknown scale, and transparent images for a model that knows none.
    """
    given = _as_array(images)
    arranged = _arrange(given, contract, conversions)
    if not len(arranged):
        return np.zeros((0, contract.height, contract.width, contract.channels), np.uint8)
    if max(arranged.shape[1:3]) > MAX_SIDE_PIXELS:
        arranged = _shrunk(arranged, contract, conversions)
    converted = as_images(arranged, "images")
    own = scale or scale_of(converted, contract.pixel_range, given.dtype in (np.uint8, np.bool_))
    conversions.note_brightness(converted, own)
    if own != contract.pixel_range:
        conversions.scales[own] += len(converted)
        converted = rescaled(converted, own, contract.pixel_range)
    return to_channels(to_size(converted, contract, conversions), contract, contract.pixel_range, conversions)


def resizing_of(contract: Input) -> Resizing:
    """How images of another size get that of the model: as in training; bilinear where training had one size only."""
    return contract.fit or Resizing(step="resize", height=contract.height, width=contract.width)


def to_size(images: np.ndarray, contract: Input, conversions: Conversions) -> np.ndarray:
    """(N, H, W, C) images, on the model's scale, in its size."""
    size = images.shape[1:3]
    if size == (contract.height, contract.width):
        return images
    if contract.fit is None:
        conversions.sizes[size] += len(images)
    return resize_images(images, resizing_of(contract), contract.pixel_range)


def to_channels(images: np.ndarray, contract: Input, scale: Scale, conversions: Conversions) -> np.ndarray:
    """(N, H, W, C) images with the channels of the model. scale: their black and white.

    Grey becomes colour by repetition, colour grey by luma. Raises DataError for transparent images where the model
    was trained on none."""
    channels, images = contract.channels, without_alpha(images, contract, scale[1])
    if channels == 1 and images.shape[-1] == 3:
        if not contract.grey and all_grey(images):
            return images[..., :1]
        conversions.greyed += 0 if contract.grey else len(images)
        return grey_images(images, scale)
    if channels >= 3 and images.shape[-1] == 1:
        images = np.repeat(images, 3, axis=-1)
    if channels == 4 and images.shape[-1] == 3:
        images = np.concatenate([images, np.full_like(images[..., :1], scale[1])], axis=-1)
    return images


def without_alpha(images: np.ndarray, contract: Input, white: float) -> np.ndarray:
    """(N, H, W, C) images, without alpha where the model takes none. Raises DataError when any is transparent."""
    channels = contract.channels
    if images.shape[-1] < 4 or channels == 4:
        return images
    if (images[..., 3] < white).any():
        hint = "Fill the transparent areas first; `snellen predict` does so with --background white."
        expected = f"{channels} channel{'s' * (channels > 1)}"
        raise DataError("converting would lose transparency", found="4 channels", expected=expected, hint=hint)
    return images[..., :3]


def _shrunk(images: np.ndarray, contract: Input, conversions: Conversions) -> np.ndarray:
    """Images larger than any data set may hold, in the size of the model."""
    if images.dtype.kind not in "biuf":
        raise DataError("pixels are not numbers", found=f"type {images.dtype}", expected="integers or floats")
    images = images if images.ndim == 4 else images[..., None]
    return to_size(images if images.dtype == np.uint8 else images.astype(np.float32), contract, conversions)


def _as_array(images: Any) -> np.ndarray:
    """An array of arrays, lists, tensors of torch, or an image of Pillow, whose values are not always its colours."""
    if isinstance(images, str | PathLike):
        hint = "Files are for `snellen predict MODEL FILE`; here give np.asarray(PIL.Image.open(path))."
        raise DataError("not images but a path", found=str(images), expected="an array", hint=hint)
    if callable(getattr(images, "detach", None)):
        images = images.detach().cpu()
    if callable(getattr(images, "getpalette", None)) and images.mode not in PLAIN_MODES:
        images = images.convert("RGBA" if images.has_transparency_data else "RGB")
    try:
        return np.asarray(images)
    except ValueError as error:
        raise DataError("not an array: images of different shapes", hint="Predict them one by one.") from error


def _arrange(images: np.ndarray, contract: Input, conversions: Conversions) -> np.ndarray:
    """(N, H, W) or (N, H, W, C) of any of the shapes that `as_input` takes. Raises DataError for any other."""
    size, shape = (contract.height, contract.width), images.shape
    if images.ndim == 2 and shape == size:
        return images[None]
    is_image = images.ndim == 3 and shape[2] in CHANNELS and (shape[:2] == size or min(shape[:2]) > max(CHANNELS))
    if is_image and shape[1:] != size:
        return images[None]
    if images.ndim == 3 and shape[:2] == size and size[0] > max(CHANNELS) and shape[2] != size[1]:
        hint = "Write numpy.moveaxis(images, -1, 0) if the last index counts the images."
        raise DataError(
            f"{shape[2]} images with their number last, or {shape[0]} of {shape[1]}x{shape[2]} pixels",
            found=f"shape {shape}",
            expected="(N, H, W), (N, H, W, C), or one image (H, W, C)",
            hint=hint,
        )
    if images.ndim == 3 and contract.channels > 1 and shape[0] == contract.channels:
        raise DataError(
            f"{shape[0]} grey images, or one in colour with the channels first",
            found=f"shape {shape}",
            expected="(N, H, W), (N, H, W, C), or one image (H, W, C)",
            hint="Write images[..., None] for grey images, images.transpose(1, 2, 0) for one in colour.",
        )
    if images.ndim == 4 and shape[3] not in CHANNELS and shape[1] in CHANNELS:
        conversions.channels_first += len(images)
        return images.transpose(0, 2, 3, 1)
    if images.ndim not in (3, 4):
        flat = images.ndim == 2 and shape[1] == size[0] * size[1] * contract.channels
        raise DataError(
            "not the shape of images",
            found=f"shape {shape}",
            expected="(N, H, W), (N, H, W, C), or one image (H, W, C)",
            hint=f"Flat rows: use images.reshape(-1, {size[0]}, {size[1]}, {contract.channels})." if flat else None,
        )
    return images


def _images(number: int) -> str:
    return plural(number, "image")


def _range(scale: Scale) -> str:
    return f"{scale[0]:g} to {scale[1]:g}"
