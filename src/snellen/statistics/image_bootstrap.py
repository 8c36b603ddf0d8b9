"""Percentile intervals of means over the same images: the bootstrap over images, paired over all columns."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE

RESAMPLES = 2_000
FEWEST = 10
"""The fewest images of a class that are resampled within their class: a single image would never vary."""
CHUNK = 2**22
"""Random numbers held at once, 32 MiB."""


def bootstrap_means(values_NM: np.ndarray, strata_N: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """(RESAMPLES, M) means of the columns of (N, M) over the same resamples of the images, drawn by Philox. strata_N:
    the class of each image, if class sizes were fixed when the images were drawn: then each class is resampled
    separately, and classes of fewer than FEWEST images together. None: all images are resampled together.
    """
    values = np.asarray(values_NM, np.float64)
    images = len(values)
    starts, sizes = np.zeros(images, np.int64), np.full(images, images, np.int64)
    if strata_N is not None:
        _, own, counts = np.unique(strata_N, return_inverse=True, return_counts=True)
        own = np.where(counts[own] < FEWEST, len(counts), own)
        order = np.argsort(own, kind="stable")
        values = values[order]
        _, starts, own, counts = np.unique(own[order], return_index=True, return_inverse=True, return_counts=True)
        starts, sizes = starts[own], counts[own]
    generator = np.random.Generator(np.random.Philox(seed))
    found, block = [], max(1, CHUNK // images)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        drawn = starts + (generator.random((rows, images)) * sizes).astype(np.int64)
        drawn += images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images)
        found.append(counts.astype(np.float64) @ values / images)
    return np.concatenate(found)


def bootstrap_limits(
    values_NM: np.ndarray, strata_N: np.ndarray | None = None, seed: int = 0
) -> list[tuple[float, float] | None]:
    """The limits of the mean of each column; None for a column whose values are all equal. strata_N: see
    `bootstrap_means`."""
    values = np.asarray(values_NM, np.float64)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(bootstrap_means(values, strata_N, seed), [tail, 100 - tail], axis=0)
    varies = np.ptp(values, axis=0) > 0
    return [(float(a), float(b)) if own else None for a, b, own in zip(low, high, varies, strict=True)]
