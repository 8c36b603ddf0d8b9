"""The same accuracy beside the speed: A on MNIST and B on Fashion-MNIST, for some epochs, by both, on one split.

Same network, optimizer, epochs, seeds and rule for the kept epoch; initial weights and orders are each tool's own.
"""

from __future__ import annotations

import json
import statistics
from functools import partial
from pathlib import Path
from typing import Any

from context import Bench
from jobs import BATCH, JOBS
from studies import export, fashion_settings, run_study, write_study
from tools import call

DATA: dict[str, dict[str, Any]] = {
    "A": {"data": {"source": "mnist"}, "split": {"validation": 5000, "seed": 0}},
    "B": {"data": {"source": "fashion-mnist", "drop_duplicates": "exact", "pad": 32}, "split": {"validation": 0.2}},
}


def measure(bench: Bench) -> None:
    """Both jobs, in both tools."""
    for name in DATA:
        study, settings = _study(bench, name), fashion_settings(bench) if name == "B" else []
        bench.kept.once(f"accuracy-{name}-ours", partial(_ours, bench, name, study, settings))
        bench.kept.once(f"accuracy-{name}-keras", partial(_theirs, bench, name, study, settings))


def table(bench: Bench) -> list[list[str]]:
    """Rows: job, epochs and seeds, accuracy of ours and of Keras, their difference."""
    rows = []
    for name in DATA:
        ours, theirs = (bench.kept.find(f"accuracy-{name}-{tool}") for tool in ("ours", "keras"))
        if ours and theirs:
            training = f"{bench.size.accuracy_epochs} epochs, {bench.size.seeds} seeds"
            cells = [words(ours["test"]), words(theirs["test"]), difference(ours["test"], theirs["test"])]
            rows.append([name, training, *cells])
    return rows


def words(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def difference(ours: list[float], theirs: list[float]) -> str:
    """Of the means, with Welch's 95 % interval over seeds."""
    from scipy.stats import ttest_ind

    interval = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    between = statistics.mean(ours) - statistics.mean(theirs)
    return f"{between:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def _study(bench: Bench, name: str) -> Path:
    train = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": BATCH, "epochs": bench.size.accuracy_epochs}
    model = {"layers": list(JOBS[name].layers), "train": {**train, "measure": "loss"}}
    parts = {**DATA[name], "seeds": bench.size.seeds, "models": {name: model}, "open_test": "all"}
    return write_study(bench, f"accuracy-{name}", **parts)


def _ours(bench: Bench, name: str, study: Path, settings: list[str]) -> dict[str, Any]:
    run = run_study(bench, study, f"accuracy-{name}-run", settings)
    scores = {role: run.accuracies(name, role) for role in ("validation", "test")}
    return {**scores, "training_seconds": run.training_seconds, "whole_seconds": run.seconds}


def _theirs(bench: Bench, name: str, study: Path, settings: list[str]) -> dict[str, Any]:
    images = export(bench, study, f"accuracy-{name}-pictures", settings)
    order = {"job": name, "pictures": str(images), "epochs": bench.size.accuracy_epochs, "seeds": bench.size.seeds}
    path = bench.work / f"accuracy-{name}-order.json"
    path.write_text(json.dumps(order), "utf-8")
    return call(bench.keras, "keras_accuracy.py", str(path))
