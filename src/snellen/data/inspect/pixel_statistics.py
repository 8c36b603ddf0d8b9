"""How pixels are spread: the values of each channel, the tones of whole pictures, which pixels go together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.slices import picture_slices

BINS = 64
"""Most bins of a histogram of pixels."""

BLOCKS = 128
"""Most blocks of pixels whose correlations are drawn: the side of that picture."""

COLOURS = 3
"""Channels beyond these are alpha, which has no tone."""


@dataclass(frozen=True, eq=False)
class Channels:
    """The pixels of each of C channels, in their own values: least, greatest, means, deviations, each (C,).

    edges: (B + 1,), ascending, the same for all channels; counts: (C, B) int64, pixels between two edges.
    """

    least: np.ndarray
    greatest: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    edges: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class Correlation:
    """Pearson correlations (n, n) of blocks of pixels in reading order; NaN for blocks that never change.

    blocks: down and across, n together, at most BLOCKS. block_pixels: the side of one. images: how many were looked at.
    """

    matrix: np.ndarray
    blocks: tuple[int, int]
    block_pixels: int
    images: int


def channels(dataset: Dataset, rows: np.ndarray) -> Channels:
    """The spread of the pixels of `rows`, at least one, channel by channel."""
    num_channels, num_pixels = dataset.shape[2], len(rows) * dataset.shape[0] * dataset.shape[1]
    sums, squares = np.zeros((2, num_channels))
    least, greatest = np.full(num_channels, np.inf), np.full(num_channels, -np.inf)
    for values in _by_channel(dataset, rows):
        least, greatest = np.minimum(least, values.min(axis=1)), np.maximum(greatest, values.max(axis=1))
        exact = values.astype(np.float64)
        sums, squares = sums + exact.sum(axis=1), squares + np.einsum("cn,cn->c", exact, exact)
    means = sums / num_pixels
    deviations = np.sqrt(np.maximum(squares / num_pixels - means**2, 0))
    edges = bin_edges(float(least.min()), float(greatest.max()), dataset.images.dtype == np.uint8)
    return Channels(least, greatest, means, deviations, edges, _counts(dataset, rows, edges))


def bin_edges(least: float, greatest: float, whole_numbers: bool) -> np.ndarray:
    """At most BINS equal bins that hold every value; bins of whole numbers hold equally many of them."""
    if whole_numbers:
        width = math.ceil((greatest - least + 1) / BINS)
        return np.arange(least, greatest + width + 1, width) - 0.5
    return np.linspace(least, greatest if greatest > least else least + 1, BINS + 1)


def tones(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brightness and contrast (n,) of the picture of each row: mean and standard deviation of its pixels.

    Shares of the way from black to white: brightness 0 is black and 1 white; contrast is at most 0.5. All colours count
    alike; transparency does not.
    """
    low, high = dataset.pixel_range
    brightness, contrast = np.empty((2, len(rows)))
    for part, pictures in picture_slices(dataset.images, rows):
        pixels = pictures[..., :COLOURS].reshape(len(pictures), -1)
        brightness[part], contrast[part] = pixels.mean(axis=1, dtype=np.float64), pixels.std(axis=1, dtype=np.float64)
    return (brightness - low) / (high - low), contrast / (high - low)


def correlation(dataset: Dataset, rows: np.ndarray) -> Correlation:
    """How the pixels of `rows` go together: colours added, then pixels added in the smallest blocks that suffice."""
    side = block_side(*dataset.shape[:2])
    parts = [_blocks(pictures, side) for _, pictures in picture_slices(dataset.images, rows)]
    blocks = np.concatenate(parts)
    values = blocks.reshape(len(rows), -1)
    centred = values - values.mean(axis=0)
    lengths = np.where(np.ptp(values, axis=0) > 0, np.linalg.norm(centred, axis=0), np.nan)
    directions = centred / lengths
    return Correlation(np.clip(directions.T @ directions, -1, 1), blocks.shape[1:], side, len(rows))


def block_side(height: int, width: int) -> int:
    """The side of the smallest square blocks of which at most BLOCKS cover a picture."""
    return next(
        side for side in range(1, max(height, width) + 1) if _cells(height, side) * _cells(width, side) <= BLOCKS
    )


def _cells(pixels: int, side: int) -> int:
    return -(-pixels // side)


def _blocks(pictures: np.ndarray, side: int) -> np.ndarray:
    """(N, down, across) float64: the sum of each block, whose scale a correlation does not see."""
    sums: np.ndarray = pictures[..., :COLOURS].sum(axis=3, dtype=np.float64)
    for axis in (1, 2):
        sums = np.add.reduceat(sums, np.arange(0, pictures.shape[axis], side), axis=axis)
    return sums


def _counts(dataset: Dataset, rows: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(C, B) int64 pixels in each bin."""
    counts = np.zeros((dataset.shape[2], len(edges) - 1), np.int64)
    for values in _by_channel(dataset, rows):
        for channel, channel_values in enumerate(values):
            counts[channel] += _binned(channel_values, edges)
    return counts


def _by_channel(dataset: Dataset, rows: np.ndarray) -> Iterator[np.ndarray]:
    """(C, n) pixels in slices; each channel in one piece is four times as fast to reduce."""
    for _, pictures in picture_slices(dataset.images, rows):
        yield np.moveaxis(pictures, 3, 0).reshape(pictures.shape[3], -1)


def _binned(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Like np.histogram, ten times as fast for bytes."""
    if values.dtype != np.uint8:
        return np.histogram(values, edges)[0]
    return np.histogram(np.arange(256), edges, weights=np.bincount(values, minlength=256))[0].astype(np.int64)
