"""Statistics of pixels: the values of each channel, brightness and contrast of images, correlations of pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.slices import image_slices

BINS = 64
"""Most bins of a histogram of pixels."""

BLOCKS = 128
"""Most blocks of pixels whose correlations are drawn: the side of that image."""

COLOURS = 3
"""Further channels are alpha, which is left out of brightness, contrast and correlation."""


@dataclass(frozen=True, eq=False)
class ChannelMoments:
    """Statistics of the pixels of each of C channels, in the scale of the data; each (C,). deviations: population
    standard deviations."""

    least: np.ndarray
    greatest: np.ndarray
    means: np.ndarray
    deviations: np.ndarray


@dataclass(frozen=True, eq=False)
class ChannelHistograms:
    """edges: (B + 1,), ascending, the same for all channels; counts: (C, B) int64, pixels between two edges."""

    edges: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class PixelCorrelation:
    """Pearson correlations (n, n) of blocks of pixels in reading order; NaN for blocks that are constant.

    blocks: rows and columns of blocks, n = rows * columns <= BLOCKS or the limit given; with labels, n is larger by
    one, and the labels come first. block_pixels: the side of a block. images: the number of images used.
    """

    matrix: np.ndarray
    blocks: tuple[int, int]
    block_pixels: int
    images: int


def channel_moments(dataset: Dataset, rows: np.ndarray) -> ChannelMoments:
    """Minimum, maximum, mean and standard deviation of each channel over `rows`, at least one."""
    num_channels, num_pixels = dataset.shape[2], len(rows) * dataset.shape[0] * dataset.shape[1]
    sums, squares = np.zeros((2, num_channels))
    least, greatest = np.full(num_channels, np.inf), np.full(num_channels, -np.inf)
    for values in _by_channel(dataset, rows):
        least, greatest = np.minimum(least, values.min(axis=1)), np.maximum(greatest, values.max(axis=1))
        exact = values.astype(np.float64)
        sums, squares = sums + exact.sum(axis=1), squares + np.einsum("cn,cn->c", exact, exact)
    means = sums / num_pixels
    return ChannelMoments(least, greatest, means, np.sqrt(np.maximum(squares / num_pixels - means**2, 0)))


def channel_histograms(dataset: Dataset, rows: np.ndarray, least: float, greatest: float) -> ChannelHistograms:
    """The histogram of each channel over `rows`, with the same bins for all. least, greatest: minimum and maximum of
    all these pixels."""
    edges = bin_edges(least, greatest, dataset.images.dtype == np.uint8)
    counts = np.zeros((dataset.shape[2], len(edges) - 1), np.int64)
    for values in _by_channel(dataset, rows):
        for channel, channel_values in enumerate(values):
            counts[channel] += _binned(channel_values, edges)
    return ChannelHistograms(edges, counts)


def bin_edges(least: float, greatest: float, whole_numbers: bool) -> np.ndarray:
    """Edges of at most BINS equal bins for all values; for integers, each bin covers the same number of them."""
    if whole_numbers:
        width = math.ceil((greatest - least + 1) / BINS)
        return np.arange(least, greatest + width + 1, width) - 0.5
    return np.linspace(least, greatest if greatest > least else least + 1, BINS + 1)


def brightness_and_contrast(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brightness and contrast (n,) of the image of each row: mean and standard deviation of its pixels.

    Fractions of the range from black to white: brightness 0 is black and 1 white; contrast is at most 0.5. Colours have
    equal weights; alpha is left out.
    """
    low, high = dataset.pixel_range
    brightness, contrast = np.empty((2, len(rows)))
    for part, images in image_slices(dataset.images, rows):
        pixels = images[..., :COLOURS].reshape(len(images), -1)
        brightness[part], contrast[part] = pixels.mean(axis=1, dtype=np.float64), pixels.std(axis=1, dtype=np.float64)
    return (brightness - low) / (high - low), contrast / (high - low)


def correlation(
    dataset: Dataset, rows: np.ndarray, limit: int = BLOCKS, labels: np.ndarray | None = None
) -> PixelCorrelation:
    """Correlations of the pixels of `rows`, summed over colours and over the smallest blocks of which there are at most
    `limit`. labels: (n,) class numbers of these rows, whose correlations are included before all pixels."""
    side = block_side(*dataset.shape[:2], limit)
    parts = [_blocks(images, side) for _, images in image_slices(dataset.images, rows)]
    blocks = np.concatenate(parts)
    values = blocks.reshape(len(rows), -1)
    if labels is not None:
        values = np.column_stack([labels, values])
    varies = np.ptp(values, axis=0) > 0
    values -= values.mean(axis=0)
    values /= np.where(varies, np.linalg.norm(values, axis=0), np.nan)
    return PixelCorrelation(np.clip(values.T @ values, -1, 1), blocks.shape[1:], side, len(rows))


def block_side(height: int, width: int, limit: int = BLOCKS) -> int:
    """The side of the smallest square blocks of which at most `limit` cover an image."""
    return next(
        side for side in range(1, max(height, width) + 1) if _cells(height, side) * _cells(width, side) <= limit
    )


def _cells(pixels: int, side: int) -> int:
    return -(-pixels // side)


def _blocks(images: np.ndarray, side: int) -> np.ndarray:
    """(N, down, across) float64: the sum of each block; a correlation does not depend on the scale."""
    sums: np.ndarray = images[..., :COLOURS].sum(axis=3, dtype=np.float64)
    if side == 1:
        return sums  # reduceat would copy each pixel twice
    for axis in (1, 2):
        sums = np.add.reduceat(sums, np.arange(0, images.shape[axis], side), axis=axis)
    return sums


def _by_channel(dataset: Dataset, rows: np.ndarray) -> Iterator[np.ndarray]:
    """(C, n) pixels in slices; contiguous channels are reduced four times as fast."""
    for _, images in image_slices(dataset.images, rows):
        yield np.moveaxis(images, 3, 0).reshape(images.shape[3], -1)


def _binned(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """np.histogram, ten times as fast for uint8."""
    if values.dtype != np.uint8:
        return np.histogram(values, edges)[0]
    return np.histogram(np.arange(256), edges, weights=np.bincount(values, minlength=256))[0].astype(np.int64)
