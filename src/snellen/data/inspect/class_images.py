"""The images of each class: number, samples, mean and standard deviation, over given rows only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.slices import image_slices


def class_counts(dataset: Dataset, rows_by_role: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """One row for each class and role, including zeros: class (text), role (text), images (integer). Raises RunError if
    labels of these rows are sealed.
    """
    num_classes = len(dataset.classes)
    counts = {
        role: np.bincount(dataset.unsealed_labels(rows), minlength=num_classes) for role, rows in rows_by_role.items()
    }
    return pl.DataFrame(
        [(name, role, int(counts[role][code])) for code, name in enumerate(dataset.classes) for role in counts],
        schema={"class": pl.String, "role": pl.String, "images": pl.Int64},
        orient="row",
    )


def sample_rows(dataset: Dataset, rows: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """(K, per_class) int64: rows of each class drawn from `rows` without replacement, padded with -1."""
    shuffled, sample = _shuffled(dataset, rows, seed), np.full((len(dataset.classes), per_class), -1)
    labels = dataset.unsealed_labels(shuffled)
    for code in range(len(dataset.classes)):
        drawn = shuffled[labels == code][:per_class]
        sample[code, : len(drawn)] = drawn
    return sample


def random_rows(dataset: Dataset, rows: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """At most `limit` of `rows`, drawn without replacement, in ascending order."""
    return np.sort(_shuffled(dataset, rows, seed)[:limit])


def mean_images(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(K, H, W, C) float32: the mean image of each class over `rows`, in the stored values of pixels; NaN for classes
    without rows.

    The same bits as from `class_images`. Sums of bytes are exact in any order: added class by class they take a
    hundredth of the time of its products, which share little work among threads.
    """
    if dataset.images.dtype != np.uint8:
        return class_images(dataset, rows)[0]
    labels, sums = dataset.unsealed_labels(rows), np.zeros((len(dataset.classes), *dataset.shape))
    for code in range(len(sums)):
        for _, images in image_slices(dataset.images, rows[labels == code]):
            sums[code] += images.sum(axis=0, dtype=np.uint32)
    return np.asarray(sums / _counts(labels, len(sums))[..., None, None], np.float32)


def class_images(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population standard deviation of each pixel over the rows of each class.

    Both (K, H, W, C) float32, in the scale of the pixels; NaN for a class without rows. Images are read in slices, so
    that they need not fit into memory.
    """
    num_classes, num_pixels = len(dataset.classes), int(np.prod(dataset.shape))
    sums, squares = np.zeros((2, num_classes, num_pixels))
    labels, codes = dataset.unsealed_labels(rows), np.arange(num_classes)[:, None]
    for part, images in image_slices(dataset.images, rows):
        pixels = images.reshape(-1, num_pixels).astype(np.float64)
        of_class = (labels[part] == codes).astype(np.float64)
        sums += of_class @ pixels
        squares += of_class @ np.square(pixels, out=pixels)
    counts = _counts(labels, num_classes)
    means = sums / counts
    deviations = np.sqrt(np.maximum(squares / counts - means**2, 0))
    shape = num_classes, *dataset.shape
    return means.reshape(shape).astype(np.float32), deviations.reshape(shape).astype(np.float32)


def _counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """(K, 1) number of rows of each class, NaN instead of 0."""
    counts = np.bincount(labels, minlength=num_classes)[:, None].astype(np.float64)
    counts[counts == 0] = np.nan
    return counts


def nearest_classes(means: np.ndarray, pixel_range: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Distances (K, K) between mean images (K, H, W, C), and the nearest other class (K,) of each, -1 for none.

    A distance is the root mean square difference of pixels as a fraction of the range from black to white; NaN for a
    class without a mean.
    """
    from scipy.spatial.distance import cdist

    low, high = pixel_range
    flat = means.reshape(len(means), -1)
    distances = cdist(flat, flat) / (high - low) / np.sqrt(flat.shape[1])
    others = np.where(np.isnan(distances) | np.eye(len(means), dtype=bool), np.inf, distances)
    return distances, np.where(np.isinf(others.min(axis=1)), -1, others.argmin(axis=1))


def _shuffled(dataset: Dataset, rows: np.ndarray, seed: int) -> np.ndarray:
    """`rows` in an order that depends only on the seed and on the number of each row."""
    numbers = np.random.Philox(key=seed).random_raw(len(dataset))
    return np.asarray(rows[np.argsort(numbers[rows], kind="stable")])
