"""Two runs of the same bench beside each other: how far apart their ratios are. Nothing is measured here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ratios import Line, Ratio

Pair = tuple[str, Ratio, Ratio]
"""What was compared, and its ratio in the first and in the second run."""


def pairs(first: Sequence[Line], second: Sequence[Line]) -> list[Pair]:
    """Of what both runs have a ratio of."""
    found = {line.what: line.ratio for line in second if line.ratio}
    return [(line.what, line.ratio, found[line.what]) for line in first if line.ratio and line.what in found]


def change(pair: Pair) -> float:
    """Of the median, as a share of the first run's."""
    _, first, second = pair
    return second.median / first.median - 1


def overlap(pair: Pair) -> bool:
    """Whether the ranges of blocks have something in common."""
    _, first, second = pair
    return first.low <= second.high and second.low <= first.high


def words(first: Sequence[Line], second: Sequence[Line]) -> str:
    """By how much two runs differ; empty without a second."""
    found = pairs(first, second)
    if not found:
        return ""
    changes = [abs(change(pair)) for pair in found]
    widest = max(found, key=lambda pair: abs(change(pair)))
    ranged = [pair for pair in found if pair[1].low < pair[1].high]
    apart = [pair[0] for pair in ranged if not overlap(pair)]
    return (
        f"Second run, of {len(found)} ratios: their medians differ from the first run's by {_percent(changes)} in the "
        f"median and by {100 * change(widest):+.0f} % at most ({widest[0]}); of {len(ranged)} with ranges, "
        f"{len(ranged) - len(apart)} have ranges that overlap" + (f", not {'; '.join(apart)}." if apart else ".")
    )


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * statistics.median(shares):.0f} %"
