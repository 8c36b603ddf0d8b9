"""Protects training: it learns, every row once an epoch in an order of its own, the kept epoch is the best, and a loss
that is no number ends it with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from training_cases import STEPS, TRAIN_ROWS, VALIDATION_ROWS, checkpoint, lane, material, start, train, training

from snellen.models.keys import Key
from snellen.train import step_runner
from snellen.train.batches import ResidentData
from snellen.train.epoch_results import Validation
from snellen.train.kept_epoch import EarlyStopping, Kept
from snellen.train.lane import Lane
from snellen.train.loop import Training
from snellen.train.loop import train as train_pack
from snellen.train.snapshot import EpochRecord, Snapshot
from snellen.train.step import StepInputs, training_step
from snellen.train.watcher import Silent


def trained(folder: Path, **changes: Any) -> Snapshot:
    return train(lane(**changes), folder=folder)


def history(snapshot: Snapshot) -> tuple[EpochRecord, ...]:
    """Of the only lane."""
    (progress,) = snapshot.lanes
    return progress.history


def kept(snapshot: Snapshot) -> Kept:
    """By the only job of the only lane."""
    ((only,),) = (progress.kept for progress in snapshot.lanes)
    return only


def failure(snapshot: Snapshot) -> str:
    """Of the only lane, which has left."""
    assert snapshot.alive == ()
    return str(snapshot.lanes[0].failure)


def test_it_learns_digits(tmp_path: Path) -> None:
    """Better than the nearest class mean, on the handwriting of people it has not seen."""
    digits = load_digits()
    images = ResidentData(torch.from_numpy(digits.images[..., None].astype(np.uint8)), torch.from_numpy(digits.target))
    changes: dict[str, Any] = {"input_shape": (8, 8, 1), "classes": 10, "pixel_range": (0, 16), "epochs": 10}
    jobs = lane(layers=["flatten", {"dense": {"units": 32, "activation": "relu"}}], **changes).jobs
    rows = {"train": np.arange(1_400), "validation": np.arange(1_400, 1_797)}
    snapshot = train(Lane(jobs, rows), folder=tmp_path, images=images)
    means = [digits.data[:1_400][digits.target[:1_400] == label].mean(0) for label in range(10)]
    floor = KNeighborsClassifier(1).fit(means, range(10)).score(digits.data[1_400:], digits.target[1_400:])
    assert history(snapshot)[-1]["validation_accuracy"] > floor + 0.02
    assert [record["loss"] for record in history(snapshot)] == sorted(
        (r["loss"] for r in history(snapshot)), reverse=True
    )


def batches_of(whole: Training, epoch: int) -> list[torch.Tensor]:
    batches = whole.batches._rows(tuple(range(len(whole.lanes))), epoch)
    assert all(weights is None for _, weights in batches)
    return [rows for rows, _ in batches]


def test_every_row_once_an_epoch_in_a_new_order() -> None:
    whole = training(lane())
    epochs = [batches_of(whole, epoch) for epoch in range(3)]
    for batches in epochs:
        assert [batch.shape for batch in batches] == [(1, 16)] * 3 + [(1, 12)]
        np.testing.assert_array_equal(torch.cat(batches, 1).sort().values[0], TRAIN_ROWS)
    orders = [tuple(torch.cat(batches, 1)[0].tolist()) for batches in epochs]
    orders.append(tuple(torch.cat(batches_of(training(lane(seed=1)), 0), 1)[0].tolist()))
    assert len(set(orders)) == 4
    assert orders[0] == tuple(torch.cat(batches_of(whole, 0), 1)[0].tolist())


def test_every_step_has_an_address_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that dropout never drops the same again, and a resumed epoch drops what it would have dropped."""
    keys: list[Key] = []

    def noting(rule: Any, state: Any, inputs: StepInputs, workspace: Any) -> Any:
        assert isinstance(inputs.key, Key)
        keys.append(inputs.key)
        return training_step(rule, state, inputs, workspace)

    monkeypatch.setattr(step_runner, "training_step", noting)
    trained(tmp_path)
    assert [key.path for key in keys] == [("step", number) for number in range(4 * STEPS)]


