"""The Pareto front of accuracy and cost, both of which are measured with noise. A model is not on the front only if
another one is shown to be at least as good in both: better and no slower, or equally accurate and clearly faster. A
model about which nothing is shown stays on the front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class Spread:
    """The median of repeated measurements of one cost, with the quartiles, which are equal to it for a single
    measurement. n: number of measurements."""

    low: float
    median: float
    high: float
    n: int

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """The estimate from at least one value."""
        low, median, high = map(float, np.percentile(np.array(values), QUARTILES))
        return Spread(low, median, high, len(values))

    def clearly_below(self, other: Spread, factor: float) -> bool:
        """Whether its upper quartile is below the other's lower one, and its median at most 1/factor of the other's."""
        return self.high < other.low and self.median * factor <= other.median


Relation = Callable[[str, str], bool]
"""A relation: whether it holds for the first of two models and the second."""


def ruled_out(
    models: Sequence[str], better: Relation, equivalent: Relation, clearly_faster: Relation
) -> dict[str, str]:
    """The models that are not on the front, each with the first of `models` that rules it out. A rules B out if A is
    better and B is not clearly faster, or if both are equivalent and A is clearly faster. "Not clearly faster" is not
    transitive, so that a cycle is conceivable; models that rule each other out in a cycle stay on the front, which is
    therefore never empty.
    """
    above = {b: [a for a in models if a != b and _rules_out(a, b, better, equivalent, clearly_faster)] for b in models}
    reached = {model: _reached(model, above) for model in models}
    ruling = {b: [a for a in above[b] if b not in reached[a]] for b in models}
    return {b: those[0] for b, those in ruling.items() if those}


def _rules_out(a: str, b: str, better: Relation, equivalent: Relation, clearly_faster: Relation) -> bool:
    return (better(a, b) and not clearly_faster(b, a)) or (equivalent(a, b) and clearly_faster(a, b))


def _reached(model: str, above: Mapping[str, Sequence[str]]) -> set[str]:
    """The models that rule this one out, directly or through others."""
    found: set[str] = set()
    waiting = [*above[model]]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += above[one]
    return found
