"""Protects over-fitting from being told by anything but the losses of the last epoch beside those of the kept one: they
are stored as the history has them, survive a checkpoint, and make the finding where it is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs
import training_cases as cases

import snellen
from snellen.evaluate.record import RunRecord
from snellen.train.overfitting import Losses, losses_of, sample
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.snapshot import Snapshot, kept_arrays
from snellen.train.watcher import Silent

NOISE = np.random.default_rng(0).integers(0, 256, (200, 6, 6), dtype=np.uint8), np.arange(200) % 2
WIDE: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": 64, "activation": "relu"}}],
    "train": {"learning_rate": 0.01, "epochs": 12, "batch_size": 16},
}


def trained(folder: Path, images: tuple[np.ndarray, np.ndarray], model: dict[str, Any], **changes: Any) -> RunRecord:
    study = snellen.Study("last", data=snellen.from_arrays(*images), models={"m": model}, split={"test": 20}, **changes)
    return RunRecord.open(study.run(out=folder, device="cpu", threads=1, progress=False).folder)


def over_fitting(record: RunRecord) -> list[str]:
    return [each.sentence for each in runs.findings_of(record.folder) if each.code == "SNL115"]


def logged(record: RunRecord, job: str) -> list[float]:
    """Validation loss of each epoch, as it was logged while training."""
    return [float(each["validation_loss"] or 0.0) for each in record.folder_of(job).read_history()]


def test_a_network_that_learns_noise_by_heart_is_told(tmp_path: Path) -> None:
    record = trained(tmp_path / "run", NOISE, WIDE)
    (sentence,) = over_fitting(record)
    result, losses = record.results["m"], Losses.load(record.job("m").losses)
    history = logged(record, record.models["m"])
    assert f"after epoch {result.kept_epoch}: up to epoch 12 the validation loss rose by" in sentence
    assert result.kept_epoch < 6 and losses.last["train"].mean() < 0.8 * losses.kept["train"].mean()
    assert losses.kept["validation"].mean(dtype=np.float64) == pytest.approx(history[result.kept_epoch - 1], rel=1e-6)
    assert losses.last["validation"].mean(dtype=np.float64) == pytest.approx(history[-1], rel=1e-6)
    assert not record.job("m").changed_files(result) and "losses.safetensors" in result.sha256
    counts = record.data["roles"]["counts"]
    assert len(losses.last["train"]) == counts["train"] and len(losses.last["validation"]) == counts["validation"]


def test_a_network_that_goes_on_learning_is_not(tmp_path: Path) -> None:
    record = trained(tmp_path / "run", runs.blobs(200), {**WIDE, "train": {**WIDE["train"], "learning_rate": 0.001}})
    assert record.results["m"].kept_epoch == 12 and not record.job("m").losses.exists()
    assert not over_fitting(record)


def test_every_cell_of_a_grid_has_its_own_last_epoch(tmp_path: Path) -> None:
    """Jobs of one trajectory: each was done at another epoch; a winner of a search is judged like any network."""
    grid = {**WIDE, "train": {**WIDE["train"], "epochs": {"choice": [6, 12]}}, "search": "grid"}
    record = trained(tmp_path / "run", NOISE, grid)
    jobs = [
        job
        for trial in json.loads((record.folder / "search/m.json").read_text())["outcome"]["trials"]
        for job in trial["jobs"]
    ]
    assert len(jobs) == 2 and record.models["m"] in jobs and over_fitting(record)
    for job, epochs in zip(jobs, (6, 12), strict=True):
        last = Losses.load(record.folder_of(job).losses).last["validation"]
        assert len(logged(record, job)) == epochs
        assert last.mean(dtype=np.float64) == pytest.approx(logged(record, job)[-1], rel=1e-6)


def states(snapshot: Snapshot | None) -> list[tuple[str, bytes]]:
    assert snapshot is not None
    return [(name, value.tobytes()) for name, value in kept_arrays(snapshot).items()]


def test_the_last_weights_of_a_lane_that_has_left_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    """A pack whose first lane is done while the second trains on; the same losses after a resume."""
    hot = {"layers": ["flatten", {"dense": 8}, "batch_norm", "relu"], "learning_rate": 0.5}
    lanes = [cases.lane(**hot, epochs=5), cases.lane(**hot, epochs=7, seed=1)]
    training = cases.training(*lanes)
    snapshot = cases.start(*lanes)
    for _ in range(6):
        snapshot = training.epoch(snapshot, Silent())
    first, second = (progress.kept[0] for progress in snapshot.lanes)
    assert snapshot.alive == (1,) and first.stopping.best_epoch < 5 and first.last is not None and second.last is None
    ids = [("one",), ("other",)]
    Checkpoint(tmp_path, ids).save(snapshot)
    loaded = Checkpoint(tmp_path, ids).load("cpu")
    assert loaded is not None and states(loaded) == states(snapshot)
    assert any(name.startswith("0.0:last:state:") for name, _ in states(loaded)), "running means are part of it"
    found = [losses_of(lanes[0], kept.lanes[0].kept[0], training.data) for kept in (snapshot, loaded)]
    for role in ("train", "validation"):
        one, other = (each.last[role] for each in found if each is not None)
        assert one.tobytes() == other.tobytes() and len(one) == len(lanes[0].rows[role])
    assert losses_of(lanes[1], second, training.data) is None


def test_the_sample_keeps_every_class_and_is_small() -> None:
    labels = np.repeat([0, 1, 2], [700, 200, 100])[np.random.default_rng(0).permutation(1_000)]
    rows = np.setdiff1d(np.arange(1_000), np.arange(0, 1_000, 7))
    drawn = sample(rows, labels, 200)
    assert len(drawn) == len(np.unique(drawn)) == 200 and np.isin(drawn, rows).all() and (np.diff(drawn) > 0).all()
    shares = np.bincount(labels[rows]) / len(rows) * 200
    np.testing.assert_allclose(np.bincount(labels[drawn]), shares, atol=1)
    np.testing.assert_array_equal(sample(rows, labels, len(rows)), rows)
