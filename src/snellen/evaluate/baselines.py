"""Scores of the baselines: simple models that are fitted to the training rows and are never candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import COVERS, score, table

KEY_PREFIX = "floor: "
ROLES = ("validation", "calibration", "test")
"""The roles on which baselines are scored; the accuracy on its training images says nothing about a model."""


def baseline_key(name: str) -> str:
    """The name of a baseline in tables that have models too; a model may not have a colon in its name.

    "floor" is what baselines are called in stored files.
    """
    return f"{KEY_PREFIX}{name}"


def ranked_baselines(record: RunRecord) -> list[str]:
    """The baselines that were fitted, best validation accuracy first; ties in the order of fitting."""
    accuracies = {name: result.validation_accuracy for name, result in record.baseline_results.items()}
    known = {name: accuracy for name, accuracy in accuracies.items() if accuracy is not None}
    return sorted(known, key=lambda name: -known[name])


def opened_baselines(record: RunRecord) -> list[str]:
    """The baselines that were evaluated on test: those of a study with `open_test: all`."""
    ranked = ranked_baselines(record) if record.study.open_test == "all" else []
    return [name for name in ranked if record.baselines[name].job.predictions_path("test").exists()]


def baseline_rows(record: RunRecord) -> Iterator[dict[str, Any]]:
    """The scores of all baselines, as rows of scores.parquet. Nothing was chosen on any of these images."""
    opened = opened_baselines(record)
    for name in ranked_baselines(record):
        folder = record.baselines[name]
        for role in ROLES:
            predictions = folder.job.read_predictions(role) if role != "test" or name in opened else None
            scores = score(predictions, record.classes) if predictions else []
            for row in table(baseline_key(name), folder.path.name, role, scores, "floor"):
                yield row | {"covers": COVERS["test"]}
