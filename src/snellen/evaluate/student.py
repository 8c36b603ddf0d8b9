"""What an interval or a comparison is, and how Student's t makes one from a value and the variances it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.intervals import LEVEL

IMAGES = "other images"
BOTH = "other images and retraining"
SPLITS = "other images and retraining on other rows"
SIGNIFICANT = 0.05
"""p-values below this; written out, because 1 - 0.95 is a little more in floats."""
NEGLIGIBLE = 1e-12
"""Standard errors up to this are rounding: nothing varied."""


@dataclass(frozen=True)
class Mean:
    """A mean over seeds or folds with its 95 % interval. deviation: standard deviation between them, ddof 1.

    low, high, degrees_of_freedom: None where nothing varied, because that is not certainty. covers: in words.
    """

    value: float
    low: float | None
    high: float | None
    standard_error: float
    degrees_of_freedom: float | None
    deviation: float
    covers: str
    method: str


@dataclass(frozen=True)
class Difference:
    """A minus B with its 95 % interval and two-sided p-value, in the unit of the measure (accuracy: share, not points).

    None where nothing varied, and where the method has no such number. covers: in words.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float
    degrees_of_freedom: float | None
    covers: str
    method: str


@dataclass(frozen=True)
class Term:
    """A part of a squared standard error: a mean square over a constant, with the mean square's degrees of freedom."""

    variance: float
    degrees_of_freedom: float


def satterthwaite(squared_error: float, terms: Sequence[Term]) -> float:
    """Degrees of freedom of a squared standard error that sums `terms`: SE^4 / sum(term^2 / df of the term).

    A mean square with df degrees of freedom has variance 2 mean^2 / df; matching the mean and variance of the sum to
    those of one scaled chi-square gives the formula, and a term that is subtracted adds its variance as well
    (Satterthwaite, Biometrics Bulletin 2, 1946). squared_error > 0.
    """
    return squared_error**2 / sum(term.variance**2 / term.degrees_of_freedom for term in terms)


def t_limits(value: float, standard_error: float, degrees_of_freedom: float) -> tuple[float, float]:
    """The two-sided 95 % interval value +- t SE."""
    half = t_quantile(1 - (1 - LEVEL) / 2, degrees_of_freedom) * standard_error
    return value - half, value + half


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """The quantile of Student's t; df need not be whole."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def t_p_value(value: float, standard_error: float, degrees_of_freedom: float) -> float:
    """Two-sided p-value of value = 0."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees_of_freedom, -abs(value) / standard_error))


def t_mean(
    value: float, squared_error: float, degrees_of_freedom: float, deviation: float, covers: str, method: str
) -> Mean:
    """A mean with its t interval; without one when nothing varied."""
    error = float(np.sqrt(squared_error))
    if error <= NEGLIGIBLE:
        return Mean(value, None, None, 0.0, None, deviation, covers, method)
    low, high = t_limits(value, error, degrees_of_freedom)
    return Mean(value, low, high, error, degrees_of_freedom, deviation, covers, method)


def t_difference(value: float, squared_error: float, degrees_of_freedom: float, covers: str, method: str) -> Difference:
    """A difference with its t interval and p-value; without them when nothing varied."""
    error = float(np.sqrt(squared_error))
    if error <= NEGLIGIBLE:
        return Difference(value, None, None, None, 0.0, None, covers, method)
    low, high = t_limits(value, error, degrees_of_freedom)
    p_value = t_p_value(value, error, degrees_of_freedom)
    return Difference(value, low, high, p_value, error, degrees_of_freedom, covers, method)