def test_rows_outside_the_lane_are_never_seen(tmp_path: Path) -> None:
    """Other rows may hold anything: the weights stay the same."""
    poisoned = material()
    own = Lane(lane().jobs, {"train": TRAIN_ROWS[:30], "validation": VALIDATION_ROWS[:10]})
    poisoned.images[30:60], poisoned.images[70:] = 255, 0
    poisoned.labels[30:60], poisoned.labels[70:] = -1, -1
    clean, dirty = (
        train(own, folder=tmp_path / name, images=images) for name, images in (("a", material()), ("b", poisoned))
    )
    torch.testing.assert_close(kept(clean).theta, kept(dirty).theta, rtol=0, atol=0)


def test_the_history_tells_what_happened(tmp_path: Path) -> None:
    snapshot = trained(tmp_path, schedule={"cosine": {"warmup_epochs": 1}}, total_epochs=4)
    assert [record["epoch"] for record in history(snapshot)] == [1, 2, 3, 4]
    last_steps = [record["learning_rate"] for record in history(snapshot)]
    progress = [(STEPS * epoch - 1 - STEPS) / (3 * STEPS) for epoch in (2, 3, 4)]
    assert last_steps == pytest.approx([0.01, *(0.005 * (1 + np.cos(np.pi * share)) for share in progress)])
    for record in history(snapshot):
        assert 0 <= record["accuracy"] <= 1 and record["loss"] > 0 and record["seconds"] >= 0
        assert (record["accuracy"] * 60) == pytest.approx(round(record["accuracy"] * 60))


def test_running_means_are_over_rows(tmp_path: Path) -> None:
    """With a rate too small to move anything and no dropout they are the scores of the initial weights."""
    snapshot = trained(tmp_path, learning_rate=1e-12, layers=["flatten"], epochs=1)
    whole, begun = training(lane(layers=["flatten"])), start(lane(layers=["flatten"]))
    x = material().images[TRAIN_ROWS].double() / 255
    views = {name: value.double() for name, value in whole.layout.views(begun.theta).items()}
    logits = whole.lanes[0].trajectory.network.apply(views, {}, x[None], "evaluate")[0][0]
    labels = material().labels[TRAIN_ROWS]
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert history(snapshot)[0]["loss"] == pytest.approx(expected, rel=1e-5)
    assert history(snapshot)[0]["accuracy"] == pytest.approx((logits.argmax(1) == labels).double().mean().item())


def with_validation(monkeypatch: pytest.MonkeyPatch, values: Sequence[tuple[float, float]]) -> None:
    """Makes the epochs have these validation losses and accuracies."""
    following = iter(values)
    monkeypatch.setattr(Validation, "scores", lambda *_: next(following))


