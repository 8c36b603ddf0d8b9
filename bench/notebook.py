"""The notebook's recipe in Keras, run whole until a validation accuracy of 84 %: what `reach` extrapolates. Long."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from typing import Any

import reach
from context import Bench
from ratios import Line, once
from studies import export
from tools import call

STUDY, EPOCHS = "cifar10-cnn", 10
"""Plain epochs, and as many with augmentation."""


def measure(bench: Bench) -> None:
    """Keras; ours is that of `reach`."""
    bench.kept.once("notebook", lambda: _measure(bench))


def lines(bench: Bench) -> Iterable[Line]:
    """One line; without a ratio where one of the two did not get there."""
    ours, theirs = bench.kept.find("reach"), bench.kept.find("notebook")
    if ours and theirs:
        reached = reach.is_enough(ours) and max(theirs["validation"]) >= reach.WANTED
        yield Line(
            what=f"{reach.WHAT}, both whole",
            ours=f"{ours['training_seconds']:.0f} s",
            theirs=f"{theirs['seconds']:.0f} s, {len(theirs['validation'])} epochs",
            ratio=once(theirs["seconds"], ours["training_seconds"]) if reached else None,
            target=reach.TARGET,
            accuracy=f"test {statistics.mean(ours['test']):.4f}, Keras {theirs['test']:.4f}",
        )


def _measure(bench: Bench) -> dict[str, Any]:
    images, path = export(bench, STUDY, "notebook-pictures"), bench.work / "notebook-order.json"
    path.write_text(json.dumps({"pictures": str(images), "wanted": reach.WANTED, "epochs": EPOCHS}), "utf-8")
    return call(bench.keras, "keras_reach.py", str(path))
