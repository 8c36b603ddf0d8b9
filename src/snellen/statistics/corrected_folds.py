"""Over folds: training sets overlap, so the plain t interval is far too narrow; these correct it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError
from snellen.statistics.t_intervals import NEGLIGIBLE, SPLITS, Difference, Limits, Mean, t_mean


@dataclass(frozen=True)
class Posterior:
    """Belief about the mean difference A minus B: Student's t around `mean`. The three probabilities add up to 1.

    worse: A below B by more than the region; equivalent: inside the region; better: above it.
    """

    worse: float
    equivalent: float
    better: float
    mean: float
    scale: float
    degrees_of_freedom: int


@dataclass(frozen=True)
class Disagreement:
    """difference: cross-validation minus hold-out. limit: what chance may do. disagrees: it is more."""

    difference: float
    limit: float
    disagrees: bool


def fold_mean(scores_J: np.ndarray, n_train: float, n_test: float) -> Mean:
    """The mean of J >= 2 folds x repeats with the Nadeau-Bengio interval.

    scores_J: (J,), or (J, S) with S seeds of each split, which are averaged first: they are no new splits. n_train:
    rows actually fitted in a split; n_test: rows scored in it (means, where splits differ).

        SE^2 = (1/J + n_test/n_train) s^2,  t interval with J - 1 degrees of freedom

    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52 (2003), section 3. Raises StudyError
    for fewer than 2 splits.
    """
    value, squared_error, deviation, freedom = _corrected(scores_J, n_train, n_test)
    return t_mean(value, squared_error, freedom, deviation, SPLITS, "corrected resampled t")


def fold_difference(a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float) -> Difference:
    """Model A minus model B over the same J splits, (J,) or (J, S) as in `fold_mean`: the corrected resampled t test.

    t = mean(d) / sqrt((1/J + n_test/n_train) s_d^2) with J - 1 degrees of freedom (Nadeau and Bengio 2003).
    """
    return fold_limits(a_J, b_J, n_train, n_test).difference


def fold_limits(a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float) -> Limits:
    """`fold_difference` with its limits at any confidence."""
    value, squared_error, _, freedom = _corrected(_paired(a_J, b_J), n_train, n_test)
    error = squared_error**0.5
    return Limits(value, error, freedom if error > NEGLIGIBLE else None, SPLITS, "corrected resampled t")


def correlated_t(a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float, region: float) -> Posterior:
    """The Bayesian correlated t test with [-region, region] as the region of practical equivalence.

    The posterior of the mean difference is Student's t with J - 1 degrees of freedom and scale^2 = (1/J + rho/(1 -
    rho)) s_d^2, rho = n_test/(n_train + n_test) (Benavoli, Corani, Demsar and Zaffalon, JMLR 18, 2017, section 2).
    For the appendix; no second road to "better".
    """
    from scipy.special import stdtr

    rho = n_test / (n_train + n_test)
    mean, _, deviation, freedom = _corrected(_paired(a_J, b_J), n_train, n_test)
    scale = deviation * float(np.sqrt(1 / (freedom + 1) + rho / (1 - rho)))
    if scale <= NEGLIGIBLE:
        worse, better = float(mean < -region), float(mean > region)
    else:
        worse = float(stdtr(freedom, (-region - mean) / scale))
        better = float(stdtr(freedom, (mean - region) / scale))
    return Posterior(worse, 1 - worse - better, better, mean, scale, freedom)


def disagreement(
    folds: Mean, holdout_accuracy: float, holdout_images: int, retraining_variance: float = 0.0
) -> Disagreement:
    """Cross-validation against hold-out: they disagree when |difference| > 3 sqrt(SE_NB^2 + p (1 - p)/n + v).

    p and n: accuracy and number of images of the hold-out part; v: how much its accuracy varies when the networks that
    were scored there are trained again, see `retraining_variance`. Leak, shift and training size are the candidates.
    """
    variance = holdout_accuracy * (1 - holdout_accuracy) / holdout_images + retraining_variance
    limit = 3 * float(np.sqrt(folds.standard_error**2 + variance))
    difference = folds.value - holdout_accuracy
    return Disagreement(difference, limit, abs(difference) > limit)


def retraining_variance(scores_JS: np.ndarray, n_test: float) -> float:
    """The variance of one network's accuracy from training to training, beside that of the images it is scored on.

    scores_JS: (J, S) accuracies of J splits with S seeds each. The larger of two estimates: between seeds of the same
    split; between splits, less what n_test other images alone explain.
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
