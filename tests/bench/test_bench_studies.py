"""Protects what the bench reads from runs: how much was trained, on which rows, how well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import studies
from bench_cases import bench_of

import snellen

SECTIONS: dict[str, Any] = {
    "split": {"test": 200, "validation": 200, "seed": 0},
    "models": {"dense": {"layers": ["flatten"]}},
}
TRAIN = {"epochs": 2, "batch_size": 32}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> studies.Run:
    """Digits: 1,797 rows, 200 for the test, 2 folds x 2 seeds."""
    folder = tmp_path_factory.mktemp("bench") / "run"
    study = snellen.Study("digits", data="digits", **SECTIONS, train=TRAIN, folds=2, seeds=2, open_test=[])
    study.run(out=folder, device="cpu", threads=1, progress=False)
    return studies.Run(folder, 1.0)


def test_work_counts_every_network(run: studies.Run) -> None:
    """Two networks on 1,397 rows, and two in each fold: 1,597 rows, one part of 799 or 798 held out, of the others an
    eighth (200 / 1,597) for validation."""
    planned = run.json("plan.json")["models"]["dense"]
    rows = [1397, 1397, *(fold["num_train"] for fold in planned["folds"])]
    steps = sum(2 * -(-count // 32) for count in rows)
    held_out = sum(fold["num_train"] + fold["num_held_out"] for fold in planned["folds"])
    assert run.work("dense") == studies.Work(6, steps, 2 * (2 * 200 + 4 * 1597 - held_out))


def test_accuracies_of_every_seed(run: studies.Run) -> None:
    found, scores = run.accuracies("dense", "validation"), snellen.Run(run.folder)
    assert len(found) == 2 and found[0] == pytest.approx(scores.history("dense")["validation_accuracy"].max(), abs=0.05)
    assert run.accuracies("dense", "test") == []


def test_training_lasts_from_the_plan_to_the_last_network(run: studies.Run) -> None:
    assert 0 <= run.training_seconds < 120


def test_another_tool_gets_the_rows_of_the_study(tmp_path: Path, run: studies.Run) -> None:
    bench = bench_of(tmp_path)
    path = studies.write_study(bench, "digits", data="digits", **SECTIONS, train=TRAIN)
    folder = studies.export(bench, path, "pictures")
    predictions = snellen.Run(run.folder).predictions("dense", "validation")
    assert predictions is not None and predictions.labels is not None
    assert np.array_equal(np.load(folder / "validation_labels.npy"), predictions.labels)
    assert np.load(folder / "train_images.npy").shape == (1397, 8, 8, 1)


def test_fewer_images_are_drawn_once(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    path = studies.smaller(bench, "digits", 50)
    assert path == studies.smaller(bench, "digits", 50) and np.load(path)["x_train"].shape == (50, 8, 8, 1)
