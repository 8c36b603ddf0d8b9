"""Projections to two or three dimensions: principal components, t-SNE, UMAP. All are seeded; t-SNE and UMAP start from
the principal components."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from snellen.errors import StudyError
from snellen.limits import MAP_BYTES_A_NEIGHBOUR, MAP_BYTES_A_ROW, MAP_BYTES_A_VALUE, MAP_MEMORY_BYTES

EXAGGERATED = 250
"""The first iterations of t-SNE, in which attraction is multiplied by EXAGGERATION: they separate the clusters."""
EXAGGERATION = 12.0

EXACT = 1_000
"""Most rows whose nearest neighbours are searched exactly; of more, by an approximate index of TREES random trees."""
TREES = 10
"""Trees of the index: a third of the time of the usual 50, with equal trustworthiness (docs/log.md)."""

GRID = 2
"""Cell width of the grid on which repulsion is interpolated, in units of the map: a third faster than 1."""

NEIGHBOURS_A_PERPLEXITY = 3
"""Neighbours that attract a point, per unit of perplexity: the weights of further ones are negligible."""

WIDE = 2_048
"""Most values per row for which components are computed from the covariance matrix; of more, by random projections."""


def pca(values: np.ndarray, components: int, seed: int = 0) -> tuple[np.ndarray, list[float]]:
    """(n, components) float32 principal components of (n, d) values, and the share of variance that each explains.

    Exact up to WIDE values per row, else randomized (Halko et al. 2011).
    """
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if values.shape[1] <= WIDE else "randomized"
    fitted = PCA(components, svd_solver=solver, random_state=seed)
    placed = fitted.fit_transform(values - values.mean(0))  # a large mean would cost float32 its digits
    return np.asarray(placed, np.float32), [float(share) for share in fitted.explained_variance_ratio_]


def tsne(values: np.ndarray, seed: int, perplexity: float, iterations: int, threads: int) -> np.ndarray:
    """(n, 2) float32, the t-SNE of (n, d) values (van der Maaten and Hinton 2008), by openTSNE from their PCA.

    From 10,000 rows on repulsion is interpolated on a grid (Linderman et al. 2019). iterations: in total, including the
    EXAGGERATED ones. On one machine the same values, seed and threads give the same positions.
    """
    from openTSNE import TSNEEmbedding, affinity, initialization, nearest_neighbors

    perplexity = fitting_perplexity(perplexity, len(values))
    near = min(len(values) - 1, int(NEIGHBOURS_A_PERPLEXITY * perplexity))
    trees = {"knn_kwargs": {"n_trees": TREES}} if len(values) > EXACT else {}
    search = nearest_neighbors.Annoy if trees else nearest_neighbors.Sklearn  # not by name: that imports numba
    index = search(values, near, n_jobs=threads, random_state=seed, **trees)
    pulls = affinity.PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=threads, random_state=seed)
    start = initialization.pca(values, random_state=seed)
    repulsion = "fft" if len(values) >= 10_000 else "bh"
    how = {"negative_gradient_method": repulsion, "ints_in_interval": GRID, "n_jobs": threads, "random_state": seed}
    placed = TSNEEmbedding(start, pulls, **how)
    placed.optimize(EXAGGERATED, exaggeration=EXAGGERATION, inplace=True)
    placed.optimize(iterations - EXAGGERATED, inplace=True)
    return np.asarray(placed, np.float32)


def umap(values: np.ndarray, seed: int, neighbours: int) -> np.ndarray:
    """(n, 2) float32, the UMAP of (n, d) values (McInnes et al. 2018) from their PCA. On one thread, because seeded
    UMAP is not parallel.

    Raises StudyError without the extra `embed`.
    """
    expect_umap()
    from umap import UMAP

    fitted = UMAP(n_neighbors=min(neighbours, len(values) - 1), init="pca", random_state=seed, n_jobs=1)
    return np.asarray(fitted.fit_transform(values), np.float32)


def expect_umap() -> None:
    """Raises StudyError where umap-learn is not installed; does not import it, which takes seconds."""
    if find_spec("umap") is None:
        raise StudyError("UMAP needs umap-learn", where="analyses", hint="Install it: pip install 'snellen[embed]'.")


def fitting_perplexity(perplexity: float, rows: int) -> float:
    """The perplexity, reduced if there are too few rows: it needs three times as many neighbours."""
    return min(perplexity, (rows - 1) / NEIGHBOURS_A_PERPLEXITY)


def most_rows(width: int, neighbours: float) -> int:
    """How many rows of `width` values fit in MAP_MEMORY_BYTES, by the formula in limits.py."""
    row_bytes = MAP_BYTES_A_VALUE * width + MAP_BYTES_A_NEIGHBOUR * neighbours + MAP_BYTES_A_ROW
    return int(MAP_MEMORY_BYTES // row_bytes)
