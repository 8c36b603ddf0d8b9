"""First looks at a data set: how many, which ones, and the mean picture; only of the rows that are given."""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.data.dataset import Dataset
from snellen.data.roles import Roles
from snellen.data.slices import row_slices
from snellen.data.vault import unsealed


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
    lots = np.random.Philox(key=seed).random_raw(len(dataset))
    shuffled, sample = rows[np.argsort(lots[rows], kind="stable")], np.full((len(dataset.classes), per_class), -1)
    labels = unsealed(dataset, shuffled)
    for code in range(len(dataset.classes)):
        drawn = shuffled[labels == code][:per_class]
        sample[code, : len(drawn)] = drawn
    return sample


def mean_images(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(K, H, W, C) float32: the mean picture of each class over `rows`, in the pixels' own values; NaN for no rows.

    Read in slices, so that the pictures need not fit into memory.
    """
    num_classes, num_pixels = len(dataset.classes), int(np.prod(dataset.shape))
    sums, labels = np.zeros((num_classes, num_pixels)), unsealed(dataset, rows)
    codes = np.arange(num_classes)[:, None]
    for part in row_slices(np.broadcast_to(np.float64(0), (len(rows), num_pixels))):
        pictures = dataset.images[rows[part]].reshape(-1, num_pixels)
        sums += (labels[part] == codes).astype(np.float64) @ pictures.astype(np.float64)
    counts = np.bincount(labels, minlength=num_classes)
    means = np.full((num_classes, *dataset.shape), np.nan, np.float32)
    for code in np.flatnonzero(counts):
        means[code] = (sums[code] / counts[code]).reshape(dataset.shape)
    return means
