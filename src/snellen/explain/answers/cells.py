"""A cell of the confusion matrix, "a called b", against "a called a": which units of the last hidden layer differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 5
"""Pictures that a cell must have for its units to be compared."""


@dataclass(frozen=True, eq=False)
class UnitShifts:
    """(units,) each. shifts: mean activation in the cell minus that of the others. effects: shifts over the pooled
    deviation (Cohen's d), 0 where nothing varies. p_values: Mann-Whitney, two-sided, 1 where nothing varies. margin:
    what each shift adds to the logit of the class that was answered minus that of the true one."""

    shifts: np.ndarray
    effects: np.ndarray
    p_values: np.ndarray
    margin: np.ndarray


def unit_shifts(called: np.ndarray, right: np.ndarray, weights: np.ndarray) -> UnitShifts:
    """called (n, units), right (m, units): activations of pictures of one class, called another and called rightly.

    weights: (units,), those to the answered class minus those to the true one.
    """
    from scipy.stats import mannwhitneyu

    shifts = called.mean(0) - right.mean(0)
    varies = np.ptp(np.concatenate([called, right]), axis=0) > 0
    p_values = np.ones(len(shifts))
    p_values[varies] = mannwhitneyu(called[:, varies], right[:, varies], axis=0, method="asymptotic").pvalue
    return UnitShifts(shifts, _effects(called, right, shifts), p_values, shifts * weights)


def _effects(called: np.ndarray, right: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    squares = (len(called) - 1) * called.var(0, ddof=1) + (len(right) - 1) * right.var(0, ddof=1)
    deviations = np.sqrt(squares / (len(called) + len(right) - 2))
    return np.asarray(np.divide(shifts, deviations, out=np.zeros_like(shifts), where=deviations > 0))
