"""Floors among the scores: fitted to training rows, chosen by nothing, and never a candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import COVERS, score, table

ROLES = ("validation", "calibration", "test")
"""The roles on which floors are scored; how well one knows its training pictures says nothing of a model."""


def baseline_key(name: str) -> str:
    """What a floor is called where models are too: no model may have a colon in its name."""
    return f"floor: {name}"


def ranked_floors(record: RunRecord) -> list[str]:
    """The floors that ended well, best first by validation accuracy; of equals the one that was fitted first."""
    accuracies = {name: result.validation_accuracy for name, result in record.floor_results.items()}
    known = {name: accuracy for name, accuracy in accuracies.items() if accuracy is not None}
    return sorted(known, key=lambda name: -known[name])


def opened_floors(record: RunRecord) -> list[str]:
    """The floors whose test predictions were compared with the labels: those of a study that opens it for all."""
    ranked = ranked_floors(record) if record.study.open_test == "all" else []
    return [name for name in ranked if record.floors[name].job.predictions_path("test").exists()]


def floor_rows(record: RunRecord) -> Iterator[dict[str, Any]]:
    """The scores of all floors, as rows of scores.parquet. Nothing was chosen on any of these images."""
    opened = opened_floors(record)
    for name in ranked_floors(record):
        folder = record.floors[name]
        for role in ROLES:
            predictions = folder.job.read_predictions(role) if role != "test" or name in opened else None
            scores = score(predictions, record.classes) if predictions else []
            for row in table(baseline_key(name), folder.path.name, role, scores, "floor"):
                yield row | {"covers": COVERS["test"]}
