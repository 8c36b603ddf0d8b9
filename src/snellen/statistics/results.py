"""The types that statistics return: a mean with its interval; a difference with its interval and p-value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from snellen.statistics.interval_p_value import smallest_alpha
from snellen.statistics.levels import CONFIDENCE, NEGLIGIBLE
from snellen.statistics.mcnemar import Discordance
from snellen.statistics.student_t import Term, added_limits, t_limits, t_p_value

COVERS_IMAGES = "other images"
COVERS_IMAGES_AND_SEEDS = "other images and retraining"
COVERS_SPLITS = "other images and retraining on other rows"
"""What an interval covers, as stored and printed."""


@dataclass(frozen=True)
class Mean:
    """A mean over seeds or folds with its 95 % interval. deviation: standard deviation between them, ddof 1.

    low, high, degrees_of_freedom: None if nothing varied, because that does not mean certainty. covers: what the
    interval covers, in words.
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

    Values are None if nothing varied, and if the method does not compute them. covers: what the interval covers, in
    words.
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
    """A difference with limits at any confidence level; its test and its intervals always agree.

    images: counts of images that only one side gets right, if answers are right or wrong. seeds: the part of the
    squared standard error that is between seeds. Neither: t interval. `images` only: the wider of the t and McNemar
    intervals. Both: half-widths added in quadrature. degrees_of_freedom: None if nothing varied; then `images` alone
    gives the McNemar interval.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float | None
    covers: str
    method: str
    images: Discordance | None = None
    seeds: Term | None = None

    def at(self, confidence: float) -> tuple[float, float] | None:
        """The two-sided limits; None if nothing varied and there are no counts of images."""
        image_limits = self.images.limits(confidence) if self.images else None
        if self.seeds is not None and image_limits is not None:
            return added_limits(self.value, self.seeds, image_limits, confidence)
        if self.degrees_of_freedom is None:
            return image_limits
        low, high = t_limits(self.value, self.standard_error, self.degrees_of_freedom, confidence)
        return (low, high) if image_limits is None else (min(low, image_limits[0]), max(high, image_limits[1]))

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of the hypothesis of no difference; None where there are no limits."""
        if self.seeds is not None:
            return smallest_alpha(self._excludes_zero)
        p_values = [] if self.images is None else [self.images.p_value]
        if self.degrees_of_freedom is not None:
            p_values.append(t_p_value(self.value, self.standard_error, self.degrees_of_freedom))
        return max(p_values) if p_values else None

    def _excludes_zero(self, confidence: float) -> bool:
        low, high = self.at(confidence) or (0.0, 0.0)
        return low > 0 or high < 0

    def equivalence_p(self, margin: float) -> float:
        """p-value of the hypothesis that the difference is not inside (-margin, margin): the larger of two one-sided
        tests (Schuirmann 1987). Below .025 exactly where the 95 % interval lies inside; 1 where nothing is known."""
        if self.at(CONFIDENCE) is None:
            return 1.0

        def inside(confidence: float) -> bool:
            low, high = self.at(confidence) or (-1.0, 1.0)
            return -margin < low and high < margin

        return smallest_alpha(inside) / 2

    @property
    def swapped(self) -> Limits:
        """B minus A."""
        images = self.images and Discordance(self.images.only_b, self.images.only_a, self.images.images)
        return replace(self, value=-self.value, images=images)

    @property
    def difference(self) -> Difference:
        """The difference with its 95 % interval and p-value."""
        low, high = self.at(CONFIDENCE) or (None, None)
        return Difference(
            self.value, low, high, self.p_value, self.standard_error, self.degrees_of_freedom, self.covers, self.method
        )


def t_mean(
    value: float, squared_error: float, degrees_of_freedom: float, deviation: float, covers: str, method: str
) -> Mean:
    """A mean with its t interval; without one when nothing varied."""
    error = float(np.sqrt(squared_error))
    if error <= NEGLIGIBLE:
        return Mean(value, None, None, 0.0, None, deviation, covers, method)
    low, high = t_limits(value, error, degrees_of_freedom)
    return Mean(value, low, high, error, degrees_of_freedom, deviation, covers, method)
