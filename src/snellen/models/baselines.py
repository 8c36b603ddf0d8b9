"""Baselines: classifiers so simple that a network which is no better than them is not worth its cost.

Each is fitted to the training rows alone. Pixels are seen as networks see them: 0 is black and 1 is white.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.class_images import mean_images
from snellen.data.slices import image_slices
from snellen.data.splits.stratified import stratified_sample
from snellen.models.layer import Arrays

ROUNDS = 50
MIN_ROUNDS = 5
MAX_ROUNDS = 200
"""Iterations of the solver of the logistic regression: usual, with very many classes, and with few images."""

WORK = 200_000_000
"""Images x pixels x classes of ROUNDS iterations: 2 to 3 s on one core (25,000 images of MNIST, 6,500 of CIFAR-10). All
55,000 images of MNIST and 100 iterations take 6 to 10 s, and are better by one percentage point."""

SIDE = 32
"""Larger images are reduced to at most this side for the logistic regression, each pixel the mean of a square: it is
fitted to more images in the same time."""

NEVER = -1e30
"""The logit of a class without a training image; finite, as stored numbers are."""

SEED = 0
"""Of the sample of training images; a baseline does not change with the seed of the study."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """arrays: all that predicting needs. images: how many training images it was fitted to. rounds: iterations of the
    solver, converged: whether these sufficed; both None for a fit without iterations."""

    arrays: Arrays
    images: int
    rounds: int | None = None
    converged: bool | None = None

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return sum(array.size for array in self.arrays.values())


@dataclass(frozen=True)
class Baseline:
    """fit: to a data set, its training rows, and the mean image of each class over them. predict: (n, K) probabilities
    from fitted arrays and (n, H, W, C) pixels."""

    fit: Callable[[Dataset, np.ndarray, np.ndarray], Fitted]
    predict: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]


def load_libraries() -> None:
    """Imports what baselines need, so that this second is not counted as the time of a baseline."""
    import sklearn.linear_model
    import sklearn.metrics
    import sklearn.neighbors  # noqa: F401


def fit(name: str, dataset: Dataset, rows: np.ndarray, class_means: np.ndarray | None = None) -> Fitted:
    """A baseline fitted to `rows`; the same bits whenever it is repeated on one machine. class_means: `mean_images` of
    these rows, where they are known already."""
    with one_thread():
        return BASELINES[name].fit(dataset, rows, mean_images(dataset, rows) if class_means is None else class_means)


def predict(name: str, arrays: Mapping[str, np.ndarray], dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """(N, K) float32 probabilities of `rows`, in slices."""
    with one_thread():
        return predict_here(name, arrays, dataset, rows)


def predict_here(name: str, arrays: Mapping[str, np.ndarray], dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The same with the threads that NumPy has: inside `one_thread`, which takes 3 ms, longer than many predictions."""
    parts = [np.zeros((0, len(dataset.classes)), np.float32)]
    for _, images in image_slices(dataset.images, rows):
        parts.append(BASELINES[name].predict(arrays, _pixels(images, dataset.pixel_range)).astype(np.float32))
    return np.concatenate(parts)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, libraries compute with one thread. Their number changes rounding; and two threads on busy cores were 10
    times slower."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def _pixels(images: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    """Images as float32 from 0, black, to 1, white."""
    low, high = pixel_range
    return (images.astype(np.float32) - np.float32(low)) / np.float32(high - low)


def _fit_majority(dataset: Dataset, rows: np.ndarray, class_means: np.ndarray) -> Fitted:
    """The share of each class: scikit-learn's DummyClassifier(strategy="prior")."""
    counts = np.bincount(dataset.unsealed_labels(rows), minlength=len(dataset.classes))
    return Fitted({"shares": counts / counts.sum()}, len(rows))


