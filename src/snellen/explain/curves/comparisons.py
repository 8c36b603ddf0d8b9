"""Points of a curve told apart: every pair along a line, every pair of ways at a value, all under one correction.

Every pair, so that it does not matter that the best point was found by looking. That a point is as good as the best
within a margin is a test of its own, Holm over the points of the line.
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
"""A way to choose, None where there is but one, and a value."""
Pair = tuple[Place, Place]


@dataclass(frozen=True, eq=False)
class MeasuredPoint:
    """What the networks of one point reached. right_SN: (S, N) bool, who is right at which validation image.

    jobs: theirs, by seed. searched: a search of the model ranked these networks by these images, so nothing is compared
    with them.
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
        """Where it stands."""
        return self.point.by, self.point.value

    @property
    def accuracy(self) -> float:
        """The mean over its networks."""
        return float(self.right_SN.mean())

    @property
    def is_compared(self) -> bool:
        """Whether there are seeds enough."""
        return len(self.right_SN) >= MIN_SEEDS_COMPARED and not self.searched


@dataclass(frozen=True)
class Compared:
    """A minus B with its verdict under the correction of the page."""

    difference: Difference
    adjusted_p: float
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Line:
    """The points of one way to choose, in the order of their values. within: those shown to be within the margin of the
    best; clearly_worse: those shown to be worse than it by more."""

    points: tuple[MeasuredPoint, ...]
    within: tuple[int, ...] = field(default=())
    clearly_worse: tuple[int, ...] = field(default=())

    @property
    def by(self) -> str | None:
        """How pixels were chosen."""
        return self.points[0].point.by

    @property
    def best(self) -> MeasuredPoint:
        """The highest mean; of equals that of the smallest value."""
        return max(self.points, key=lambda each: each.accuracy)

    @property
    def clearly_worse_below(self) -> list[int]:
        """Those that are smaller than the best."""
        return [value for value in self.clearly_worse if value < self.best.point.value]

    @property
    def flattens_at(self) -> int | None:
        """The smallest value that is within the margin of the best, where a smaller one than the best itself is."""
        return min((value for value in self.within if value < self.best.point.value), default=None)


def compare_points(measured: Sequence[MeasuredPoint], margin: float) -> dict[Pair, Compared]:
    """Later against earlier along a line, and ways at the same value: all pairs with seeds enough."""
    pairs = [
        (later, earlier)
        for earlier, later in combinations(measured, 2)
        if earlier.is_compared and later.is_compared and _are_a_pair(earlier, later)
    ]
    found = {(a.place, b.place): recipe_limits(a.right_SN, b.right_SN) for a, b in pairs}
    adjusted = family([(str(places), limits.p_value) for places, limits in found.items()])
    confidence = 1 - SIGNIFICANT / max(1, len(found))
    return {
        places: Compared(seen := limits.difference, p, verdict(seen, limits.at(confidence), p, margin))
        for (places, limits), p in zip(found.items(), adjusted.values(), strict=True)
    }


def _are_a_pair(one: MeasuredPoint, other: MeasuredPoint) -> bool:
    return one.point.by == other.point.by or one.point.value == other.point.value


def judged_line(points: tuple[MeasuredPoint, ...], compared: Mapping[Pair, Compared], margin: float) -> Line:
    """With what is shown of each point against the best."""
    best = Line(points).best
    others = [each for each in points if each is not best and each.is_compared and best.is_compared]
    p_values = np.array([recipe_limits(best.right_SN, each.right_SN).equivalence_p(margin) for each in others])
    shown = holm(p_values) < SIGNIFICANT / 2
    worse = [each.point.value for each in others if against(best.place, each.place, compared).clearly_better]
    return Line(points, tuple(each.point.value for each, within in zip(others, shown) if within), tuple(worse))


def against(a: Place, b: Place, compared: Mapping[Pair, Compared]) -> Verdict:
    """The verdict of A against B, whichever was named first."""
    if (a, b) in compared:
        return compared[a, b].verdict
    return compared[b, a].verdict.swapped