@pytest.mark.parametrize(
    ("measure", "values", "patience", "kept_epoch", "epochs"),
    [
        ("loss", [(3.0, 0.1), (1.0, 0.1), (2.0, 0.9), (1.0, 0.1)], None, 2, 4),
        ("accuracy", [(3.0, 0.1), (1.0, 0.1), (2.0, 0.9), (1.0, 0.1)], None, 3, 4),
        ("loss", [(1.0, 0.1), (2.0, 0.1), (0.1, 0.9)], 1, 1, 2),
    ],
)
def test_the_kept_weights_are_those_of_the_best_epoch(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    measure: str,
    values: list,
    patience: int | None,
    kept_epoch: int,
    epochs: int,
) -> None:
    best = trained(tmp_path / "whole", epochs=kept_epoch, layers=["flatten", "batch_norm"])
    with_validation(monkeypatch, values)
    snapshot = trained(tmp_path, measure=measure, patience=patience, layers=["flatten", "batch_norm"])
    chosen = kept(snapshot)
    assert (chosen.stopping.best_epoch, snapshot.epoch) == (kept_epoch, epochs)
    torch.testing.assert_close(chosen.theta, kept(best).theta, rtol=0, atol=0)
    for name, value in kept(best).state.items():
        torch.testing.assert_close(chosen.state[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """At the second step of the second epoch: the message names step, rate and last good epoch; that epoch is saved."""

    def breaking(rule: Any, state: Any, inputs: StepInputs, workspace: Any) -> Any:
        outcome = training_step(rule, state, inputs, workspace)
        if inputs.step == STEPS + 2:
            outcome.targets[0, 3] = value
        return outcome

    monkeypatch.setattr(step_runner, "training_step", breaking)
    message = (
        rf"^the loss became {value:g} at step 6 \(epoch 2\) with learning rate 0\.01; the last good epoch is 1\. Try"
    )
    broken = trained(tmp_path)
    assert re.match(message, failure(broken)) and len(history(broken)) == 1
    torch.testing.assert_close(kept(broken).theta, kept(trained(tmp_path / "one", epochs=1)).theta, rtol=0, atol=0)


def test_weights_that_break_at_the_last_step_of_an_epoch(tmp_path: Path) -> None:
    """One step an epoch: its loss is of the weights before, so only validation can see what the step did."""
    message = r"the validation loss became nan at step 1 \(epoch 1\).*the last good epoch is 0"
    assert re.match(message, failure(trained(tmp_path, batch_size=60, learning_rate=1e38, optimizer="sgd")))


def test_a_real_divergence(tmp_path: Path) -> None:
    deep = ["flatten", *[{"dense": 32}] * 4]
    broken = trained(tmp_path, layers=deep, learning_rate=1000.0, optimizer="sgd")
    assert "with learning rate 1000; the last good epoch is 0" in failure(broken)
    assert checkpoint(tmp_path).load("cpu") is None and history(broken) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"optimizer": {"sgd": {"momentum": 0.9}}},
        {"optimizer": {"rmsprop": {"momentum": 0.5}}},
        {"schedule": {"reduce_on_plateau": {"patience": 1, "min_delta": 1, "factor": 0.5}}},
    ],
    ids=str,
)
def test_a_longer_run_goes_on_where_a_shorter_one_stopped(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Epochs from a snapshot are the same as in one go: nothing is remembered outside it."""
    changes = {**changes, "layers": ["flatten", {"dense": 8}, "batch_norm", {"dropout": 0.3}]}
    whole = trained(tmp_path / "whole", **changes)
    part = checkpoint(tmp_path / "parts")
    own = lane(**changes)
    part.save(train_pack((own,), material(), start(own), part, Silent(), until=2))
    assert part.epoch == 2
    resumed = trained(tmp_path / "parts", **changes)
    assert len(history(resumed)) == 4 and kept(resumed).stopping == kept(whole).stopping
    torch.testing.assert_close(kept(resumed).theta, kept(whole).theta, rtol=0, atol=0)


def test_weight_decay_shrinks_weights_that_no_gradient_moves(tmp_path: Path) -> None:
    """Four steps of lr 0.5 * decay 0.1 on top of sgd with an all-black image: only the bias has a gradient."""
    black = ResidentData(torch.zeros_like(material().images), material().labels)
    decayed = lane(layers=["flatten"], optimizer="sgd", learning_rate=0.5, weight_decay=0.1, epochs=1)
    trained_on = kept(train(decayed, folder=tmp_path, images=black))
    begun, kernel = start(decayed, images=black), slice(0, 36 * 3)
    torch.testing.assert_close(trained_on.theta[:, kernel], begun.theta[:, kernel] * 0.95**STEPS)


def test_the_start_is_the_start(tmp_path: Path) -> None:
    begun = start(lane())
    assert kept(begun).stopping == EarlyStopping() and history(begun) == () and begun.epoch == 0
    assert torch.equal(begun.theta, kept(begun).theta)
