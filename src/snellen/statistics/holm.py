"""Holm's correction: all comparisons of a report, named beforehand, are one family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.errors import StudyError


def family(comparisons: Sequence[tuple[str, float | None]]) -> dict[str, float]:
    """The Holm-adjusted p-value of each named comparison, in their order. A comparison without a p-value counts as 1.
    Raises StudyError for a name given twice.
    """
    names = [name for name, _ in comparisons]
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise StudyError("a comparison is named twice", found=twice)
    adjusted = holm(np.array([1.0 if p_value is None else p_value for _, p_value in comparisons]))
    return dict(zip(names, adjusted.tolist()))


def holm(p_values_C: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of (C,) p-values (Scandinavian Journal of Statistics 6, 1979).

    The k-th smallest of C, k from 0, becomes the largest of (C - j) p_j over j <= k, at most 1. Written here because
    statsmodels is not a dependency, and SciPy only has false discovery rates.
    """
    order = np.argsort(p_values_C, kind="stable")
    scaled = p_values_C[order] * np.arange(len(p_values_C), 0, -1)
    adjusted = np.empty(len(p_values_C))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
