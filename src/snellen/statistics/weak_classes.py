"""Which classes a model recognises clearly less often than all images: Holm-corrected upper limits of their recalls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snellen.statistics.interval_p_value import smallest_alpha
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.seed_intervals import proportion_ceiling

MARGIN = 0.02
"""A class is weak only if its recall is more than 2 points below the overall accuracy: smaller differences are hardly
worth an action."""


@dataclass(frozen=True)
class WeakClass:
    """recall: the mean over the networks. ceiling: the upper limit of its interval, corrected for the number of
    classes. images: of the class."""

    code: int
    recall: float
    ceiling: float
    images: int


@dataclass(frozen=True)
class WeakClasses:
    """overall: the accuracy over all images, the mean over networks. tested: classes with images. weak: lowest recall
    first."""

    overall: float
    tested: int
    weak: tuple[WeakClass, ...]


def weak_classes(right_SN: np.ndarray, labels_N: np.ndarray) -> WeakClasses:
    """The classes whose upper limit of recall, at Holm's level, is below the overall accuracy minus MARGIN.

    right_SN: (S, N) bool, of S >= 1 networks on the same N images. The limits are those of `ceiling_of`. Classes are
    taken by ascending p-value; the upper limit of the k-th of K, k from 0, at 1 - .05/(K - k) must be below the bound,
    and the first class that fails ends the list (Holm, Scandinavian Journal of Statistics 6, 1979). If all classes are
    recognised equally often, a class is called weak in less than 1 of 100 data sets
    (tests/statistics/test_weak_classes.py).
    """
    right = np.asarray(right_SN, bool)
    overall = float(right.mean())
    bound = overall - MARGIN
    tables = {int(code): right[:, labels_N == code] for code in np.unique(labels_N)}
    below = {code: table for code, table in tables.items() if table.mean() < bound}
    p_values = {code: _p_value(table, bound) for code, table in below.items()}
    found = list[WeakClass]()
    for place, code in enumerate(sorted(below, key=lambda each: p_values[each])):
        ceiling = ceiling_of(below[code], 1 - SIGNIFICANT / (len(tables) - place))
        if ceiling >= bound:
            break
        found.append(WeakClass(code, float(below[code].mean()), ceiling, below[code].shape[1]))
    return WeakClasses(overall, len(tables), tuple(sorted(found, key=lambda weak: weak.recall)))


def ceiling_of(table_SN: np.ndarray, confidence: float) -> float:
    """The upper limit of the recall of a class, (S, N) bool: that of `proportion_ceiling`, over other images.

    For several networks it is the lower of two limits, each at half the level (Bonferroni): that of the recipe, which
    covers training again too, and the highest one of the single networks. With 3 seeds the first is so wide at Holm's
    level that it would miss a class that is weak in each of the three networks.
    """
    if len(table_SN) == 1:
        return proportion_ceiling(table_SN, confidence)
    half = 1 - (1 - confidence) / 2
    return min(proportion_ceiling(table_SN, half), max(proportion_ceiling(row[None], half) for row in table_SN))


def _p_value(table_SN: np.ndarray, bound: float) -> float:
    """The smallest alpha at which the two-sided interval of a recall lies below a bound."""
    return smallest_alpha(lambda confidence: ceiling_of(table_SN, confidence) < bound)
