"""Classifiers on the features of a frozen backbone, fitted to the training rows alone: how far features reach without a
trained head.

Features are standardised: minus the mean, divided by the deviation, over the training images of the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from snellen.data.splits.stratified import stratified_sample
from snellen.models.baselines import SEED, Fitted, logistic_fit, logistic_sample, one_thread, two_digits

NEIGHBOURS = 5
NEIGHBOUR_VALUES = 20_000_000
"""Training images x features for the nearest neighbours: 10,000 images of 2,048 features, with which 10,000 others are
compared in 5 to 8 s on one core."""
SLICE = 1_024
"""Images that are predicted at a time."""
ROUNDING = 1e-5
"""Of the root mean square of all features: a deviation up to that is rounding, which is about 1e-7 of a convolution."""


@dataclass(frozen=True, eq=False)
class Features:
    """Of some rows of a data set. values: (M, D); places: (N,) where those of each row are, None for all of them."""

    values: np.ndarray
    places: np.ndarray | None = None

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.values[rows if self.places is None else self.places[rows]]
        return found

    @property
    def width(self) -> int:
        """Values of an image."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class FeatureBaseline:
    """fit: to features, labels (n,) of the training rows (n,), and the number of classes. predict: (n, K)
    probabilities from fitted arrays, standardised features (n, D), those of the images it was fitted to, and K."""

    fit: Callable[[Features, np.ndarray, np.ndarray, int], Fitted]
    predict: Callable[[Mapping[str, np.ndarray], np.ndarray, Features, int], np.ndarray]


def fit(kind: str, features: Features, labels: np.ndarray, rows: np.ndarray, classes: int) -> Fitted:
    """A baseline fitted to the `rows` of features, with their labels (n,)."""
    with one_thread():
        return FEATURE_BASELINES[kind].fit(features, labels, rows, classes)


def predict(
    kind: str, arrays: Mapping[str, np.ndarray], features: Features, rows: np.ndarray, classes: int
) -> np.ndarray:
    """(n, K) float32 probabilities of `rows`. features: of those, and of the images it was fitted to."""
    parts = [np.zeros((0, classes), np.float32)]
    with one_thread():
        for start in range(0, len(rows), SLICE):
            x = _standardised(arrays, features[rows[start : start + SLICE]])
            parts.append(FEATURE_BASELINES[kind].predict(arrays, x, features, classes).astype(np.float32))
    return np.concatenate(parts)


def _scaling(x: np.ndarray) -> dict[str, np.ndarray]:
    """The mean and the deviation of each feature; 1 where it is the same for all images but for rounding."""
    deviation, size = x.std(axis=0, dtype=np.float64), np.sqrt(np.square(x).mean(dtype=np.float64))
    return {
        "mean": x.mean(axis=0, dtype=np.float64).astype(np.float32),
        "deviation": np.where(deviation > ROUNDING * size, deviation, 1).astype(np.float32),
    }


def _standardised(arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    return np.asarray((x - arrays["mean"]) / arrays["deviation"], np.float32)


def _fit_logistic(features: Features, labels: np.ndarray, rows: np.ndarray, classes: int) -> Fitted:
    """scikit-learn's LogisticRegression with its own settings, with as much work as that on pixels."""
    drawn, rounds = logistic_sample(labels, features.width, classes)
    x = features[rows[drawn]]
    scaling = _scaling(x)
    fitted = logistic_fit(_standardised(scaling, x), labels[drawn], rounds, classes)
    return Fitted({**fitted.arrays, **scaling}, len(drawn), fitted.rounds, fitted.converged)


def _predict_logistic(arrays: Mapping[str, np.ndarray], x: np.ndarray, features: Features, classes: int) -> np.ndarray:
    from scipy.special import softmax

    return np.asarray(softmax((x @ arrays["kernel"].T + arrays["bias"]).astype(np.float64), axis=1))


def _fit_neighbours(features: Features, labels: np.ndarray, rows: np.ndarray, classes: int) -> Fitted:
    """Which training images are compared: their features are computed again, and not stored a second time."""
    most = max(NEIGHBOURS, 2 * classes, two_digits(NEIGHBOUR_VALUES // features.width))
    drawn = stratified_sample(labels, most, SEED)
    return Fitted({"rows": rows[drawn], "labels": labels[drawn], **_scaling(features[rows[drawn]])}, len(drawn))


def _predict_neighbours(
    arrays: Mapping[str, np.ndarray], x: np.ndarray, features: Features, classes: int
) -> np.ndarray:
    """scikit-learn's KNeighborsClassifier: the shares of the classes among the nearest training images."""
    from sklearn.neighbors import KNeighborsClassifier

    known = _standardised(arrays, features[arrays["rows"]])
    nearest = KNeighborsClassifier(min(NEIGHBOURS, len(known)), algorithm="brute").fit(known, arrays["labels"])
    found = np.zeros((len(x), classes))
    found[:, nearest.classes_] = nearest.predict_proba(x)
    return found


FEATURE_BASELINES: dict[str, FeatureBaseline] = {
    "k nearest neighbours": FeatureBaseline(_fit_neighbours, _predict_neighbours),
    "logistic regression": FeatureBaseline(_fit_logistic, _predict_logistic),
}
"""In the order in which they are fitted, the quickest first."""
