"""Learning curves of several models over images a class: which is better at which size, and where they cross.

Every model is trained on the same images at each size and seed. All pairs of models at all sizes that they share are
one family under one Holm correction. Everything is computed from stored predictions for validation images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from snellen.evaluate.chosen_by_search import ranked_by_search
from snellen.evaluate.record import RunRecord
from snellen.evaluate.verdicts import equivalence_margin, verdict
from snellen.explain.curves.comparisons import Compared, MeasuredPoint
from snellen.explain.curves.measured import measured_point
from snellen.statistics.holm import family
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.results import Limits
from snellen.statistics.seed_intervals import recipe_limits
from snellen.study.curves import A_CLASS

Shared = tuple[str, str, int]
"""Two models and a number of images of each class."""


@dataclass(frozen=True)
class Crossing:
    """Two models over the sizes at which both were compared, in ascending order. compared: A minus B at each size."""

    a: str
    b: str
    compared: Mapping[int, Compared]

    @property
    def sizes(self) -> tuple[int, ...]:
        """At least one."""
        return tuple(self.compared)

    @property
    def better_a(self) -> tuple[int, ...]:
        """The sizes at which A is shown to be better."""
        return tuple(size for size, comparison in self.compared.items() if comparison.verdict.better)

    @property
    def better_b(self) -> tuple[int, ...]:
        """The sizes at which B is shown to be better."""
        return tuple(size for size, comparison in self.compared.items() if comparison.verdict.worse)

    @property
    def swapped(self) -> Crossing:
        """B minus A; of each comparison only the verdict is reversed."""
        return Crossing(
            self.b,
            self.a,
            {
                size: Compared(comparison.difference, comparison.adjusted_p, comparison.verdict.swapped)
                for size, comparison in self.compared.items()
            },
        )

    @property
    def from_size(self) -> int | None:
        """The smallest size from which on B is shown to be better than A at all sizes; None if there is none."""
        return _last_run(self.sizes, self.better_b)

    @property
    def up_to(self) -> int | None:
        """The largest size up to which A is shown to be better than B at all sizes; None if there is none."""
        return _last_run(self.sizes[::-1], self.better_a)


def _last_run(sizes: Sequence[int], better: Sequence[int]) -> int | None:
    """The first size of the longest run at the end of `sizes` that is entirely in `better`; None without one."""
    first = None
    for size in reversed(sizes):
        if size not in better:
            break
        first = size
    return first


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """points: of each model, by images a class in ascending order. margin: of practical equivalence. crossings: of each
    pair of models that share a size with enough seeds."""

    points: Mapping[str, Mapping[int, MeasuredPoint]]
    margin: float
    crossings: tuple[Crossing, ...]

    @property
    def sizes(self) -> list[int]:
        """All numbers of images a class."""
        return sorted({size for points in self.points.values() for size in points})

    def between(self, a: str, b: str) -> Crossing | None:
        """The crossing of two models, as A against B; its differences stay those of the stored order."""
        for crossing in self.crossings:
            if {crossing.a, crossing.b} == {a, b}:
                return crossing if crossing.a == a else crossing.swapped
        return None

    def is_better(self, a: str, b: str, size: int) -> bool:
        """Whether A is shown to be better than B with `size` images a class."""
        crossing = self.between(a, b)
        return crossing is not None and size in crossing.better_a

    def compared_at(self, size: int) -> list[str]:
        """The models that were compared at a size, most accurate first."""
        names = [name for crossing in self.crossings if size in crossing.compared for name in (crossing.a, crossing.b)]
        return sorted(dict.fromkeys(names), key=lambda name: -self.points[name][size].accuracy)

    def candidates(self, size: int) -> list[str]:
        """The models compared at a size than which no other is shown to be better, most accurate first."""
        names = self.compared_at(size)
        return [b for b in names if not any(self.is_better(a, b, size) for a in names if a != b)]


def learning_curves(record: RunRecord) -> LearningCurves | None:
    """The learning curves over images a class; None if there are none whose training succeeded."""
    points: dict[str, dict[int, MeasuredPoint]] = {}
    for curve in record.curves:
        if curve.options["over"] != A_CLASS:
            continue
        ranked = ranked_by_search(record, curve.model)
        for point in curve.points:
            measured = measured_point(record, point, ranked)
            if measured is not None:
                points.setdefault(curve.model, {}).setdefault(point.value, measured)
    return compare_curves({model: dict(sorted(found.items())) for model, found in points.items()}) if points else None


def compare_curves(points: Mapping[str, Mapping[int, MeasuredPoint]]) -> LearningCurves:
    """All pairs of models at all sizes at which both have enough seeds."""
    best = max(each.accuracy for found in points.values() for each in found.values())
    margin = equivalence_margin(1 - best)
    limits: dict[Shared, Limits] = {
        (a, b, size): recipe_limits(points[a][size].right_SN, points[b][size].right_SN)
        for a, b in combinations(points, 2)
        for size in sorted(points[a].keys() & points[b].keys())
        if points[a][size].is_compared and points[b][size].is_compared
    }
    adjusted = family([(str(shared), limit.p_value) for shared, limit in limits.items()])
    level = SIGNIFICANT / max(1, len(limits))
    found: dict[tuple[str, str], dict[int, Compared]] = {}
    for (a, b, size), limit in limits.items():
        p, difference = adjusted[str((a, b, size))], limit.difference
        found.setdefault((a, b), {})[size] = Compared(
            difference, p, verdict(difference, limit.at(1 - level), p, margin)
        )
    return LearningCurves(points, margin, tuple(Crossing(a, b, of_pair) for (a, b), of_pair in found.items()))
