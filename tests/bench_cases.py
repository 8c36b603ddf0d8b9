"""A bench that has measured what a test says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import blocks
import sizes
from context import Bench
from kept import Kept

ROW: dict[str, Any] = {
    **{"ms": [9.0, 10.0, 14.0], "cpu_ms": [1.0, 2.0, 3.0], "evaluation_us": 100.0, "how": "somehow"},
    **{"data_seconds": 0.5, "cold_seconds": 1.0, "warm_seconds": 0.5},
}


def bench_of(folder: Path, **found: dict[str, Any]) -> Bench:
    """found: a measurement by its name, `_` for `-`."""
    kept = Kept(folder, {"size": "tiny"})
    for name, value in found.items():
        kept.once(name.replace("_", "-"), value.copy)
    return Bench(sizes.TINY, kept, folder / "work", "no python", "cpu", None)


def priced(fit: float, best: float) -> dict[str, Any]:
    """Blocks of a job with these ms a step, ours with one, but two in the first block."""
    rows = {what: {**ROW, "ms": [ms] * 3} for what, ms in ((blocks.FIT, fit), (blocks.BEST, best))}
    rows |= {what: {**ROW, "ms": [2.0, 1.0, 1.0]} for what in (blocks.ONE, blocks.SEVERAL)}
    peaks = {"matrix products": 60e9, "convolutions": 100e9}
    tools = [{"tool": name, "import_seconds": 1.0} for name in ("Keras", "snellen")]
    return {"rows": rows, "peaks": peaks, "tools": tools, "packs": [1]}
