"""5 folds x 3 seeds of B: ours run whole on all cores, Keras's time extrapolated from its blocks.

Keras is charged for the steps and validation images of the networks that ours trained (those of the folds, and
one a seed on the main split), at the price of its blocks, and for nothing else.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

import blocks
from context import Bench
from jobs import BATCH, JOBS
from ratios import Line
from studies import fashion_settings, run_study, write_study

MODEL, TARGET = "lenet-5", 6


def measure(bench: Bench) -> None:
    """The study, after the blocks that price it."""
    blocks.job(bench, "B")
    bench.kept.once("folds", lambda: _measure(bench))


def lines(bench: Bench) -> Iterable[Line]:
    """One line."""
    found, priced = bench.kept.find("folds"), bench.kept.find("blocks-B")
    if found and priced:
        seconds = found["training_seconds"]
        yield Line(
            what=f"B, 5 folds x {found['seeds']} seeds ({found['networks']} networks)",
            ours=f"{seconds:.0f} s ({found['whole_seconds']:.0f} s with data and report)",
            **blocks.extrapolated(priced, found["steps"], found["pictures"], seconds),
            target=TARGET,
            accuracy=f"validation {statistics.mean(found['accuracies']):.4f}",
            how=found["how"],
        )


def _measure(bench: Bench) -> dict[str, Any]:
    data = {"source": "fashion-mnist", "drop_duplicates": "exact", "pad": 32}
    train = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": BATCH, "epochs": bench.size.folds_epochs}
    model = {"layers": list(JOBS["B"].layers), "train": {**train, "measure": "accuracy"}}
    parts = {"data": data, "split": {"validation": 0.2, "seed": 42}, "models": {MODEL: model}, "open_test": []}
    path = write_study(bench, "folds", **parts, folds=5, seeds=bench.size.seeds)
    run = run_study(bench, path, "folds-run", fashion_settings(bench))
    work = run.work(MODEL)
    return {
        "networks": work.networks,
        "steps": work.steps,
        "pictures": work.pictures,
        "seeds": bench.size.seeds,
        "training_seconds": run.training_seconds,
        "whole_seconds": run.seconds,
        "how": run.how,
        "accuracies": run.accuracies(MODEL, "validation"),
    }
