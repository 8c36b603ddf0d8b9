"""Protects what a job leaves behind: the best epoch's weights, checked after reading them back, and the same bytes when
it is done again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import blobs, edit_json
from training_cases import lane, material

import snellen
from snellen.data.dataset import SEALED
from snellen.errors import IdentityError
from snellen.files import tensors
from snellen.metrics.scores import accuracy, loss
from snellen.train import step_runner
from snellen.train.epoch_results import Validation
from snellen.train.lane import Lane
from snellen.train.results import JobFolder, Result
from snellen.train.run_context import RunContext
from snellen.train.step import StepInputs, training_step
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

ROWS = {"train": np.arange(60), "validation": np.arange(60, 90)}


def run_context(folder: Path) -> RunContext:
    return RunContext(folder, snellen.from_arrays(*blobs(90), pixel_range=(0, 255)), material(), {"threads": 1})


def performed(folder: Path, **changes: Any) -> tuple[Result, JobFolder]:
    place = run_context(folder)
    own = lane(**changes)
    train_pack([own], place, Silent())
    result = place.folder(own.ids[0]).read_result()
    assert result is not None
    return result, place.folder(own.ids[0])


def test_the_stored_weights_give_the_logged_score_to_the_bit(tmp_path: Path) -> None:
    result, folder = performed(tmp_path, epochs=6)
    history = folder.read_history()
    kept = history[result.kept_epoch - 1]
    assert (result.status, result.epochs, len(history)) == ("done", 6, 6)
    assert kept["validation_loss"] == min(record["validation_loss"] or math.inf for record in history)
    assert (result.logged_loss, result.logged_accuracy) == (kept["validation_loss"], kept["validation_accuracy"])
    assert (result.reloaded_loss, result.reloaded_accuracy) == (result.logged_loss, result.logged_accuracy)
    stored = folder.read_predictions("validation")
    assert stored is not None and stored.labels is not None
    assert loss(stored.labels, stored.probabilities) == result.logged_loss
    assert accuracy(stored.labels, stored.probabilities) == result.logged_accuracy
    np.testing.assert_array_equal(stored.rows, ROWS["validation"])


def test_the_stored_weights_are_those_of_the_kept_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation likes the second of four epochs best: its weights are stored, as if training had ended there."""
    _, two_epochs = performed(tmp_path / "two", epochs=2)
    losses = iter([3.0, 1.0, 2.0, 1.5])
    monkeypatch.setattr(Validation, "scores", lambda *_: (next(losses), 0.5))
    result, folder = performed(tmp_path / "four")
    assert (result.kept_epoch, result.epochs) == (2, 4)
    stored, expected = (tensors.load(each.weights)[0] for each in (folder, two_epochs))
    assert stored.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(stored[name], value)


def test_done_again_the_bytes_are_the_same(tmp_path: Path) -> None:
    results = [performed(tmp_path / name)[0] for name in ("a", "b")]
    assert results[0].sha256 == results[1].sha256
    assert set(results[0].sha256) == {
        "weights.safetensors",
        "predictions/train.safetensors",
        "predictions/validation.safetensors",
    }


def test_another_seed_is_another_network(tmp_path: Path) -> None:
    digests = {performed(tmp_path / str(seed), seed=seed)[0].sha256["weights.safetensors"] for seed in range(3)}
    assert len(digests) == 3


@pytest.mark.parametrize("breaks_at", [3, 9])
def test_a_failed_job_keeps_its_last_good_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    good = (breaks_at - 1) // 4
    whole = performed(tmp_path / "whole", epochs=good)[0] if good else None

    def breaking(rule: Any, state: Any, inputs: StepInputs, workspace: Any) -> Any:
        outcome = training_step(rule, state, inputs, workspace)
        if inputs.step == breaks_at:
            outcome.targets[:] = torch.nan
        return outcome

    monkeypatch.setattr(step_runner, "training_step", breaking)
    result, folder = performed(tmp_path)
    assert result.status == "failed" and f"the last good epoch is {good}" in str(result.reason)
    assert result.epochs == good == len(folder.read_history())
    assert (result.logged_loss, result.reloaded_loss) == (None, None)
    assert folder.read_predictions("validation") is None
    if whole:
        (expected,) = (JobFolder(path) for path in (tmp_path / "whole/jobs").iterdir())
        stored, kept = (tensors.load(each.weights)[0] for each in (folder, expected))
        assert result.sha256.keys() == {"weights.safetensors"} and result.kept_epoch == whole.kept_epoch
        assert all((stored[name] == value).all() for name, value in kept.items())


def on_a_gpu(*_: Any) -> Any:
    raise torch.OutOfMemoryError("no memory for 80 GiB")


def on_a_cpu(*_: Any) -> Any:
    torch.empty(2**60)


@pytest.mark.parametrize("greedy", [on_a_gpu, on_a_cpu])
def test_memory_that_runs_out_fails_the_job_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greedy: Any) -> None:
    monkeypatch.setattr(step_runner, "training_step", greedy)
    result, _ = performed(tmp_path)
    assert (result.status, result.epochs) == ("failed", 0) and "memory" in (result.reason or "")


def test_a_fault_of_ours_is_not_a_failed_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(step_runner, "training_step", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        performed(tmp_path)


def test_only_the_record_of_the_pack_stays(tmp_path: Path) -> None:
    performed(tmp_path)
    assert [path.name for path in tmp_path.glob("packs/*/*")] == ["pack.json"]


def test_sealed_labels_stay_sealed(tmp_path: Path) -> None:
    from snellen.train.store_results import predict_role

    place = run_context(tmp_path)
    place.dataset.labels[60:] = SEALED
    own = Lane(lane().jobs, {"train": ROWS["train"], "validation": ROWS["train"]})
    train_pack([own], place, Silent())
    assert place.folder(own.ids[0]).is_done()
    assert predict_role("test", ROWS["validation"], own.ids[0], place).labels is None


def test_changed_files_are_found(tmp_path: Path) -> None:
    result, folder = performed(tmp_path)
    assert folder.changed_files(result) == []
    folder.weights.write_bytes(folder.weights.read_bytes()[:-1] + b"x")
    folder.predictions_path("train").unlink()
    assert sorted(folder.changed_files(result)) == ["predictions/train.safetensors", "weights.safetensors"]


def test_a_job_in_anothers_folder_is_refused(tmp_path: Path) -> None:
    _, folder = performed(tmp_path)
    assert (folder.read_job(),) == lane().jobs
    edit_json(folder.path / "job.json", lambda value: {**value, "stop": {**value["stop"], "epochs": 5}})
    with pytest.raises(IdentityError, match=r"the values do not belong to this job; found [0-9a-f]{16}"):
        folder.read_job()


def test_predictions_of_another_job_are_refused(tmp_path: Path) -> None:
    _, one = performed(tmp_path)
    _, other = performed(tmp_path, seed=1)
    other.predictions_path("train").write_bytes(one.predictions_path("train").read_bytes())
    with pytest.raises(IdentityError, match="predictions of another job"):
        other.read_predictions("train")
