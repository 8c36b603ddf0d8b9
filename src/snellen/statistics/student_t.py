"""Student's t: quantiles, limits, p-values, and the degrees of freedom of a sum of several variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snellen.statistics.levels import CONFIDENCE


@dataclass(frozen=True)
class Term:
    """A part of a squared standard error: a mean square divided by a constant, with the mean square's degrees of
    freedom."""

    variance: float
    degrees_of_freedom: float


def satterthwaite(squared_error: float, terms: Sequence[Term]) -> float:
    """Degrees of freedom of a squared standard error that sums `terms`: SE^4 / sum(term^2 / df of the term).

    A mean square with df degrees of freedom has variance 2 mean^2 / df; matching the mean and variance of the sum to
    those of one scaled chi-square gives the formula, and a term that is subtracted adds its variance as well
    (Satterthwaite, Biometrics Bulletin 2, 1946). squared_error > 0.
    """
    return squared_error**2 / sum(term.variance**2 / term.degrees_of_freedom for term in terms)


def t_limits(
    value: float, standard_error: float, degrees_of_freedom: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The two-sided interval value +- t SE."""
    half = t_quantile((1 + confidence) / 2, degrees_of_freedom) * standard_error
    return value - half, value + half


def added_limits(
    value: float, seeds: Term, of_images: tuple[float, float], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The limits over seeds and images together: half-widths of the t interval of `seeds` and of `of_images`, added in
    quadrature on each side of the value."""
    squared = t_quantile((1 + confidence) / 2, seeds.degrees_of_freedom) ** 2 * seeds.variance
    below, above = max(0.0, value - of_images[0]), max(0.0, of_images[1] - value)
    return value - (squared + below**2) ** 0.5, value + (squared + above**2) ** 0.5


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """The quantile of Student's t; df need not be whole."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, probability))


def t_p_value(value: float, standard_error: float, degrees_of_freedom: float) -> float:
    """Two-sided p-value of value = 0."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees_of_freedom, -abs(value) / standard_error))
