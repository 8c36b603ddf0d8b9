"""Intervals of one trained network, 95 %, two-sided. They cover other images, not retraining."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.metrics.scores import Counts

RESAMPLES = 2_000
LEVEL = 0.95
CHUNK = 2**22
"""Random numbers held at once, 32 MiB."""


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The Wilson score interval of a proportion, hits of count >= 1 (Wilson 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(int(hits), int(count)).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap over images of the mean of (n,) values, seeded."""
    generator = np.random.Generator(np.random.Philox(seed))
    rows = max(1, CHUNK // len(values))
    means = [
        values[generator.integers(0, len(values), (min(rows, RESAMPLES - start), len(values)))].mean(1)
        for start in range(0, RESAMPLES, rows)
    ]
    return percentiles(np.concatenate(means))


def resample_counts(matrix: np.ndarray, seed: int = 0) -> Counts:
    """RESAMPLES redraws of the images behind (K, K) confusion counts: hits and predicted (R, K), support (K,), seeded.

    Redrawing images redraws the counts, one multinomial a true class: the split was stratified, so class sizes stay.
    """
    hits = np.zeros((RESAMPLES, len(matrix)), np.int64)
    predicted = np.zeros_like(hits)
    for index, draws in _redraws(matrix, seed):
        hits[:, index] = draws[:, index]
        predicted += draws
    return Counts(hits, matrix.sum(1), predicted)


def resample_costs(matrix: np.ndarray, costs: np.ndarray, seed: int = 0) -> np.ndarray:
    """(R,) float64, the mean cost of an image in each of the same redraws; costs: (K, K) of each cell of `matrix`."""
    totals = np.zeros(RESAMPLES)
    for index, draws in _redraws(matrix, seed):
        totals += draws @ costs[index]
    return np.asarray(totals / matrix.sum())


def _redraws(matrix: np.ndarray, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """Each true class that has images, with RESAMPLES redraws of its row of counts: (R, K)."""
    generator = np.random.Generator(np.random.Philox(seed))
    for index, row in enumerate(matrix):
        if row.sum():
            yield index, generator.multinomial(row.sum(), row / row.sum(), RESAMPLES)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The interval that (R,) resampled values give."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
