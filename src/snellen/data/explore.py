"""First looks at a data set: how many, which ones, and the mean picture; only of the rows that are given."""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.data.dataset import SEALED, Dataset
from snellen.data.roles import Roles
from snellen.data.slices import row_slices
from snellen.errors import RunError


def class_counts(dataset: Dataset, roles: Roles) -> pl.DataFrame:
    """A row for each class and role, zeros included: class (text), role (text), images (integer).

    Raises RunError when labels that would be counted are sealed: count before sealing.
    """
    num_classes = len(dataset.classes)
    counts = {role: np.bincount(_labels(dataset, rows), minlength=num_classes) for role, rows in roles.rows.items()}
    return pl.DataFrame(
        [(name, role, int(counts[role][code])) for code, name in enumerate(dataset.classes) for role in counts],
        schema={"class": pl.String, "role": pl.String, "images": pl.Int64},
        orient="row",
    )


def sample_rows(dataset: Dataset, rows: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """(K, per_class) int64: rows of each class drawn from `rows` without repetition; -1 where there are not enough."""
    lots = np.random.Philox(key=seed).random_raw(len(dataset))
    shuffled, sample = rows[np.argsort(lots[rows], kind="stable")], np.full((len(dataset.classes), per_class), -1)
    labels = _labels(dataset, shuffled)
    for code in range(len(dataset.classes)):
        drawn = shuffled[labels == code][:per_class]
        sample[code, : len(drawn)] = drawn
    return sample


def mean_images(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(K, H, W, C) float32: the mean picture of each class over `rows`, in pixel_range units; NaN for a class without.

    Read in slices, so that the pictures need not fit into memory.
    """
    num_classes, num_pixels = len(dataset.classes), int(np.prod(dataset.shape))
    sums, labels = np.zeros((num_classes, num_pixels)), _labels(dataset, rows)
    codes = np.arange(num_classes)[:, None]
    for part in row_slices(np.broadcast_to(np.float64(0), (len(rows), num_pixels))):
        pictures = dataset.images[rows[part]].reshape(-1, num_pixels)
        sums += (labels[part] == codes).astype(np.float64) @ pictures.astype(np.float64)
    counts = np.bincount(labels, minlength=num_classes)[:, None]
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return np.asarray(means, np.float32).reshape(num_classes, *dataset.shape)


def _labels(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    labels = dataset.labels[rows]
    if (labels == SEALED).any():
        raise RunError("the labels of these rows are sealed", found=f"{(labels == SEALED).sum():,} of {len(rows):,}")
    return labels
