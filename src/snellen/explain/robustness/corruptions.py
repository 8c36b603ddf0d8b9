"""Twelve corruptions of small images, 8 to 64 pixels a side, at three severities each.

All except JPEG are computed in integers, or by tables of integers, so that the same image gives the same bytes on every
machine. Random properties (a direction, a place, the noise) depend on the image's content and the corruption, so the
severities of a corruption differ only in size. An alpha channel is not changed by corruptions of values.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from snellen.explain.robustness.addressed import random_shares, random_uint16
from snellen.explain.robustness.resampling import affine, blurred

Change = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""(images (N, H, W, C) uint8, keys (N,) uint64, size) -> images of the same shape."""

SEVERITIES = (1, 2, 3)
LEVELS = 2**12
"""Number of random values that index the tables of noise."""
VALUES_AT_ONCE = 2**21
"""Bytes of the images that are changed together, so that they stay in the processor's cache."""
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""(down, right) of a shift."""


@dataclass(frozen=True)
class Corruption:
    """sizes: of severity 1, 2 and 3. words: a format that says what a size is. augmentations: the names in `augment`
    that change training images in the same way."""

    change: Change
    sizes: tuple[float, float, float]
    words: str
    augmentations: tuple[str, ...] = ()

    def size_words(self, severity: int) -> str:
        """The size of a severity, counted from 1, in words."""
        return self.words.format(self.sizes[severity - 1])


def corrupted(images: np.ndarray, keys: np.ndarray, name: str, severity: int) -> np.ndarray:
    """The images (N, H, W, C) uint8 under the corruption of this name. severity: 1, 2 or 3."""
    corruption, changed = CORRUPTIONS[name], np.empty_like(images)
    count = max(1, VALUES_AT_ONCE // max(1, images[:1].size))
    for start in range(0, len(images), count):
        part = slice(start, start + count)
        changed[part] = corruption.change(images[part], keys[part], corruption.sizes[severity - 1])
    return changed


def _noise(name: str, table: Callable[[float], np.ndarray]) -> Change:
    """table: for a size, (256, LEVELS): the new value of each old value, for each random number."""

    @lru_cache(maxsize=len(SEVERITIES))
    def rounded(size: float) -> np.ndarray:
        values: np.ndarray = np.clip(np.rint(table(size)), 0, 255).astype(np.uint8)
        return values.ravel()

    def change(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
        colours = _colours(images)
        drawn = random_uint16(keys, name, colours[0].size).reshape(colours.shape) >> 4
        return _with_colours(images, rounded(size)[colours.astype(np.int32) * LEVELS + drawn])

    return change


def _gaussian_noise(size: float) -> np.ndarray:
    from scipy.special import ndtri

    return np.asarray(np.arange(256)[:, None] + 255 * size * ndtri((np.arange(LEVELS) + 0.5) / LEVELS))


def _shot_noise(size: float) -> np.ndarray:
    """Poisson counts; size: the expected count of a white pixel."""
    from scipy.special import pdtr

    counts, means = np.arange(8 * int(size)), np.arange(256) / 255 * size
    shares = (np.arange(LEVELS) + 0.5) / LEVELS
    drawn = [np.searchsorted(row, shares) for row in pdtr(counts[None, :], means[:, None])]
    return np.stack(drawn) * 255 / size


def _impulse_noise(size: float) -> np.ndarray:
    """size: the share of values that become black or white, half of them each."""
    shares = (np.arange(LEVELS) + 0.5) / LEVELS
    return np.where(shares < size / 2, 0, np.where(shares >= 1 - size / 2, 255, np.arange(256)[:, None]))


def _blur(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    return blurred(images, size)


def _shift(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Shifts down, right or both, in steps of half a pixel."""
    height, width = images.shape[1:3]
    down, right = (max(0.5, round(2 * size * side) / 2) for side in (height, width))
    return _by_direction(
        images, keys, "shift", [affine(height, width, shift=(down * y, right * x)) for y, x in DIRECTIONS]
    )


