"""Numbers of numbers: ratios with their spread, and what a piece says of the whole. Nothing is measured here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How many times as long Keras takes. median: of blocks that were neighbours in time; low, high: of any of them."""

    median: float
    low: float
    high: float


def ratio_of(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """theirs, ours: seconds for the same work, block by block."""
    each = [their / our for their, our in zip(theirs, ours, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def spread(values: Sequence[float]) -> float:
    """The range of the values, in shares of their median."""
    return (max(values) - min(values)) / statistics.median(values)


def extrapolated_seconds(steps: int, images: int, row: dict[str, Any]) -> list[float]:
    """What so many steps, and evaluations of so many images, take by each block. row: of blocks.py."""
    return [steps * ms / 1e3 + images * row["evaluation_us"] / 1e6 for ms in row["ms"]]


@dataclass(frozen=True)
class Line:
    """A line of the table.

    ours, theirs: what was measured, in words. ratio: to Keras or scikit-learn as their users call them, None where ours
    did not get there; best: to their best settings. target: of `ratio`. peak: share of the machine's measured peak that
    ours reaches. accuracy: of both, in words. how: ours computed.
    """

    what: str
    ours: str
    theirs: str
    ratio: Ratio | None
    best: Ratio | None = None
    target: float | None = None
    peak: float | None = None
    accuracy: str = ""
    how: str = ""


def once(theirs: float, ours: float) -> Ratio:
    """The ratio of two whole runs, each measured once."""
    return Ratio(theirs / ours, theirs / ours, theirs / ours)
