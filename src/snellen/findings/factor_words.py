"""The sentence about what one varied setting did, from the accuracy at each value and which values are above which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.phrases import key_words, listing, percent, setting

COUNTED = ("units", "filters", "epochs", "depth", "width", "layers", "components", "pixels", "patience")
"""Last words of keys whose values read as a number of something: 16 units."""


@dataclass(frozen=True)
class LevelAccuracy:
    """One value of the setting, and the validation accuracy there with the limits of its interval, if any."""

    value: Any
    accuracy: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Varied:
    """A setting at several values. levels: numbers ascending, else in the order of the study. above: (L, L) bool, at
    (i, j) whether level i is shown to be more accurate than level j. images: "validation", "held-out"."""

    path: str
    levels: tuple[LevelAccuracy, ...]
    above: np.ndarray
    images: str = "validation"

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers."""
        return all(isinstance(one.value, int | float) and not isinstance(one.value, bool) for one in self.levels)

    @property
    def curve(self) -> list[dict[str, Any]]:
        """The levels as JSON values, for the finding and its chart."""
        return [{"value": one.value, "accuracy": one.accuracy, "low": one.low, "high": one.high} for one in self.levels]

    @property
    def noun(self) -> str:
        """The last word of the path: "units", "learning rate"."""
        return noun_of(self.path)


def noun_of(path: str) -> str:
    """The key at the end of a path as words."""
    return key_words(path.rpartition(".")[2])


def effect_clause(varied: Varied) -> str:
    """From 16 to 256 units validation accuracy rises from 91.0 % to 97.9 %; from 128 units on the study cannot tell."""
    if not varied.above.any():
        return _undecided(varied)
    return _ordered(varied) if varied.is_ordered else _unordered(varied)


def range_clause(varied: Varied) -> str:
    """The values with their accuracies, without a verdict: from 91.0 % with 16 units to 97.9 % with 256 units."""
    first, last = varied.levels[0], varied.levels[-1]
    if not varied.is_ordered:
        return listing(f"{percent(one.accuracy)} with {_value(varied, one)}" for one in varied.levels)
    return (
        f"{percent(first.accuracy)} with {_value(varied, first)}, {percent(last.accuracy)} with {_value(varied, last)}"
    )


def _undecided(varied: Varied) -> str:
    low, high = (pick(one.accuracy for one in varied.levels) for pick in (min, max))
    named = _range(varied, 0, len(varied.levels) - 1) if varied.is_ordered else _names(varied, varied.levels)
    return (
        f"what {named} {'change' if varied.is_ordered else 'do'} the study cannot tell: {varied.images} accuracy is "
        f"{percent(low)} to {percent(high)}, and no two values are told apart, which is no evidence of equality"
    )


def _ordered(varied: Varied) -> str:
    levels, above, last = varied.levels, varied.above, len(varied.levels) - 1
    best = int(np.argmax([one.accuracy for one in levels]))
    parts = []
    if best > 0 and above[best, 0]:
        parts.append(
            f"from {_range(varied, 0, best)} {varied.images} accuracy rises from {percent(levels[0].accuracy)} to "
            f"{percent(levels[best].accuracy)}"
        )
    if best < last and above[best, last]:
        what = "it" if parts else f"{varied.images} accuracy"
        start = "" if parts else f"from {percent(levels[best].accuracy)} "
        parts.append(f"from {_range(varied, best, last)} {what} falls {start}to {percent(levels[last].accuracy)}")
    if not parts:
        return _pair(varied)
    low, high = _plateau(above, best)
    if low < high:
        parts.append(f"{_where(varied, low, high)} the study cannot tell")
    return "; ".join(parts)


def _pair(varied: Varied) -> str:
    """Neither end is told from the best value: the pair that is, the farthest apart."""
    gaps = np.array([[a.accuracy - b.accuracy for b in varied.levels] for a in varied.levels])
    i, j = np.unravel_index(np.where(varied.above, gaps, -1.0).argmax(), gaps.shape)
    more, less = varied.levels[int(i)], varied.levels[int(j)]
    return (
        f"{varied.images} accuracy is higher with {_value(varied, more)} ({percent(more.accuracy)}) than with "
        f"{_value(varied, less)} ({percent(less.accuracy)}); about the other values the study cannot tell"
    )


def _unordered(varied: Varied) -> str:
    order = sorted(range(len(varied.levels)), key=lambda at: -varied.levels[at].accuracy)
    best, worst = order[0], order[-1]
    if not varied.above[best, worst]:
        return _pair(varied)
    first, last = varied.levels[best], varied.levels[worst]
    level = [varied.levels[at] for at in order[1:] if not varied.above[best, at]]
    told = (
        f"{varied.images} accuracy is {percent(first.accuracy)} with {_value(varied, first)} and "
        f"{percent(last.accuracy)} with {_value(varied, last)}"
    )
    return f"{told}; {_names(varied, [first, *level])} the study cannot tell apart" if level else told


def _plateau(above: np.ndarray, best: int) -> tuple[int, int]:
    """The longest run of levels around the best in which no two are told apart."""
    apart = above | above.T
    runs = [
        (low, high)
        for low in range(best + 1)
        for high in range(best, len(above))
        if not apart[low : high + 1, low : high + 1].any()
    ]
    return max(runs, key=lambda run: run[1] - run[0])


def _where(varied: Varied, low: int, high: int) -> str:
    if high == len(varied.levels) - 1:
        return f"from {_value(varied, varied.levels[low])} on"
    if low == 0:
        return f"up to {_value(varied, varied.levels[high])}"
    return f"between {_range(varied, low, high, 'and')}"


def _range(varied: Varied, low: int, high: int, word: str = "to") -> str:
    """16 to 256 units; a learning rate of 0.001 to 0.1."""
    first, last = (setting(varied.levels[at].value) for at in (low, high))
    if varied.noun in COUNTED:
        return f"{first} {word} {last} {varied.noun}"
    return f"a {varied.noun} of {first} {word} {last}"


def _value(varied: Varied, one: LevelAccuracy) -> str:
    if not varied.is_ordered:
        return setting(one.value)
    if varied.noun in COUNTED:
        return f"{setting(one.value)} {varied.noun if one.value != 1 else varied.noun.removesuffix('s')}"
    return f"a {varied.noun} of {setting(one.value)}"


def _names(varied: Varied, levels: Sequence[LevelAccuracy]) -> str:
    return listing(setting(one.value) for one in levels)
