"""First looks at a data set: how many, which ones, how each class looks; only of the rows that are given."""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.slices import picture_slices
from snellen.data.splits.roles import Roles
from snellen.data.splits.vault import unsealed


def class_counts(dataset: Dataset, roles: Roles) -> pl.DataFrame:
    """A row for each class and role, zeros included: class (text), role (text), images (integer).

    Raises RunError when labels that would be counted are sealed: count before sealing.
    """
    num_classes = len(dataset.classes)
    counts = {role: np.bincount(unsealed(dataset, rows), minlength=num_classes) for role, rows in roles.rows.items()}
    return pl.DataFrame(
        [(name, role, int(counts[role][code])) for code, name in enumerate(dataset.classes) for role in counts],
        schema={"class": pl.String, "role": pl.String, "images": pl.Int64},
        orient="row",
    )


def sample_rows(dataset: Dataset, rows: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """(K, per_class) int64: rows of each class drawn from `rows` without repetition; -1 where there are not enough."""
    shuffled, sample = _shuffled(dataset, rows, seed), np.full((len(dataset.classes), per_class), -1)
    labels = unsealed(dataset, shuffled)
    for code in range(len(dataset.classes)):
        drawn = shuffled[labels == code][:per_class]
        sample[code, : len(drawn)] = drawn
    return sample


def some_rows(dataset: Dataset, rows: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """At most `limit` of `rows`, drawn without repetition, in ascending order."""
    return np.sort(_shuffled(dataset, rows, seed)[:limit])


def mean_images(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(K, H, W, C) float32: the mean picture of each class over `rows`, in the pixels' own values; NaN for no rows.

    The same bits as from `class_images`. Sums of bytes are exact in any order: added class by class they take a
    hundredth of the time of its products, which share little work among threads.
    """
    if dataset.images.dtype != np.uint8:
        return class_images(dataset, rows)[0]
    labels, sums = unsealed(dataset, rows), np.zeros((len(dataset.classes), *dataset.shape))
    for code in range(len(sums)):
        for _, pictures in picture_slices(dataset.images, rows[labels == code]):
            sums[code] += pictures.sum(axis=0, dtype=np.uint32)
    return (sums / _counts(labels, len(sums))[..., None, None]).astype(np.float32)


def class_images(dataset: Dataset, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (that of a population) of each pixel over the rows of each class.

    Both (K, H, W, C) float32, in the pixels' own values; NaN for a class without rows. Read in slices, so that the
    pictures need not fit into memory.
    """
    num_classes, num_pixels = len(dataset.classes), int(np.prod(dataset.shape))
    sums, squares = np.zeros((2, num_classes, num_pixels))
    labels, codes = unsealed(dataset, rows), np.arange(num_classes)[:, None]
    for part, pictures in picture_slices(dataset.images, rows):
        pixels = pictures.reshape(-1, num_pixels).astype(np.float64)
        of_class = (labels[part] == codes).astype(np.float64)
        sums += of_class @ pixels
        squares += of_class @ np.square(pixels, out=pixels)
    counts = _counts(labels, num_classes)
    means = sums / counts
    deviations = np.sqrt(np.maximum(squares / counts - means**2, 0))
    shape = num_classes, *dataset.shape
    return means.reshape(shape).astype(np.float32), deviations.reshape(shape).astype(np.float32)


def _counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """(K, 1) rows of each class, NaN for none."""
    counts = np.bincount(labels, minlength=num_classes)[:, None].astype(np.float64)
    counts[counts == 0] = np.nan
    return counts


def nearest_classes(means: np.ndarray, pixel_range: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Distances (K, K) between mean pictures (K, H, W, C), and the nearest other class (K,) of each, -1 for none.

    A distance is the root mean square difference of pixels, as a share of the way from black to white; NaN where a
    class has no mean.
    """
    from scipy.spatial.distance import cdist

    low, high = pixel_range
    flat = means.reshape(len(means), -1)
    distances = cdist(flat, flat) / (high - low) / np.sqrt(flat.shape[1])
    others = np.where(np.isnan(distances) | np.eye(len(means), dtype=bool), np.inf, distances)
    return distances, np.where(np.isinf(others.min(axis=1)), -1, others.argmin(axis=1))


def repeated_pictures(groups: np.ndarray, labels: np.ndarray, limit: int) -> list[np.ndarray]:
    """The rows of each picture that occurs more than once, at most `limit` pictures; contradicting labels first.

    groups: (N,) from `duplicate_groups`. Otherwise in the order of the first copy.
    """
    first, sizes = np.unique(groups, return_counts=True)
    repeated = first[sizes > 1]
    agrees = ~np.isin(repeated, groups[labels != labels[groups]])
    return [np.flatnonzero(groups == row) for row in repeated[np.argsort(agrees, kind="stable")][:limit]]


def near_sets(near: np.ndarray, copies: np.ndarray, parts: np.ndarray) -> list[np.ndarray]:
    """The rows of each set of near-duplicates that are not all the same picture: those that stand in more than one part
    first, then the largest. near, copies: (N,) from `near_groups` and `duplicate_groups`. parts: (N,), any values."""
    names, pictures = np.unique(np.unique(np.stack([near, copies]), axis=1)[0], return_counts=True)
    sets = [np.flatnonzero(near == name) for name in names[pictures > 1]]
    return sorted(sets, key=lambda rows: (len(np.unique(parts[rows])) == 1, -len(rows)))


def _shuffled(dataset: Dataset, rows: np.ndarray, seed: int) -> np.ndarray:
    """`rows` in an order that depends on the seed and each row's number alone."""
    lots = np.random.Philox(key=seed).random_raw(len(dataset))
    return np.asarray(rows[np.argsort(lots[rows], kind="stable")])
