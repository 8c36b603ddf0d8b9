"""Comparisons of the points of a curve: all pairs along a line and all pairs of criteria at the same value, under one
correction.

All pairs are compared because the best point is only known afterwards. Whether a point is within the margin of the best
is a separate test, with a Holm correction over the points of the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from snellen.evaluate.verdicts import Verdict, verdict
from snellen.statistics.holm import family, holm
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.results import Difference
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED, recipe_limits
from snellen.study.points import Point

Place = tuple[str | None, int]
"""The criterion by which pixels are chosen (None if there is only one) and the value."""
Pair = tuple[Place, Place]


@dataclass(frozen=True, eq=False)
class MeasuredPoint:
    """The accuracy of the networks of one point. right_SN: (S, N) bool, which network is right on which validation
    image.

    jobs: of the networks, by seed. searched: a search ranked these networks by the same images, so they are not
    compared.
    """

    point: Point
    right_SN: np.ndarray
    low: float | None
    high: float | None
    covers: str
    deviation: float | None
    seconds: float
    jobs: Mapping[int, str]
    searched: bool = False

    @property
    def place(self) -> Place:
        """Its criterion and value."""
        return self.point.by, self.point.value

    @property
    def accuracy(self) -> float:
        """The mean over its networks."""
        return float(self.right_SN.mean())

    @property
    def is_compared(self) -> bool:
        """Whether it has enough seeds to be compared, and no search ranked them."""
        return len(self.right_SN) >= MIN_SEEDS_COMPARED and not self.searched


@dataclass(frozen=True)
class Compared:
    """A minus B, with the verdict after the correction over all pairs of the curve."""

    difference: Difference
    adjusted_p: float
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Line:
    """The points of one criterion, in the order of their values. within: values of points that are shown to be within
    the margin of the best. clearly_worse: values of points that are shown to be worse than the best by more than it."""

    points: tuple[MeasuredPoint, ...]
    within: tuple[int, ...] = field(default=())
    clearly_worse: tuple[int, ...] = field(default=())

    @property
    def by(self) -> str | None:
        """The criterion by which pixels were chosen."""
        return self.points[0].point.by

    @property
    def best(self) -> MeasuredPoint:
        """The point with the highest mean accuracy; of equal ones, the one with the smallest value."""
        return max(self.points, key=lambda each: each.accuracy)

    @property
    def clearly_worse_below(self) -> list[int]:
        """The clearly worse values that are smaller than the best."""
        return [value for value in self.clearly_worse if value < self.best.point.value]

    @property
    def flattens_at(self) -> int | None:
        """The smallest value below the best that is within the margin of the best; None if there is none."""
        return min((value for value in self.within if value < self.best.point.value), default=None)


def compare_points(measured: Sequence[MeasuredPoint], margin: float) -> dict[Pair, Compared]:
    """All pairs of points with enough seeds that have the same criterion or the same value; later minus earlier."""
    pairs = [
        (later, earlier)
        for earlier, later in combinations(measured, 2)
        if earlier.is_compared and later.is_compared and _are_a_pair(earlier, later)
    ]
    limits_of_pairs = {(a.place, b.place): recipe_limits(a.right_SN, b.right_SN) for a, b in pairs}
    adjusted = family([(str(places), limits.p_value) for places, limits in limits_of_pairs.items()])
    confidence = 1 - SIGNIFICANT / max(1, len(limits_of_pairs))
    return {
        places: Compared(difference := limits.difference, p, verdict(difference, limits.at(confidence), p, margin))
        for (places, limits), p in zip(limits_of_pairs.items(), adjusted.values(), strict=True)
    }


def _are_a_pair(point: MeasuredPoint, other: MeasuredPoint) -> bool:
    return point.point.by == other.point.by or point.point.value == other.point.value


def judged_line(points: tuple[MeasuredPoint, ...], compared: Mapping[Pair, Compared], margin: float) -> Line:
    """The line of these points, with the result of comparing each point with the best."""
    best = Line(points).best
    others = [each for each in points if each is not best and each.is_compared and best.is_compared]
    p_values = np.array([recipe_limits(best.right_SN, each.right_SN).equivalence_p(margin) for each in others])
    shown = holm(p_values) < SIGNIFICANT / 2
    worse = [each.point.value for each in others if against(best.place, each.place, compared).clearly_better]
    return Line(points, tuple(each.point.value for each, within in zip(others, shown) if within), tuple(worse))


def against(a: Place, b: Place, compared: Mapping[Pair, Compared]) -> Verdict:
    """The verdict on A minus B, in whichever order the pair was compared."""
    if (a, b) in compared:
        return compared[a, b].verdict
    return compared[b, a].verdict.swapped
