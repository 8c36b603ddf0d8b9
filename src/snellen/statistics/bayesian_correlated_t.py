"""The Bayesian correlated t test of two models over the same folds, with a region of practical equivalence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.corrected_resampled_t import corrected_difference
from snellen.statistics.levels import CONFIDENCE, NEGLIGIBLE
from snellen.statistics.student_t import t_limits


@dataclass(frozen=True)
class Posterior:
    """The posterior of the difference A minus B, a Student's t. low, high: its central 95 %. better, equivalent, worse:
    its mass above the margin, within it, and below; they sum to 1."""

    value: float
    low: float
    high: float
    scale: float
    degrees_of_freedom: int
    better: float
    equivalent: float
    worse: float


def correlated_posterior(
    a_J: np.ndarray, b_J: np.ndarray, n_train: float, n_test: float, margin: float
) -> Posterior | None:
    """The posterior of A minus B, (J,) or (J, S) scores over the same J >= 2 splits, seeds of a split averaged first;
    None where the differences do not vary. margin: half the width of the region of practical equivalence.

        t with J - 1 degrees of freedom around mean(d), scale^2 = (1/J + rho/(1 - rho)) s_d^2,
        rho = n_test / (n_train + n_test)

    Benavoli, Corani, Demsar and Zaffalon, Time for a Change, JMLR 18, 2017, equation 7, with the prior 1/variance. The
    scale is the standard error of the corrected resampled t test (Nadeau and Bengio 2003). Raises StudyError for
    different numbers of splits, or fewer than 2.
    """
    from scipy.special import stdtr

    value, squared_error, freedom = corrected_difference(a_J, b_J, n_train, n_test)
    scale = float(np.sqrt(squared_error))
    if scale <= NEGLIGIBLE:
        return None
    low, high = t_limits(value, scale, freedom, CONFIDENCE)
    worse, better = (float(stdtr(freedom, (-margin - sign * value) / scale)) for sign in (1, -1))
    return Posterior(value, low, high, scale, freedom, better, max(0.0, 1 - worse - better), worse)
