"""Exact nearest neighbours among the outputs of a layer, by scikit-learn.

All pairs of 55,000 points of 128 values take 20 s on one core.
"""

from __future__ import annotations

import numpy as np


def nearest(points: np.ndarray, among: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of (n, d) points the `count` nearest of `among` (m, d): indices (n, count) int64 and Euclidean
    distances, nearest first; fewer columns if m is smaller."""
    from sklearn.neighbors import NearestNeighbors

    if not len(points) or not len(among):
        return np.zeros((len(points), 0), np.int64), np.zeros((len(points), 0))
    search = NearestNeighbors(n_neighbors=min(count, len(among)), algorithm="brute").fit(among)
    distances, places = search.kneighbors(points)
    return places.astype(np.int64), distances.astype(np.float64)


def nearest_others(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Like `nearest`, for each of (n, d) points among the other points."""
    places, distances = nearest(points, points, count + 1)
    own = places == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True  # with many equal points a point may not be found itself
    left = len(points), max(0, places.shape[1] - 1)
    return places[~own].reshape(left), distances[~own].reshape(left)


def within_class(points: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """(n,) mean distance to the `count` nearest others of the same class; NaN if there are none."""
    found = np.full(len(points), np.nan)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) > 1:
            found[own] = nearest_others(points[own], count)[1].mean(axis=1)
    return found
