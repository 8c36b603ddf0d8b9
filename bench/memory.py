"""Memory: what training adds to the imports, in a fresh process each: one model and MANY of ours, and one of Keras.

As a multiple of what cannot be spared: the stored images (uint8) and the numbers of the models, once.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from context import Bench
from jobs import JOBS, MANY
from tools import call

LIMIT = 3
STEPS = 100
WIDTHS = {"A": (1, MANY), "B": (1, MANY), "C": (1,)}
"""Lanes of a pack, in one process."""


def measure(bench: Bench) -> None:
    """All jobs, ours and Keras's."""
    for job, widths in WIDTHS.items():
        for lanes in widths:
            bench.kept.once(f"memory-{job}-{lanes}", partial(_measure, sys.executable, "ours", job, lanes, "threads"))
        bench.kept.once(f"memory-{job}-keras", partial(_measure, bench.keras, "keras_fit", job, 1, "default"))


def table(bench: Bench) -> list[list[str]]:
    """Rows: job, lanes, stored, grown, multiple, limit, Keras's one model, imports."""
    rows = []
    for job, widths in WIDTHS.items():
        theirs = bench.kept.find(f"memory-{job}-keras")
        for lanes in widths:
            ours = bench.kept.find(f"memory-{job}-{lanes}")
            if ours and theirs:
                rows.append(row(job, lanes, ours, theirs))
    return rows


def row(job: str, lanes: int, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Of the table. ours, theirs: bytes imported, grown, models."""
    stored = stored_bytes(job) + ours["models"]
    multiple = ours["grown"] / stored
    kept = f"{multiple:.1f}, {'kept' if multiple <= LIMIT else 'missed'}"
    cells = [f"{bytes / 1e6:.0f} MB" for bytes in (stored, ours["grown"])]
    one = f"{theirs['grown'] / 1e6:.0f} MB ({theirs['grown'] / (stored_bytes(job) + theirs['models']):.1f})"
    imports = " / ".join(f"{each['imported'] / 1e6:.0f}" for each in (ours, theirs))
    return [job, f"{lanes}", *cells, kept, one, f"{imports} MB"]


def stored_bytes(job: str) -> int:
    """Of the images."""
    return JOBS[job].rows * int(np.prod(JOBS[job].shape))


def _measure(python: str, module: str, job: str, lanes: int, way: str) -> dict[str, Any]:
    return call(python, "memory_fit.py", module, job, str(lanes), way, str(STEPS))
