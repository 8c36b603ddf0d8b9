"""A table of pixel statistics over given rows: mean, deviation, quartiles, share of zeros, for each pixel and for
all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.inspect.class_images import random_rows
from snellen.data.slices import image_slices

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
COLUMNS = ("least", "first_quartile", "median", "third_quartile", "greatest")
LEVELS = 256
COLOURS = ("red", "green", "blue", "alpha")

MAX_PIXELS = 50_000
"""For larger images there is no table of every pixel: its counts alone would take more than 100 MB."""
MAX_IMAGES = 60_000
MAX_VALUES = {True: 200_000_000, False: 20_000_000}
"""The most images that are used, and the most pixels of all of them, for bytes and for floats, so that it takes
seconds."""


@dataclass(frozen=True, eq=False)
class PixelTable:
    """pixels: one row for each pixel and channel in reading order: row, column and channel (if there are several), then
    mean, deviation, COLUMNS and zeros, the share of images in which it is 0; None for more than MAX_PIXELS. all: the
    same numbers for all pixels together. images: the number of images used. Values are in the scale of the data;
    deviations are population standard deviations."""

    pixels: pl.DataFrame | None
    all: dict[str, float]
    images: int


def counted_rows(dataset: Dataset, rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """All of `rows`, or a random sample of the size that MAX_IMAGES and MAX_VALUES allow."""
    limit = most_counted(dataset)
    return rows if len(rows) <= limit else random_rows(dataset, rows, limit, seed)


def most_counted(dataset: Dataset) -> int:
    """How many images MAX_IMAGES and MAX_VALUES allow, at least one."""
    most = MAX_VALUES[dataset.images.dtype == np.uint8] // int(np.prod(dataset.shape))
    return min(MAX_IMAGES, max(1, most))


def pixel_table(dataset: Dataset, rows: np.ndarray) -> PixelTable:
    """The table over `rows`, at least one. Quartiles are values of the data (numpy's `inverted_cdf`)."""
    num_pixels = int(np.prod(dataset.shape))
    each = num_pixels <= MAX_PIXELS
    if dataset.images.dtype == np.uint8:
        counts = _counts(dataset, rows, num_pixels if each else 1)
        together = _of_counts(counts.sum(axis=0, keepdims=True))
        numbers = _of_counts(counts) if each else None
    else:
        values = dataset.images[rows].reshape(len(rows), num_pixels)
        together = _of_values(values.reshape(-1, 1))
        numbers = _of_values(values) if each else None
    everything = {name: float(values[0]) for name, values in together.items()}
    pixels = None if numbers is None else pl.DataFrame(_places(dataset.shape) | numbers)
    return PixelTable(pixels, everything, len(rows))


def _places(shape: tuple[int, int, int]) -> dict[str, Any]:
    """The columns that identify the pixel."""
    down, across, depth = (place.ravel() for place in np.indices(shape))
    channel = {"channel": [COLOURS[number] for number in depth]} if shape[2] > 1 else {}
    return {"row": down, "column": across, **channel}


def _counts(dataset: Dataset, rows: np.ndarray, num_pixels: int) -> np.ndarray:
    """(P, LEVELS) int64: the frequency of each value of each pixel; of all pixels together if P is 1."""
    starts = np.arange(num_pixels, dtype=np.int64) * LEVELS
    counts = np.zeros(num_pixels * LEVELS, np.int64)
    for _, images in image_slices(dataset.images, rows):
        np.add.at(counts, (images.reshape(-1, num_pixels) + starts).ravel(), 1)
    return counts.reshape(num_pixels, LEVELS)


def _of_counts(counts_PL: np.ndarray) -> dict[str, np.ndarray]:
    """The exact statistics of each row of counts of the values 0 to 255."""
    levels, total = np.arange(LEVELS, dtype=np.float64), counts_PL.sum(axis=1)
    means = counts_PL @ levels / total
    squares = counts_PL @ levels**2 / total
    reached = np.cumsum(counts_PL, axis=1)
    wanted = [np.maximum(np.ceil(share * total), 1) for share in QUARTILES]
    return {
        "mean": means,
        "deviation": np.sqrt(np.maximum(squares - means**2, 0)),
        **{name: (reached < least[:, None]).sum(axis=1).astype(np.float64) for name, least in zip(COLUMNS, wanted)},
        "zeros": counts_PL[:, 0] / total,
    }


def _of_values(values_NP: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of each column."""
    quartiles = np.quantile(values_NP, QUARTILES, axis=0, method="inverted_cdf")
    return {
        "mean": values_NP.mean(axis=0, dtype=np.float64),
        "deviation": values_NP.std(axis=0, dtype=np.float64),
        **{name: values.astype(np.float64) for name, values in zip(COLUMNS, quartiles)},
        "zeros": (values_NP == 0).mean(axis=0),
    }