def _rotation(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Rotates by `size` degrees in either direction."""
    height, width = images.shape[1:3]
    turn = np.deg2rad(size)
    turns = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (turn, -turn)]
    return _by_direction(images, keys, "rotation", [affine(height, width, matrix) for matrix in turns])


def _scale(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Enlarges or shrinks by the factor `size`."""
    height, width = images.shape[1:3]
    return _by_direction(
        images, keys, "scale", [affine(height, width, factor * np.eye(2)) for factor in (1 / size, size)]
    )


def _shear(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Shears along rows or columns, in either direction."""
    height, width = images.shape[1:3]
    shears = [
        np.array(matrix) for slope in (size, -size) for matrix in ([[1.0, slope], [0.0, 1.0]], [[1.0, 0.0], [slope, 1]])
    ]
    return _by_direction(images, keys, "shear", [affine(height, width, matrix) for matrix in shears])


def _by_direction(
    images: np.ndarray, keys: np.ndarray, name: str, transforms: list[Callable[[np.ndarray], np.ndarray]]
) -> np.ndarray:
    """Each image is changed by one of the transforms."""
    chosen = (random_shares(keys, name, 1)[:, 0] * len(transforms)).astype(np.int64)
    changed = np.empty_like(images)
    for number, transform in enumerate(transforms):
        changed[chosen == number] = transform(images[chosen == number])
    return changed


def _brightness(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Lighter or darker by this share of the range."""
    step = np.where(random_shares(keys, "brightness", 1)[:, 0] < 0.5, -1, 1) * round(255 * size)
    return _with_colours(images, np.clip(_colours(images).astype(np.int32) + step[:, None, None, None], 0, 255))


def _contrast(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """The share of the difference from the image's mean that is kept."""
    colours = _colours(images).astype(np.int32)
    means = _means(colours)
    return _with_colours(images, (256 * means + round(256 * size) * (colours - means) + 128) >> 8)


def _erasing(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """A middle grey rectangle with sides of this share of the image's, anywhere inside the image."""
    height, width = images.shape[1:3]
    sides = [max(1, round(size * side)) for side in (height, width)]
    places = random_shares(keys, "erasing", 2)
    inside = []
    for axis, (length, side) in enumerate(zip((height, width), sides, strict=True)):
        first = (places[:, axis] * (length - side + 1)).astype(np.int64)[:, None]
        inside.append((np.arange(length) >= first) & (np.arange(length) < first + side))
    box = (inside[0][:, :, None] & inside[1][:, None, :])[..., None]
    return _with_colours(images, np.where(box, 128, _colours(images)))


def _jpeg(images: np.ndarray, keys: np.ndarray, size: float) -> np.ndarray:
    """Encoded at this quality, with colours at half of the resolution, and decoded."""
    from PIL import Image

    colours, read = _colours(images), np.empty_like(_colours(images))
    for image, target in zip(colours, read, strict=True):
        stored = io.BytesIO()
        encoded = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        encoded.save(stored, "JPEG", quality=int(size), subsampling="4:2:0")
        target[...] = np.asarray(Image.open(stored)).reshape(image.shape)
    return _with_colours(images, read)


def _means(colours: np.ndarray) -> np.ndarray:
    """(N, 1, 1, 1) int32, rounded."""
    sums, count = colours.sum((1, 2, 3), dtype=np.int64), colours[:1].size or 1
    return np.asarray((2 * sums + count) // (2 * count), np.int32)[:, None, None, None]


def _colours(images: np.ndarray) -> np.ndarray:
    """The channels without alpha, which is the last of 2 or 4 channels."""
    channels = images.shape[-1]
    return images[..., : channels - 1] if channels in (2, 4) else images


def _with_colours(images: np.ndarray, colours: np.ndarray) -> np.ndarray:
    changed = images.copy()
    changed[..., : colours.shape[-1]] = colours
    return changed


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian noise": Corruption(
        _noise("gaussian noise", _gaussian_noise), (0.05, 0.1, 0.2), "deviation {:g} of the range"
    ),
    "shot noise": Corruption(_noise("shot noise", _shot_noise), (60, 20, 7), "white counts {:g}"),
    "impulse noise": Corruption(_noise("impulse noise", _impulse_noise), (0.03, 0.08, 0.16), "{:.0%} of the values"),
    "blur": Corruption(_blur, (0.045, 0.065, 0.09), "deviation {:g} of the side"),
    "shift": Corruption(_shift, (1 / 14, 1 / 7, 3 / 14), "{:.2f} of the side", ("shift", "crop")),
    "rotation": Corruption(_rotation, (10, 20, 30), "{:g} degrees", ("rotate",)),
    "scale": Corruption(_scale, (1.12, 1.25, 1.4), "times or divided by {:g}", ("scale",)),
    "shear": Corruption(_shear, (0.12, 0.25, 0.4), "slope {:g}"),
    "brightness": Corruption(_brightness, (0.1, 0.2, 0.35), "{:g} of the range", ("brightness",)),
    "contrast": Corruption(_contrast, (0.6, 0.35, 0.2), "{:g} of the contrast", ("contrast",)),
    "erasing": Corruption(_erasing, (0.25, 0.375, 0.5), "{:g} of each side", ("cutout", "cutmix")),
    "JPEG": Corruption(_jpeg, (50, 20, 8), "quality {:g}"),
}
"""The corruptions by name, in the order of the page."""
