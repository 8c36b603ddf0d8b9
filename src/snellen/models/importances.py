"""How much each value of an image says about the class, by name. values (n, F) float32, labels (n,) -> (F,) >= 0."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import numpy as np

from snellen.data.dataset_cache import cached_array
from snellen.files.hashing import digest_arrays, identity

TREES = 100
LEVELS = 16
"""Grey levels that mutual information tells apart."""
LARGEST = 1e30
"""Fits float32, as infinity does not survive a weights file."""
L1_ROWS = 10_000
"""Rows that the L1 classifier is fitted to: its time grows faster than its answer changes."""

SLOW_VALUES = 20_000_000
"""From so many values on, an importance is kept in the user's cache: the forest of MNIST takes half a minute, and every
point of a curve over the number of pixels needs the same one."""


def random_forest(values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Mean decrease in impurity over 100 trees (Breiman 2001)."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, random_state=seed % 2**32, n_jobs=-1).fit(values, labels)
    return np.asarray(forest.feature_importances_)


def mutual_information(values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Mutual information of the class and the value, cut into 16 levels; in nats."""
    from sklearn.feature_selection import mutual_info_classif

    low, high = values.min(), max(values.max(), values.min() + 1e-12)
    levels = np.minimum((values - low) / (high - low) * LEVELS, LEVELS - 1).astype(np.int64)
    return np.asarray(np.maximum(mutual_info_classif(levels, labels, discrete_features=True), 0))


def anova(values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The F statistic of the value between classes; 0 for values that never change, LARGEST for perfect ones."""
    from sklearn.feature_selection import f_classif

    varying = np.ptp(values, axis=0) > 0
    importance = np.zeros(values.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = f_classif(values[:, varying].astype(np.float64), labels)[0]
    importance[varying] = np.nan_to_num(statistic, posinf=LARGEST).clip(0, LARGEST)
    return importance


def l1(values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Summed absolute weights of a linear classifier with an L1 penalty, fitted to at most 10,000 rows."""
    from sklearn.svm import LinearSVC

    rows = np.random.Generator(np.random.Philox(seed)).permutation(len(values))[:L1_ROWS]
    fitted = LinearSVC(penalty="l1", dual=False, C=0.01, random_state=seed % 2**32).fit(values[rows], labels[rows])
    return np.asarray(np.abs(fitted.coef_).sum(0))


IMPORTANCES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "random_forest": random_forest,
    "mutual_information": mutual_information,
    "anova": anova,
    "l1": l1,
}
if TYPE_CHECKING:
    Importance = str
else:
    Importance = Literal[tuple(IMPORTANCES)]


def importance_of(by: Importance, values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """By one method, computed once for the same values, labels and seed."""
    if values.size < SLOW_VALUES:
        return IMPORTANCES[by](values, labels, seed)
    key = identity([by, seed, digest_arrays(values, labels), version("scikit-learn")])
    return cached_array(f"importances/{key}", lambda: IMPORTANCES[by](values, labels, seed))
