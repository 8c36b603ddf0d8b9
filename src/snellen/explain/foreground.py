"""The foreground of pictures with a uniform background: which pixels it covers, how thick its strokes are, where it
is."""

from __future__ import annotations

import numpy as np

from snellen.data.inspect.pixel_statistics import COLOURS

EVEN_WITHIN = 0.05
"""A border pixel belongs to the background within this share of the way from black to white around the border's
median."""

EVEN_SHARE = 0.6
"""Pictures have a uniform background where so many of all border pixels belong to it: MNIST 1.00, Fashion 0.88,
digits of 8 pixels 0.72; SVHN 0.51, CIFAR-10 0.36."""

FAINT = 0.1
"""A picture whose largest difference from its background is smaller has no foreground."""


def brightness_of(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """(N, H, W) float32 of stored pictures (N, H, W, C): the mean of the colours, 0 black and 1 white."""
    low, high = pixel_range
    return np.asarray((images[..., :COLOURS].mean(3, dtype=np.float32) - low) / (high - low), np.float32)


def backgrounds(tones: np.ndarray) -> np.ndarray:
    """(N,) the median of each picture's border pixels."""
    return np.asarray(np.median(_border(tones), axis=1))


def has_even_background(tones: np.ndarray) -> bool:
    """Whether foreground and background can be separated, by EVEN_WITHIN and EVEN_SHARE."""
    return even_share(tones) >= EVEN_SHARE


def even_share(tones: np.ndarray) -> float:
    """The share of all border pixels that belong to the background of their picture."""
    return float((np.abs(_border(tones) - backgrounds(tones)[:, None]) <= EVEN_WITHIN).mean())


def _border(tones: np.ndarray) -> np.ndarray:
    """(N, pixels) of the outermost rows and columns."""
    sides = (tones[:, 0], tones[:, -1], tones[:, 1:-1, 0], tones[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def departures(tones: np.ndarray) -> np.ndarray:
    """(N, H, W): how far each pixel is from its background."""
    return np.asarray(np.abs(tones - backgrounds(tones)[:, None, None]))


def foreground_masks(tones: np.ndarray) -> np.ndarray:
    """(N, H, W) bool: the foreground: pixels whose difference from the background is more than half of the largest."""
    away = departures(tones)
    most = away.max((1, 2), keepdims=True)
    return np.asarray((away > most / 2) & (most > FAINT))


def sizes(figures: np.ndarray) -> np.ndarray:
    """(N,) the share of the pixels that the foreground (N, H, W) covers."""
    return np.asarray(figures.mean((1, 2)))


def thicknesses(figures: np.ndarray) -> np.ndarray:
    """(N,) pixels, of (N, H, W) foregrounds: four times the mean distance to the nearest pixel outside, less two.

    That is the width of a long straight stroke of an even number of pixels; NaN without a foreground.
    """
    from scipy.ndimage import distance_transform_edt

    apart = float(sum(figures.shape[1:]))
    around = np.pad(figures, ((0, 0), (1, 1), (1, 1)))  # beyond the edge there is no foreground
    distances = distance_transform_edt(around, sampling=(apart, 1, 1))
    pixels = figures.sum((1, 2))
    means = np.divide(distances.sum((1, 2)), pixels, out=np.full(len(figures), np.nan), where=pixels > 0)
    return np.asarray(4 * means - 2)


def offsets(tones: np.ndarray) -> np.ndarray:
    """(N,) pixels from the middle of the picture to the centre of mass of the departures; 0 where there are none."""
    away = departures(tones).astype(np.float64)
    mass = away.sum((1, 2))
    down, right = (np.arange(size) - (size - 1) / 2 for size in tones.shape[1:])
    moments = (away.sum(2) @ down, away.sum(1) @ right)
    shifts = [np.divide(moment, mass, out=np.zeros_like(mass), where=mass > 0) for moment in moments]
    return np.asarray(np.hypot(*shifts))
