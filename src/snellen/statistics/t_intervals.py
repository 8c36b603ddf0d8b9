"""What an interval or a comparison is, and how Student's t makes one from a value and the variances it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.statistics.inversion import smallest_alpha
from snellen.statistics.paired import Discordance
from snellen.statistics.proportions import CONFIDENCE

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
class Limits:
    """A difference whose limits can be asked for at any confidence; its test and its intervals always agree.

    images: what other images do, by counts, where answers are right or wrong; seeds: the part of the standard error
    that is between seeds. With neither the limits are t's; with `images` alone the wider of t's and theirs; with both
    the squares of their reaches are added. degrees_of_freedom: None where nothing varied, or for `images` alone.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float | None
    covers: str
    method: str
    images: Discordance | None = None
    seeds: Term | None = None

    def at(self, confidence: float) -> tuple[float, float] | None:
        """The two-sided limits; None where nothing varied and no count says what might."""
        found = self.images.limits(confidence) if self.images else None
        if self.seeds is not None and found is not None:
            return added_limits(self.value, self.seeds, found, confidence)
        if self.degrees_of_freedom is None:
            return found
        low, high = t_limits(self.value, self.standard_error, self.degrees_of_freedom, confidence)
        return (low, high) if found is None else (min(low, found[0]), max(high, found[1]))

    @property
    def p_value(self) -> float | None:
        """Two-sided, of no difference; None where there are no limits."""
        if self.seeds is not None:
            return smallest_alpha(
                lambda confidence: (found := self.at(confidence)) is not None and found[0] * found[1] > 0
            )
        found = [] if self.images is None else [self.images.p_value]
        if self.degrees_of_freedom is not None:
            found.append(t_p_value(self.value, self.standard_error, self.degrees_of_freedom))
        return max(found) if found else None

    def _leave_out_0(self, confidence: float) -> bool:
        low, high = self.at(confidence) or (0.0, 0.0)
        return low > 0 or high < 0

    def outside_p(self, margin: float) -> float:
        """p-value of the hypothesis that the difference is not inside (-margin, margin): the larger of two one-sided
        tests (Schuirmann 1987). Below .025 exactly where the 95 % interval lies inside; 1 where nothing is known."""
        if self.at(CONFIDENCE) is None:
            return 1.0

        def inside(confidence: float) -> bool:
            low, high = self.at(confidence) or (-1.0, 1.0)
            return -margin < low and high < margin

        return smallest_alpha(inside) / 2

    @property
    def turned(self) -> Limits:
        """B minus A."""
        images = self.images and Discordance(self.images.only_b, self.images.only_a, self.images.images)
        return replace(self, value=-self.value, images=images)

    @property
    def difference(self) -> Difference:
        """With its 95 % interval."""
        low, high = self.at(CONFIDENCE) or (None, None)
        return Difference(
            self.value, low, high, self.p_value, self.standard_error, self.degrees_of_freedom, self.covers, self.method
        )


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


def t_limits(
    value: float, standard_error: float, degrees_of_freedom: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The two-sided interval value +- t SE."""
    half = t_quantile((1 + confidence) / 2, degrees_of_freedom) * standard_error
    return value - half, value + half


def added_limits(
    value: float, seeds: Term, of_images: tuple[float, float], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The limits that seeds and images have together: the squares of what each reaches, t's and `of_images`, added."""
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


def t_mean(
    value: float, squared_error: float, degrees_of_freedom: float, deviation: float, covers: str, method: str
) -> Mean:
    """A mean with its t interval; without one when nothing varied."""
    error = float(np.sqrt(squared_error))
    if error <= NEGLIGIBLE:
        return Mean(value, None, None, 0.0, None, deviation, covers, method)
    low, high = t_limits(value, error, degrees_of_freedom)
    return Mean(value, low, high, error, degrees_of_freedom, deviation, covers, method)
