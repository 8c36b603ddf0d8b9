"""Protects the choice: by the folds where there are some, else by the mean over seeds, and never by the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from runs import plant, set_in_json

from snellen.api import Run
from snellen.evaluate.model_choice import choice, ranking
from snellen.evaluate.record import RunRecord


def measured(folder: Path, model: str, accuracies: list[float]) -> None:
    """As if validation had given each seed's network this accuracy."""
    record = RunRecord.open(folder)
    for accuracy, job in zip(accuracies, record.planned[model].seeds.values(), strict=True):
        path = record.folder_of(job).path / "result.json"
        set_in_json(path, reloaded_accuracy=accuracy, reloaded_loss=0.5)


def test_the_mean_over_seeds_ranks_and_not_the_first_seed(seeds_copy: Path) -> None:
    for model, accuracies in {"plain": [0.9, 0.5, 0.5], "dropped": [0.7, 0.8, 0.7], "linear": [0.6] * 3}.items():
        measured(seeds_copy, model, accuracies)
    record = RunRecord.open(seeds_copy)
    assert choice(record).by == "seeds" and ranking(record) == ["dropped", "plain", "linear"]
    assert choice(record).measured["plain"].accuracy == pytest.approx(1.9 / 3)


def test_folds_rank_whatever_validation_says(folds_copy: Path) -> None:
    record = RunRecord.open(folds_copy)
    before = ranking(record)
    measured(folds_copy, before[1], [1.0, 1.0])
    assert ranking(RunRecord.open(folds_copy)) == before and choice(record).by == "folds"
    for fold in record.planned[before[0]].folds:
        held = record.folder_of(fold.job).read_predictions("held_out")
        assert held is not None
        plant(folds_copy, fold.job, "held_out", np.arange(len(held)) < 10)
    assert ranking(RunRecord.open(folds_copy)) == before[::-1]


def test_models_are_ranked_over_the_same_folds(folds_copy: Path) -> None:
    """A split that one model lost counts for none."""
    record = RunRecord.open(folds_copy)
    lost = record.planned["linear"].folds[0]
    record.folder_of(lost.job).predictions_path("held_out").unlink()
    by = choice(RunRecord.open(folds_copy))
    kept = [fold for fold in record.planned["plain"].folds if fold.fold != lost.fold]
    values = [record.folder_of(fold.job).read_predictions("held_out") for fold in kept]
    each = [np.mean(one.predicted == one.labels) for one in values if one is not None]
    assert by.by == "folds" and by.measured["plain"].accuracy == pytest.approx(np.mean(each))


def test_without_two_common_folds_the_seeds_choose(folds_copy: Path) -> None:
    record = RunRecord.open(folds_copy)
    for fold in record.planned["linear"].folds[:4]:
        record.folder_of(fold.job).predictions_path("held_out").unlink()
    assert choice(RunRecord.open(folds_copy)).by == "seeds"


def test_the_test_chooses_nothing(seeds_run: Run, seeds_copy: Path) -> None:
    """Test predictions that turn the order around, then none at all: the ranking stays."""
    expected = ranking(seeds_run.record)
    record = RunRecord.open(seeds_copy)
    for place, model in enumerate(expected):
        for job in record.planned[model].seeds.values():
            plant(seeds_copy, job, "test", np.arange(449) < 200 * place)
    assert ranking(RunRecord.open(seeds_copy)) == expected
    for path in seeds_copy.glob("jobs/*/predictions/test.safetensors"):
        path.unlink()
    assert ranking(RunRecord.open(seeds_copy)) == expected
