"""The foreground of images with a uniform background: its pixels, the thickness of its strokes, its position."""

from __future__ import annotations

import numpy as np

from snellen.data.inspect.pixel_statistics import COLOURS

EVEN_WITHIN = 0.05
"""Largest difference of a border pixel of the background from the median of the border; the difference of black and
white is 1."""

EVEN_SHARE = 0.6
"""Images have a uniform background if at least this share of all border pixels belongs to it: MNIST 1.00, Fashion 0.88,
digits of 8 pixels 0.72; SVHN 0.51, CIFAR-10 0.36."""

FAINT = 0.1
"""An image whose largest difference from its background is smaller has no foreground."""


def brightness_of(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, H, W) float32 brightness of stored images (N, H, W, C): the mean of the colours, 0 black and 1 white."""
    low, high = pixel_range
    return np.asarray((images[..., :COLOURS].mean(3, dtype=np.float32) - low) / (high - low), np.float32)


def backgrounds(brightness: np.ndarray) -> np.ndarray:
    """(N,) the median brightness of the border pixels of each image."""
    return np.asarray(np.median(_border(brightness), axis=1))


def has_even_background(brightness: np.ndarray) -> bool:
    """Whether foreground and background can be separated, by EVEN_WITHIN and EVEN_SHARE."""
    return even_share(brightness) >= EVEN_SHARE


def even_share(brightness: np.ndarray) -> float:
    """The share of all border pixels that belong to the background of their image."""
    return float((np.abs(_border(brightness) - backgrounds(brightness)[:, None]) <= EVEN_WITHIN).mean())


def _border(brightness: np.ndarray) -> np.ndarray:
    """(N, pixels) brightness of the outermost rows and columns."""
    sides = (brightness[:, 0], brightness[:, -1], brightness[:, 1:-1, 0], brightness[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def background_differences(brightness: np.ndarray) -> np.ndarray:
    """(N, H, W): the absolute difference of each pixel from the background."""
    return np.asarray(np.abs(brightness - backgrounds(brightness)[:, None, None]))


def foreground_masks(brightness: np.ndarray) -> np.ndarray:
    """(N, H, W) bool: pixels whose difference from the background is more than half of the largest in the image."""
    differences = background_differences(brightness)
    largest = differences.max((1, 2), keepdims=True)
    return np.asarray((differences > largest / 2) & (largest > FAINT))


def sizes(masks: np.ndarray) -> np.ndarray:
    """(N,) the share of the pixels that the foreground masks (N, H, W) cover."""
    return np.asarray(masks.mean((1, 2)))


def thicknesses(masks: np.ndarray) -> np.ndarray:
    """(N,) in pixels, of (N, H, W) masks: four times the mean distance to the nearest background pixel, minus two.

    For a long straight stroke that is an even number of pixels wide, this is its width. NaN without a foreground.
    """
    from scipy.ndimage import distance_transform_edt

    apart = float(sum(masks.shape[1:]))
    around = np.pad(masks, ((0, 0), (1, 1), (1, 1)))  # outside of the image is background
    distances = distance_transform_edt(around, sampling=(apart, 1, 1))
    pixels = masks.sum((1, 2))
    means = np.divide(distances.sum((1, 2)), pixels, out=np.full(len(masks), np.nan), where=pixels > 0)
    return np.asarray(4 * means - 2)


def offsets(brightness: np.ndarray) -> np.ndarray:
    """(N,) pixels from the centre of the image to the centre of mass of the differences from the background; 0 if there
    are none."""
    differences = background_differences(brightness).astype(np.float64)
    mass = differences.sum((1, 2))
    down, right = (np.arange(size) - (size - 1) / 2 for size in brightness.shape[1:])
    moments = (differences.sum(2) @ down, differences.sum(1) @ right)
    shifts = [np.divide(moment, mass, out=np.zeros_like(mass), where=mass > 0) for moment in moments]
    return np.asarray(np.hypot(*shifts))