def _predict_majority(arrays: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    return np.tile(arrays["shares"], (len(pixels), 1))


def _fit_centroids(dataset: Dataset, rows: np.ndarray, class_means: np.ndarray) -> Fitted:
    """The mean image of each class: scikit-learn's NearestCentroid, which would hold all images in float64 twice."""
    return Fitted({"centroids": _pixels(class_means, dataset.pixel_range)}, len(rows))


def _predict_centroids(arrays: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """The softmax of the negative Euclidean distances: the nearest is the most probable; otherwise arbitrary. A class
    without a training image has probability 0."""
    from scipy.special import softmax
    from sklearn.metrics import pairwise_distances

    centroids = _flat(arrays["centroids"]).astype(np.float64)
    present = np.isfinite(centroids).all(axis=1)  # the mean of no image is not a number
    found = np.zeros((len(pixels), len(centroids)))
    found[:, present] = softmax(-pairwise_distances(_flat(pixels).astype(np.float64), centroids[present]), axis=1)
    return found


def _fit_logistic(dataset: Dataset, rows: np.ndarray, class_means: np.ndarray) -> Fitted:
    """scikit-learn's LogisticRegression with its own settings, on as many training images as WORK allows."""
    labels, classes = dataset.unsealed_labels(rows), len(dataset.classes)
    width = int(np.prod(_reduced(np.zeros((1, *dataset.shape))).shape))
    drawn, rounds = logistic_sample(labels, width, classes)
    x = np.empty((len(drawn), width), np.float32)
    for part, images in image_slices(dataset.images, rows[drawn]):
        x[part] = _flat(_reduced(_pixels(images, dataset.pixel_range)))
    return logistic_fit(x, labels[drawn], rounds, classes)


def logistic_sample(labels: np.ndarray, width: int, classes: int) -> tuple[np.ndarray, int]:
    """Which of the images with these labels a logistic regression on `width` numbers is fitted to, and its iterations,
    as WORK allows."""
    work = width * classes
    drawn = stratified_sample(labels, max(2 * classes, two_digits(WORK // work)), SEED)
    return drawn, min(MAX_ROUNDS, max(MIN_ROUNDS, ROUNDS * WORK // (work * len(drawn))))


def logistic_fit(x: np.ndarray, labels: np.ndarray, rounds: int, classes: int) -> Fitted:
    """scikit-learn's LogisticRegression with its own settings, fitted to x (n, D) and the classes that have an image;
    the others have probability 0, as with the share of each class."""
    kernel, bias = np.zeros((classes, x.shape[1]), np.float32), np.full(classes, NEVER, np.float32)
    present = np.unique(labels)
    if len(present) == 1:
        bias[present] = 0
        return Fitted({"kernel": kernel, "bias": bias}, len(x), 0, True)
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        found = LogisticRegression(max_iter=rounds).fit(x, labels)
    converged = not any(issubclass(each.category, ConvergenceWarning) for each in caught)
    kernel[present], bias[present] = _every_class(found.coef_), _every_class(found.intercept_)
    return Fitted({"kernel": kernel, "bias": bias}, len(x), int(found.n_iter_.max()), converged)


def _every_class(values: np.ndarray) -> np.ndarray:
    """Of two classes scikit-learn keeps the second only; the first is zero then."""
    return np.concatenate([np.zeros_like(values), values]) if len(values) == 1 else values


def _predict_logistic(arrays: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    logits = _flat(_reduced(pixels)) @ arrays["kernel"].T + arrays["bias"]
    return np.asarray(softmax(logits.astype(np.float64), axis=1))


def two_digits(number: int) -> int:
    """12,755 as 12,000: a number to say in a name."""
    step = 10 ** max(0, len(str(number)) - 2)
    return int(number // step * step)


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """Images (n, H, W, C) of at most SIDE x SIDE: each pixel the mean of a square, a rest at the edge left out.

    Never to less than one pixel of its shorter side, however long the other is.
    """
    height, width, channels = pixels.shape[1:]
    square = min(-(-max(height, width) // SIDE), height, width)
    if square == 1:
        return pixels
    high, wide = height // square, width // square
    whole = pixels[:, : high * square, : wide * square]
    return np.asarray(whole.reshape(len(pixels), high, square, wide, square, channels).mean(axis=(2, 4)))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


BASELINES: dict[str, Baseline] = {
    "majority class": Baseline(_fit_majority, _predict_majority),
    "nearest centroid": Baseline(_fit_centroids, _predict_centroids),
    "logistic regression": Baseline(_fit_logistic, _predict_logistic),
}
"""In the order in which they are fitted, the quickest first."""
