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
        return tuple(size for size, one in self.compared.items() if one.verdict.better)

    @property
    def better_b(self) -> tuple[int, ...]:
        """The sizes at which B is shown to be better."""
        return tuple(size for size, one in self.compared.items() if one.verdict.worse)

    @property
    def swapped(self) -> Crossing:
        """B minus A; of the comparisons only the verdicts are turned."""
        return Crossing(
            self.b,
            self.a,
            {
                size: Compared(one.difference, one.adjusted_p, one.verdict.swapped)
                for size, one in self.compared.items()
            },
        )

    @property
    def from_size(self) -> int | None:
        """From how many images a class on B is shown to be better than A, at this and every larger size; or None."""
        return _last_run(self.sizes, self.better_b)

    @property
    def up_to(self) -> int | None:
        """Up to how many images a class A is shown to be better than B, at this and every smaller size; or None."""
        return _last_run(self.sizes[::-1], self.better_a)


def _last_run(sizes: Sequence[int], better: Sequence[int]) -> int | None:
    """The first of the sizes at the end all of which are in `better`."""
    found = None
    for size in reversed(sizes):
        if size not in better:
            break
        found = size
    return found


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
        for one in self.crossings:
            if {one.a, one.b} == {a, b}:
                return one if one.a == a else one.swapped
        return None

    def is_better(self, a: str, b: str, size: int) -> bool:
        """Whether A is shown to be better than B with so many images a class."""
        one = self.between(a, b)
        return one is not None and size in one.better_a

    def compared_at(self, size: int) -> list[str]:
        """The models that were compared at a size, most accurate first."""
        found = [name for one in self.crossings if size in one.compared for name in (one.a, one.b)]
        return sorted(dict.fromkeys(found), key=lambda name: -self.points[name][size].accuracy)

    def candidates(self, size: int) -> list[str]:
        """Of the models compared at a size those that none is shown to be better than, most accurate first."""
        names = self.compared_at(size)
        return [b for b in names if not any(self.is_better(a, b, size) for a in names if a != b)]


def learning_curves(record: RunRecord) -> LearningCurves | None:
    """Of the curves over images a class; None without any whose training succeeded."""
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
    adjusted = family([(str(shared), one.p_value) for shared, one in limits.items()])
    level = SIGNIFICANT / max(1, len(limits))
    found: dict[tuple[str, str], dict[int, Compared]] = {}
    for (a, b, size), one in limits.items():
        p, seen = adjusted[str((a, b, size))], one.difference
        found.setdefault((a, b), {})[size] = Compared(seen, p, verdict(seen, one.at(1 - level), p, margin))
    return LearningCurves(points, margin, tuple(Crossing(a, b, of_pair) for (a, b), of_pair in found.items()))
