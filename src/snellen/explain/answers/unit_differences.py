"""Which units of the last hidden layer respond differently to the mistakes of a confusion cell than to correctly
predicted images of the same class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 5
"""Fewest images of a cell whose units are compared."""


@dataclass(frozen=True, eq=False)
class UnitShifts:
    """(units,) each. shifts: mean activation of the mistakes minus mean activation of the correct predictions. effects:
    shifts over the pooled standard deviation (Cohen's d), 0 for a constant unit. p_values: Mann-Whitney, two-sided, 1
    for a constant unit. margin: what each shift adds to the logit of the predicted class minus the logit of the true
    one."""

    shifts: np.ndarray
    effects: np.ndarray
    p_values: np.ndarray
    margin: np.ndarray


def unit_shifts(called: np.ndarray, right: np.ndarray, weights: np.ndarray) -> UnitShifts:
    """called (n, units), right (m, units): activations for images of one class, predicted as another and correctly.

    weights: (units,), the weights to the predicted class minus those to the true class.
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
