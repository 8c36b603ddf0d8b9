"""For a GPU: packs of 1 to 256 lanes of A and B, against one model of Keras's `fit` on the same machine."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from blocks import Way
from context import Bench
from ratios import Line, ratio_of
from tools import Tool

WIDTHS = (1, 4, 16, 64, 256)
JOBS = ("A", "B")
TARGETS = {"A": 500, "B": 100}
"""Of the widest pack, on one H200."""


def measure(bench: Bench) -> None:
    """Both jobs."""
    for name in JOBS:
        bench.kept.once(f"lanes-{name}", partial(_measure, bench, name))


def lines(bench: Bench) -> Iterable[Line]:
    """A line a width."""
    for name in JOBS:
        found = bench.kept.find(f"lanes-{name}")
        if found:
            yield from (_line(name, width, ms, found["theirs"]) for width, ms in found["ours"].items())


def _measure(bench: Bench, name: str) -> dict[str, Any]:
    steps = bench.size.steps[name]
    with Tool(bench.keras, "keras_fit.py") as keras, Tool(sys.executable, "ours.py", bench.device) as ours:
        ways = {"keras": Way([keras], 1, "default")}
        ways |= {str(width): Way([ours], width, "threads") for width in WIDTHS}
        for way in ways.values():
            way.do("prepare", name, steps)
        found = [{key: way.block(name, steps)["ms"] for key, way in ways.items()} for _ in range(bench.size.blocks)]
    return {
        "theirs": [each["keras"] for each in found],
        "ours": {str(width): [each[str(width)] for each in found] for width in WIDTHS},
        "tools": [keras.about, ours.about],
    }


def _line(name: str, width: str, ms: list[float], theirs: list[float]) -> Line:
    return Line(
        what=f"{name}, pack of {width}",
        ours=f"{statistics.median(ms):.4f} ms",
        theirs=f"{statistics.median(theirs):.2f} ms",
        ratio=ratio_of(theirs, ms),
        target=TARGETS[name] if int(width) == max(WIDTHS) else None,
    )
