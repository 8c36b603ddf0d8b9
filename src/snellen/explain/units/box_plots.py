"""The numbers of box plots: the distribution of the activations of each unit over the images of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

REACH = 1.5
"""Whiskers end at the last image within this many box lengths (Tukey 1977)."""
NUMBERS = ("minimum", "low_whisker", "low_quartile", "median", "high_quartile", "high_whisker", "maximum", "mean")


@dataclass(frozen=True, eq=False)
class Boxes:
    """numbers: (8, U, K), in the order of NUMBERS; NaN for a class without images. images: (K,)."""

    numbers: np.ndarray
    images: np.ndarray

    def of(self, name: str) -> np.ndarray:
        """(U, K), one of NUMBERS."""
        found: np.ndarray = self.numbers[NUMBERS.index(name)]
        return found


def boxes(activation_NU: np.ndarray, classes_N: np.ndarray, num_classes: int) -> Boxes:
    """The boxes of each unit and class. Quartiles are interpolated linearly, as NumPy's are."""
    numbers = np.full((len(NUMBERS), activation_NU.shape[1], num_classes), np.nan)
    images = np.bincount(classes_N, minlength=num_classes)
    for label in np.flatnonzero(images):
        numbers[..., label] = _box(np.sort(activation_NU[classes_N == label].T, axis=1))
    return Boxes(numbers, images)


def _box(sorted_UN: np.ndarray) -> np.ndarray:
    """(8, U) of sorted activations."""
    low, middle, high = _quantiles(sorted_UN)
    reach = REACH * (high - low)[:, None]
    inside_low, inside_high = sorted_UN >= low[:, None] - reach, sorted_UN <= high[:, None] + reach
    units = np.arange(len(sorted_UN))
    first, last = inside_low.argmax(1), sorted_UN.shape[1] - 1 - inside_high[:, ::-1].argmax(1)
    whiskers = sorted_UN[units, first], sorted_UN[units, last]
    mean = sorted_UN.mean(1, dtype=np.float64)
    return np.stack([sorted_UN[:, 0], whiskers[0], low, middle, high, whiskers[1], sorted_UN[:, -1], mean])


def _quantiles(sorted_UN: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower quartile, median and upper quartile, (U,) each, of sorted values."""
    places = np.array([0.25, 0.5, 0.75]) * (sorted_UN.shape[1] - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, sorted_UN.shape[1] - 1)
    share = places - below
    low, middle, high = (sorted_UN[:, below] * (1 - share) + sorted_UN[:, above] * share).T
    return low, middle, high


def overlaps(boxes: Boxes) -> np.ndarray:
    """(U, K, K), 0..1: the length that the boxes of two classes share, relative to the length that they cover together.

    1 for two boxes of length 0 at the same value. NaN for a class without images.
    """
    low, high = boxes.of("low_quartile"), boxes.of("high_quartile")
    together = np.maximum(high[..., None], high[:, None]) - np.minimum(low[..., None], low[:, None])
    shared = np.minimum(high[..., None], high[:, None]) - np.maximum(low[..., None], low[:, None])
    share = np.divide(shared.clip(0), together, where=together > 0, out=np.ones_like(together))
    return np.asarray(np.where(np.isnan(together), np.nan, share))


def touching(boxes: Boxes) -> np.ndarray:
    """(U, K, K) bool: whether the boxes of two classes have a value in common."""
    low, high = boxes.of("low_quartile"), boxes.of("high_quartile")
    return np.asarray(np.minimum(high[..., None], high[:, None]) >= np.maximum(low[..., None], low[:, None]))


def table(boxes: Boxes, by: str, classes: tuple[str, ...]) -> pl.DataFrame:
    """One row per unit and class. by: `true` or `predicted`, which classes these are."""
    units, num_classes = boxes.numbers.shape[1:]
    columns = {name: boxes.of(name).ravel() for name in NUMBERS}
    return pl.DataFrame(
        {
            "by": [by] * (units * num_classes),
            "unit": np.repeat(np.arange(units), num_classes),
            "class": list(classes) * units,
            "images": np.tile(boxes.images, units),
            **columns,
        }
    ).with_columns(pl.col(NUMBERS).fill_nan(None))
