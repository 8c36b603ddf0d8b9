"""Intervals and tests over folds: training sets overlap, so the plain t interval would be far too narrow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError
from snellen.statistics.levels import NEGLIGIBLE
from snellen.statistics.results import COVERS_SPLITS, Limits, Mean, t_mean


@dataclass(frozen=True)
class Disagreement:
    """difference: cross-validation minus hold-out. limit: the largest
    difference that chance explains. disagrees: whether the difference is larger."""

    difference: float
    limit: float
    disagrees: bool


def fold_mean(scores_J: np.ndarray, n_train: float, n_test: float) -> Mean:
    """The mean of J >= 2 folds x repeats with the Nadeau-Bengio interval.

    scores_J: (J,), or (J, S) with S seeds of each split, which are averaged first, because seeds are not new splits.
    n_train: rows actually fitted in a split; n_test: rows scored in it (means, if splits differ).

        SE^2 = (1/J + n_test/n_train) s^2,  t interval with J - 1 degrees of freedom

    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52 (2003), section 3. Raises StudyError
    for fewer than 2 splits.
    """
    value, squared_error, deviation, freedom = _corrected(scores_J, n_train, n_test)
    return t_mean(value, squared_error, freedom, deviation, COVERS_SPLITS, "corrected resampled t")


def fold_limits(a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float) -> Limits:
    """Model A minus model B over the same J splits, (J,) or (J, S) as in `fold_mean`: the corrected resampled t test.

    t = mean(d) / sqrt((1/J + n_test/n_train) s_d^2) with J - 1 degrees of freedom (Nadeau and Bengio 2003).
    """
    value, squared_error, freedom = corrected_difference(a_J, b_J, n_train, n_test)
    error = squared_error**0.5
    return Limits(value, error, freedom if error > NEGLIGIBLE else None, COVERS_SPLITS, "corrected resampled t")


def corrected_difference(a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float) -> tuple[float, float, int]:
    """The mean of A minus B over the same splits, its corrected squared standard error, and its degrees of freedom."""
    value, squared_error, _, freedom = _corrected(_paired(a_J, b_J), n_train, n_test)
    return value, squared_error, freedom


def disagreement(
    folds: Mean, holdout_accuracy: float, holdout_images: int, retraining_variance: float = 0.0
) -> Disagreement:
    """Cross-validation against hold-out: they disagree when |difference| > 3 sqrt(SE_NB^2 + p (1 - p)/n + v).

    p and n: accuracy and number of images of the hold-out part; v: the variance of its accuracy when the scored
    networks are trained again, see `retraining_variance`. Possible causes are a leak, a shift and the training size.
    """
    variance = holdout_accuracy * (1 - holdout_accuracy) / holdout_images + retraining_variance
    limit = 3 * float(np.sqrt(folds.standard_error**2 + variance))
    difference = folds.value - holdout_accuracy
    return Disagreement(difference, limit, abs(difference) > limit)


def retraining_variance(scores_JS: np.ndarray, n_test: float) -> float:
    """The variance of one network's accuracy from training to training, without the variance due to the scored images.

    scores_JS: (J, S) accuracies of J splits with S seeds each. The larger of two estimates: between seeds of the same
    split; between splits, minus the variance that n_test other images explain.
    """
    splits = scores_JS.mean(1)
    mean = float(splits.mean())
    between_splits = float(splits.var(ddof=1)) - mean * (1 - mean) / n_test
    between_seeds = float(scores_JS.var(1, ddof=1).mean()) if scores_JS.shape[1] > 1 else 0.0
    return max(between_splits, between_seeds, 0.0)


def _corrected(scores_J: np.ndarray, n_train: float, n_test: float) -> tuple[float, float, float, int]:
    """Mean, corrected squared standard error, standard deviation and degrees of freedom."""
    splits = np.asarray(scores_J, np.float64)
    splits = splits.reshape(len(splits), -1).mean(1)
    if len(splits) < 2:
        raise StudyError("an interval over folds needs more splits", found=len(splits), expected="at least 2")
    deviation = float(splits.std(ddof=1))
    squared_error = (1 / len(splits) + n_test / n_train) * deviation**2
    return float(splits.mean()), squared_error, deviation, len(splits) - 1


def _paired(a_J: np.ndarray, b_J: np.ndarray) -> np.ndarray:
    """(J,) differences of the means over seeds."""
    a, b = np.asarray(a_J, np.float64), np.asarray(b_J, np.float64)
    if len(a) != len(b):
        raise StudyError("two models are compared over the same splits", found=f"{len(a)} and {len(b)} splits")
    return np.asarray(a.reshape(len(a), -1).mean(1) - b.reshape(len(b), -1).mean(1))
