"""One report is one family: all its comparisons, named beforehand, stand under one Holm correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.errors import StudyError
from snellen.statistics.t_intervals import SIGNIFICANT

Name = str | tuple[str, str]
"""A comparison: a text, or a pair of models."""


@dataclass(frozen=True)
class Family:
    """The comparisons of one report, in the order they were named, with their Holm-adjusted p-values."""

    adjusted: Mapping[Name, float]

    def rejects(self, name: Name) -> bool:
        """Whether this comparison is significant in the family: Holm p < .05."""
        return self.adjusted[name] < SIGNIFICANT


def family(comparisons: Sequence[tuple[Name, float | None]]) -> Family:
    """All comparisons of a report under one correction. A comparison without a p-value was named too: it counts as 1.

    Raises StudyError for a name that stands twice.
    """
    names = [name for name, _ in comparisons]
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise StudyError("a comparison is named twice", found=twice)
    adjusted = holm(np.array([1.0 if p_value is None else p_value for _, p_value in comparisons]))
    return Family(dict(zip(names, adjusted.tolist())))


def holm(p_values_C: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of (C,) p-values (Scandinavian Journal of Statistics 6, 1979).

    The k-th smallest of C, k from 0, becomes the largest of (C - j) p_j over j <= k, at most 1. Own code, because
    statsmodels is no dependency and SciPy has false discovery rates only.
    """
    order = np.argsort(p_values_C, kind="stable")
    scaled = p_values_C[order] * np.arange(len(p_values_C), 0, -1)
    adjusted = np.empty(len(p_values_C))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def told_apart(found: Family, models: Sequence[str]) -> np.ndarray:
    """(M, M) bool, symmetric: the pairs of models that the family tells apart; a pair that was not named is not."""
    apart = np.zeros((len(models), len(models)), bool)
    place = {model: index for index, model in enumerate(models)}
    for name in found.adjusted:
        if isinstance(name, tuple) and name[0] in place and name[1] in place and found.rejects(name):
            apart[place[name[0]], place[name[1]]] = apart[place[name[1]], place[name[0]]] = True
    return apart
