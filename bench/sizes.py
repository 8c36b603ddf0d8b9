"""How much is measured: whole, or in under 15 minutes on two quiet cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """blocks: of each job and way. steps: of a block. rows: training images of the search and of the folds, all when
    None. search_epochs, folds_epochs, accuracy_epochs: of the longest training. seeds: of every mean. points,
    iterations, judged: of the maps, and how many points are judged."""

    name: str
    blocks: int
    steps: Mapping[str, int]
    rows: int | None
    search_epochs: int
    folds_epochs: int
    accuracy_epochs: int
    seeds: int
    points: int
    iterations: int
    judged: int


WHOLE = Size("whole", 5, {"A": 1000, "B": 400, "C": 200}, None, 10, 10, 3, 3, 55_000, 500, 5_000)
QUICK = Size("quick", 5, {"A": 400, "B": 150, "C": 30}, 6_000, 10, 2, 2, 3, 5_000, 300, 2_000)
TINY = Size("tiny", 2, {"A": 20, "B": 10, "C": 2}, 1_000, 3, 1, 1, 2, 500, 250, 400)
"""Shows that everything runs; its numbers say nothing."""
SIZES = {size.name: size for size in (WHOLE, QUICK, TINY)}
