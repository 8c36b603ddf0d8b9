"""Fits the distance from the training images: means and covariance to training rows, limits to validation rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from snellen.models.build import Network
from snellen.models.forward import layer_outputs
from snellen.models.layer import Tensors
from snellen.models.training_distance import Space, TrainingDistance, averaged, compared_layer

MAX_ROWS, MIN_ROWS_A_CLASS = 2_000, 10
"""Rows of each role that are looked at: a random sample where there are more. Of many classes more training rows, so
that each has a mean. 2,000 take 0.1 s for small networks; the rate of false alarms is then known to 0.2 %."""
ONE_IN = 100
"""One image like the training images in so many may be found unlike them."""
MIN_VALIDATION = 19
"""With fewer validation images more than a tenth of all images could be found unlike."""
SHRINKAGE = 0.01
"""Added to every variance, as a share of the mean variance: directions in which training images hardly differ would
else decide alone."""
ROUNDING = 1e-4
"""Added to every deviation, as a share of the size of the values: far more than rounding, on any device."""
LEAST_LIMIT = 0.1
"""Where no training image differs from another (a layer without any response), rounding is no distance."""


def fit_training_distance(
    network: Network,
    parameters: Tensors,
    state: Tensors,
    images: Tensor,
    labels: np.ndarray,
    pixel_range: tuple[float, float],
    train: np.ndarray,
    validation: np.ndarray,
    held_out: bool = True,
) -> TrainingDistance | None:
    """Fitted to rows `train` of the images and `labels`, with limits from rows `validation`; None where these are too
    few. held_out: whether the network was trained on none of `validation`; else pixels alone are compared, because
    its own distances would be too small.

    parameters, state: name -> (1, ...). images: (N, H, W, C) as stored.
    """
    train, validation = sample(train, max(MAX_ROWS, MIN_ROWS_A_CLASS * network.classes)), sample(validation, MAX_ROWS)
    if len(validation) < MIN_VALIDATION or not len(train):
        return None
    spaces = 2 if held_out else 1
    place, rate = limit_place(len(validation), spaces)
    rows = torch.from_numpy(np.concatenate([train, validation])).to(images.device)

    def fitted(values: np.ndarray) -> Space:
        return fit_space(values[: len(train)], labels[train], values[len(train) :], place)

    pixels = fitted(averaged(images, pixel_range, rows))
    if not held_out:
        return TrainingDistance(rate, len(validation), pixels)
    layer = compared_layer(network)
    outputs = fitted(layer_outputs(network, parameters, state, images, pixel_range, layer, rows))
    return TrainingDistance(rate, len(validation), pixels, layer, outputs)


def sample(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, ascending; the same ones each time."""
    if len(rows) <= most:
        return rows
    return np.asarray(np.sort(np.random.default_rng(0).choice(rows, most, replace=False)))


def limit_place(count: int, spaces: int) -> tuple[int, float]:
    """Which of `count` held-out distances in ascending order, counted from 1, is the limit of each space, and how many
    new images of the same kind lie beyond the limit of at least one space, at most.

    A new distance is equally likely in each of the count + 1 gaps between the held-out ones (the order statistics of
    exchangeable values; Vovk, Gammerman and Shafer 2005), so it is beyond the k-th with probability
    1 - k / (count + 1), and beyond that of one of several spaces with the sum of these at most.
    """
    place = min(count, count + 1 - (count + 1) // (ONE_IN * spaces))
    return place, spaces * (1 - place / (count + 1))


def fit_space(values: np.ndarray, labels: np.ndarray, held_out: np.ndarray, place: int) -> Space:
    """values: (n, D) of training images with labels (n,). held_out: (m, D), whose place-th distance is the limit."""
    points = values.astype(np.float64)
    present, own = np.unique(labels, return_inverse=True)
    means = np.stack([points[own == number].mean(0) for number in range(len(present))])
    differences = points - means[own]
    covariance = differences.T @ differences / len(points)
    least = SHRINKAGE * covariance.trace() / len(covariance) + ROUNDING**2 * (points**2).mean() + 1e-12
    root = np.linalg.cholesky(covariance + least * np.eye(len(covariance)))
    space = Space(means.astype(np.float32), np.linalg.inv(root).T.astype(np.float32), LEAST_LIMIT)
    return Space(space.means, space.whitening, max(LEAST_LIMIT, float(np.sort(space.distances(held_out))[place - 1])))
