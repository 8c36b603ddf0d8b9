"""The sentences about a curve. What its comparisons do not show is said to be unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from snellen.explain.curves.comparisons import Compared, Line, MeasuredPoint, Pair
from snellen.phrases import margin, percent_interval, points, points_limits
from snellen.statistics.results import Difference
from snellen.study.points import WORDS

DIGITS = 2
"""Decimals of points: neighbouring points of a curve differ little."""


@dataclass(frozen=True, eq=False)
class Words:
    """The sentences of a curve, most important first."""

    model: str
    over: str
    margin: float
    lines: Sequence[Line]
    compared: Mapping[Pair, Compared]
    doubling: tuple[MeasuredPoint, MeasuredPoint] | str | None

    def all(self) -> list[str]:
        """All sentences that apply."""
        more_data = [self._more_data(*self.doubling)] if isinstance(self.doubling, tuple) else []
        ranges = [self._range(line) for line in self.lines[:1] if line.by is None]
        return [*more_data, *self._flat(), *self._criteria(), *ranges]

    @property
    def _margin(self) -> str:
        return margin(self.margin)

    def _more_data(self, largest: MeasuredPoint, half: MeasuredPoint) -> str:
        comparison = self.compared[largest.place, half.place]
        sizes = f"from {half.point.value:,} to {largest.point.value:,} training images"
        gain = _gain(comparison.difference)
        if comparison.verdict.better:
            return f"Going {sizes} at equal steps raised the validation accuracy of `{self.model}` by {gain}."
        if comparison.verdict.worse:
            return f"Going {sizes} at equal steps lowered the validation accuracy of `{self.model}`: by {gain}."
        return f"Whether going {sizes} helped `{self.model}` cannot be told: the difference is {gain}."

    def _flat(self) -> Iterator[str]:
        """Where each line flattens, or that this is unknown."""
        judged = [line for line in self.lines if line.best.is_compared and len(line.points) > 1]
        flat = [(line, line.flattens_at) for line in judged if line.flattens_at is not None]
        unknown = [line for line in judged if line.flattens_at is None]
        for line, at in flat:
            yield (
                f"The curve of `{self.model}` flattens at {self._count(at)}{self._chosen_by(line)}: the fewest whose "
                f"validation accuracy is within {self._margin} of the best point, {self._count(line.best.point.value)}."
            )
        if len(unknown) == 1:
            yield self._unknown(unknown[0])
        elif unknown:
            criteria = " or by ".join(_plain(line.by) for line in unknown)
            least = min(max(line.clearly_worse_below, default=0) for line in unknown)
            verb = "is" if least == 1 else "are"
            worse = f"{self._count(least)} {verb} clearly worse than the best point of each, and " if least else ""
            yield (
                f"Where the curve of `{self.model}` flattens cannot be told for {WORDS[self.over]} chosen by "
                f"{criteria}: {worse}no number below the best one is shown to be within {self._margin} of it."
            )

    def _unknown(self, line: Line) -> str:
        best = line.best.point.value
        beginning = f"Where the curve of `{self.model}`{self._chosen_by(line)} flattens cannot be told"
        least = max(line.clearly_worse_below, default=0)
        worse = (
            f"{self._count(least)} {'is' if least == 1 else 'are'} clearly worse than {best:,}, and " if least else ""
        )
        return f"{beginning}: {worse}no smaller number is shown to be within {self._margin} of the best point."

    def _criteria(self) -> Iterator[str]:
        """Each pair of criteria for choosing pixels, if one is better at some count."""
        for line, other in combinations(self.lines, 2):
            shared = [each for each in other.points if (each.place, (line.by, each.point.value)) in self.compared]
            comparisons = {each.point.value: self.compared[each.place, (line.by, each.point.value)] for each in shared}
            wins = {value for value, each in comparisons.items() if each.verdict.worse}
            losses = {value for value, each in comparisons.items() if each.verdict.better}
            if wins and len(wins) >= len(losses):
                yield self._criterion_wins(line, other, comparisons, wins, losses)
            elif losses:
                yield self._criterion_wins(other, line, comparisons, losses, wins)

    def _criterion_wins(
        self, a: Line, b: Line, comparisons: Mapping[int, Compared], wins: set[int], losses: set[int]
    ) -> str:
        """found: the later line minus the earlier one, by value. wins, losses: values at which A is better or worse."""
        most = max(wins, key=lambda value: abs(comparisons[value].difference.value))
        return (
            f"Chosen by {_plain(a.by)}, {WORDS[self.over]} do better than by {_plain(b.by)} at {len(wins)} of "
            f"{len(comparisons)} counts and worse at {len(losses)}; most at {most:,}: by "
            f"{_gain(comparisons[most].difference, turned=comparisons[most].verdict.worse)}."
        )

    def _range(self, line: Line) -> str:
        first, last = line.points[0], line.points[-1]
        return (
            f"With {self._count(first.point.value)}{self._chosen_by(line)}, `{self.model}` recognises "
            f"{_share(first)} of the validation images, with {self._count(last.point.value)} {_share(last)}."
        )

    def _count(self, value: int) -> str:
        words = WORDS[self.over]
        return f"{value:,} {words if value != 1 else re.sub(r's(?= |$)', '', words, count=1)}"

    def _chosen_by(self, line: Line) -> str:
        return f" chosen by {_plain(line.by)}" if line.by else ""


def _gain(difference: Difference, turned: bool = False) -> str:
    """As in "0.42 points (0.20 to 0.64)". turned: with the opposite sign."""
    value, low, high = difference.value, difference.low, difference.high
    if turned:
        value, low, high = -value, None if high is None else -high, None if low is None else -low
    limits = "" if low is None or high is None else f" ({points_limits(low, high, DIGITS)})"
    return f"{points(value, DIGITS)}{limits}"


def _share(measured: MeasuredPoint) -> str:
    low, high = measured.low, measured.high
    if low is None or high is None:
        return percent_interval(measured.accuracy, None, None)
    return percent_interval(measured.accuracy, max(0.0, low), min(1.0, high))


def _plain(by: str | None) -> str:
    return (by or "").replace("_", " ")
