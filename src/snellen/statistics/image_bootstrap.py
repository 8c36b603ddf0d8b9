"""Percentile intervals of means over the same images: the bootstrap over images, paired over all columns."""

from __future__ import annotations

import numpy as np

from snellen.statistics.levels import CONFIDENCE

RESAMPLES = 2_000
CHUNK = 2**22
"""Random numbers held at once, 32 MiB."""


def bootstrap_means(values_NM: np.ndarray, seed: int = 0) -> np.ndarray:
    """(RESAMPLES, M) means of the columns of (N, M) over the same resamples of the images, drawn from all classes
    together. Philox."""
    values = np.asarray(values_NM, np.float64)
    images = len(values)
    generator = np.random.Generator(np.random.Philox(seed))
    found, block = [], max(1, CHUNK // images)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        drawn = (generator.random((rows, images)) * images).astype(np.int64) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images)
        found.append(counts.astype(np.float64) @ values / images)
    return np.concatenate(found)


def bootstrap_limits(values_NM: np.ndarray, seed: int = 0) -> list[tuple[float, float] | None]:
    """The limits of the mean of each column; None for one whose values are all alike."""
    values = np.asarray(values_NM, np.float64)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(bootstrap_means(values, seed), [tail, 100 - tail], axis=0)
    varies = np.ptp(values, axis=0) > 0
    return [(float(a), float(b)) if own else None for a, b, own in zip(low, high, varies, strict=True)]
