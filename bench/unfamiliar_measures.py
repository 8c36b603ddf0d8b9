"""The measures that unfamiliar.py compares: each is fitted to training images and gives scores, more for less alike.

Written out here in NumPy but for the last, which is what bundles have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Seen:
    """N images and what a network makes of them. pixels, small, hidden, logits: (N, ...) float64; small: averaged to
    8x8 pixels. built_in: (N,), the distance by the bundle."""

    pixels: np.ndarray
    small: np.ndarray
    hidden: np.ndarray
    logits: np.ndarray
    built_in: np.ndarray


@dataclass(frozen=True)
class Picked:
    """What one measure found. false_alarms: share of fresh images of the set beyond the limit; detected: of each
    other kind."""

    set: str
    model: str
    measure: str
    false_alarms: float
    detected: dict[str, float]
    auroc: float


Score = Callable[[Seen], np.ndarray]
"""(N, S) scores: an image is picked where one of the S is beyond its limit."""
Fit = Callable[[Seen, np.ndarray], Score]
FITTED = 2_000
"""Training images that means, covariances and components are fitted to; neighbours are looked for among all."""


def energy(logits: np.ndarray) -> np.ndarray:
    """Minus the log of the sum of exponentials (Liu et al. 2020)."""
    most = logits.max(1)
    return np.asarray(-most - np.log(np.exp(logits - most[:, None]).sum(1)))


def by_logits(score: Callable[[np.ndarray], np.ndarray]) -> Fit:
    return lambda train, labels: lambda images: score(images.logits)[:, None]


def nearest(part: str) -> Fit:
    """Distance to the nearest training image (Sun et al. 2022, with k = 1)."""

    def fit(train: Seen, labels: np.ndarray) -> Score:
        from sklearn.neighbors import NearestNeighbors

        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(getattr(train, part).astype(np.float32))
        return lambda images: search.kneighbors(getattr(images, part).astype(np.float32))[0]

    return fit


def mahalanobis(part: str) -> Fit:
    """Distance to the nearest class mean under a shared covariance (Lee et al. 2018)."""

    def fit(train: Seen, labels: np.ndarray) -> Score:
        values, own = getattr(train, part)[:FITTED], labels[:FITTED]
        means = {label: values[own == label].mean(0) for label in np.unique(own)}
        spread = values - np.stack([means[label] for label in own])
        covariance = spread.T @ spread / len(values)
        covariance += (0.01 * np.trace(covariance) / len(covariance) + 1e-12) * np.eye(len(covariance))
        precision = np.linalg.inv(covariance)

        def score(images: Seen) -> np.ndarray:
            away = [getattr(images, part) - mean for mean in means.values()]
            squares = [((each @ precision) * each).sum(1) for each in away]
            return np.asarray(np.sqrt(np.min(squares, axis=0)))[:, None]

        return score

    return fit


def residual(part: str) -> Fit:
    """What the principal components that hold 90 % of the variance, 64 at most, leave of an image."""

    def fit(train: Seen, labels: np.ndarray) -> Score:
        from sklearn.decomposition import PCA

        values = getattr(train, part)[:FITTED]
        solver = PCA(min(64, *values.shape), random_state=0).fit(values)
        keep = 1 + int(np.searchsorted(np.cumsum(solver.explained_variance_ratio_), 0.9))
        components = solver.components_[:keep]

        def score(images: Seen) -> np.ndarray:
            away = getattr(images, part) - solver.mean_
            return np.asarray(np.linalg.norm(away - away @ components.T @ components, axis=1))[:, None]

        return score

    return fit


def virtual_logit(train: Seen, labels: np.ndarray) -> Score:
    """ViM (Wang et al. 2022): the residual in the last hidden layer, on the scale of the logits, plus the energy."""
    left = residual("hidden")(train, labels)
    scale = train.logits.max(1).mean() / max(float(left(train).mean()), 1e-12)
    return lambda images: scale * left(images) + energy(images.logits)[:, None]


def both(*fits: Fit) -> Fit:
    """Each with a limit of its own, at half the rate."""

    def fit(train: Seen, labels: np.ndarray) -> Score:
        scores = [each(train, labels) for each in fits]
        return lambda images: np.concatenate([score(images) for score in scores], axis=1)

    return fit


BUILT_IN = "the bundle's (the same, built in)"
MEASURES: dict[str, Fit] = {
    "largest probability": by_logits(lambda logits: -logits.max(1) - energy(logits)),
    "largest logit": by_logits(lambda logits: -logits.max(1)),
    "energy": by_logits(energy),
    "last hidden layer: nearest image": nearest("hidden"),
    "last hidden layer: Mahalanobis": mahalanobis("hidden"),
    "last hidden layer: PCA residual": residual("hidden"),
    "last hidden layer: ViM": virtual_logit,
    "pixels: nearest image": nearest("pixels"),
    "pixels: PCA residual": residual("pixels"),
    "8x8 pixels: Mahalanobis": mahalanobis("small"),
    "nearest in the layer or in pixels": both(nearest("hidden"), nearest("pixels")),
    "Mahalanobis in the layer, or PCA residual of pixels": both(mahalanobis("hidden"), residual("pixels")),
    "Mahalanobis in the layer or in 8x8 pixels": both(mahalanobis("hidden"), mahalanobis("small")),
    BUILT_IN: lambda train, labels: lambda images: images.built_in[:, None],
}
