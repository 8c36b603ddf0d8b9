"""The 18 combinations of `fashion-lenet-transfer`: our halving against KerasTuner's Hyperband, each once, whole.

Same space, images and split. Both choices are then trained again and scored by the same study with the same seeds.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable
from typing import Any

from context import Bench
from jobs import BATCH, lenet
from ratios import Line, once
from studies import FASHION, export, fashion_settings, run_study, write_study
from tools import call

MODEL = "lenet-5"
SPACE = {"first_units": [128, 256], "second_units": [32, 64, 128], "learning_rate": [1e-2, 1e-3, 1e-4]}
PLACES = dict(zip(("layers.5.dense.units", "layers.6.dense.units", "train.learning_rate"), SPACE))
"""What the study calls them."""
TARGET, FACTOR = 8, 3
OURS, THEIRS = "ours", "keras-tuner"


def measure(bench: Bench) -> None:
    """Both searches, and what became of their choices."""
    found = {OURS: bench.kept.once("search-ours", lambda: _ours(bench))}
    found[THEIRS] = bench.kept.once("search-keras", lambda: _theirs(bench))
    choices = {name: each["choice"] for name, each in found.items()}
    bench.kept.once("search-choices", lambda: _retrained(bench, choices))


def lines(bench: Bench) -> Iterable[Line]:
    """One line."""
    ours, theirs, choices = (bench.kept.find(f"search-{name}") for name in ("ours", "keras", "choices"))
    if ours and theirs and choices:
        yield Line(
            what="search of 18 recipes",
            ours=_words(ours),
            theirs=_words(theirs),
            ratio=once(theirs["search_seconds"], ours["search_seconds"]),
            target=TARGET,
            accuracy=f"{_scores(choices[OURS])}; Keras's choice {_scores(choices[THEIRS])}",
            how=ours["how"],
        )


def _ours(bench: Bench) -> dict[str, Any]:
    """The shipped study, restricted to its search. search_seconds: without reading the data and the report."""
    settings = [*_settings(bench), "folds=null", "seeds=1"]
    run = run_study(bench, FASHION, "search-run", settings)
    searched = run.json(f"search/{MODEL}.json")
    trials, winner = searched["outcome"]["trials"], searched["outcome"]["winner"]
    assignment = next(trial["assignment"] for trial in trials if trial["number"] == winner)
    return {
        "whole_seconds": run.seconds,
        "search_seconds": searched["rounds"][-1]["seconds"],
        "epochs": sum(trial["epoch"] for trial in trials),
        "trials": len(trials),
        "how": run.how,
        "choice": {PLACES[place]: value for place, value in assignment.items()},
        "score": max(trial["score"] for trial in trials if trial["number"] == winner),
    }


def _theirs(bench: Bench) -> dict[str, Any]:
    """search_seconds: of `tuner.search`, without imports and images."""
    images = export(bench, FASHION, "search-pictures", _settings(bench))
    order = {"pictures": str(images), "folder": str(bench.work / "tuner"), "space": SPACE}
    path = bench.work / "search-order.json"
    path.write_text(json.dumps({**order, "max_epochs": bench.size.search_epochs, "factor": FACTOR, "seed": 0}), "utf-8")
    began = time.perf_counter()
    found = call(bench.keras, "keras_search.py", str(path))
    return {**found, "whole_seconds": time.perf_counter() - began}


def _settings(bench: Bench) -> list[str]:
    return [*fashion_settings(bench), f"models.{MODEL}.train.epochs={bench.size.search_epochs}"]


def _retrained(bench: Bench, choices: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Accuracy of every seed on validation and test, by name of the choice."""
    models = {name: _model(choice, bench.size.search_epochs) for name, choice in choices.items()}
    split, data = {"validation": 0.2, "seed": 42}, {"source": "fashion-mnist", "drop_duplicates": "exact", "pad": 32}
    parts = {"data": data, "split": split, "seeds": bench.size.seeds, "models": models, "open_test": "all"}
    run = run_study(bench, write_study(bench, "choices", **parts), "choices-run", fashion_settings(bench))
    return {name: {role: run.accuracies(name, role) for role in ("validation", "test")} for name in models}


def _model(choice: dict[str, Any], epochs: int) -> dict[str, Any]:
    train = {"optimizer": "adam", "learning_rate": choice["learning_rate"], "batch_size": BATCH, "measure": "accuracy"}
    return {"layers": lenet(choice["first_units"], choice["second_units"]), "train": {**train, "epochs": epochs}}


def _words(found: dict[str, Any]) -> str:
    choice = " / ".join(f"{value:g}" for value in found["choice"].values())
    return f"{found['search_seconds']:.0f} s, {found['epochs']} epochs, chose {choice}"


def _scores(accuracies: dict[str, list[float]]) -> str:
    validation, test = (statistics.mean(accuracies[role]) for role in ("validation", "test"))
    return f"validation {validation:.4f}, test {test:.4f}"
