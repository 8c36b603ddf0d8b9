"""Protects augmentation in the engine: only training sees it, lanes train as they do alone, samples are what was
trained on, and images of characters are not mirrored unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_cases import STEPS, TRAIN_ROWS, VALIDATION_ROWS, checkpoint, lane, material, start, train, training

from snellen.train import batches, loop, step_runner
from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.samples import augmented_samples
from snellen.train.step import StepInputs, training_step
from snellen.train.watcher import Silent

AUGMENT = [{"shift": 0.3}, "flip", {"crop": 1}, {"brightness": 0.2}, {"contrast": 0.4}, {"cutout": 2}, {"mixup": 0.5}]
CHANGES: dict[str, Any] = {"layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}], "augment": AUGMENT}


def test_training_sees_it_and_validation_does_not(tmp_path: Path) -> None:
    """With a rate too small to move anything, the validation loss is that without augmentation."""
    still = {"learning_rate": 1e-12, "epochs": 2}
    plain = train(lane(**{**CHANGES, "augment": []}, **still), folder=tmp_path / "plain").lanes[0].history
    augmented = train(lane(**CHANGES, **still), folder=tmp_path / "augmented").lanes[0].history
    for one, other in zip(plain, augmented):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], abs=1e-6)
        assert one["loss"] != pytest.approx(other["loss"], abs=1e-4)


def test_lanes_of_a_pack_train_as_they_do_alone(tmp_path: Path) -> None:
    """Rows of their own, of other number, and another strength; in float64, three epochs."""
    weaker = [{"shift": 0.1}, *AUGMENT[1:]]
    lanes = [
        Lane(lane(**CHANGES, seed=1).jobs, {"train": TRAIN_ROWS[5:58], "validation": VALIDATION_ROWS}),
        Lane(lane(**{**CHANGES, "augment": weaker}).jobs, {"train": TRAIN_ROWS, "validation": VALIDATION_ROWS}),
    ]
    together = stepped(*lanes)
    for number, each in enumerate(lanes):
        torch.testing.assert_close(together[number], stepped(each)[0], rtol=0, atol=1e-9)


def stepped(*lanes: Lane) -> torch.Tensor:
    """(L, P) after three epochs."""
    now, own = start(*lanes), training(*lanes)
    now = replace(now, theta=now.theta.double(), slots={name: value.double() for name, value in now.slots.items()})
    for epoch in range(3):
        after = own.run_steps(replace(now, epoch=epoch), Silent()).state
        now = replace(now, theta=after.theta, state=after.layers, slots=after.slots)
    return now.theta


def test_a_resumed_training_sees_what_it_would_have_seen(tmp_path: Path) -> None:
    whole = train(lane(**CHANGES), folder=tmp_path / "whole")
    own = lane(**CHANGES)
    begun = loop.train([own], material(), start(own), checkpoint(tmp_path / "parts"), Silent(), until=2)
    resumed = loop.train([own], material(), begun, checkpoint(tmp_path / "parts"), Silent())
    assert begun.epoch == 2 and len(whole.lanes[0].history) == 4
    kept = (each.lanes[0].kept[0].theta for each in (whole, resumed))
    torch.testing.assert_close(*kept, rtol=0, atol=0)


def rows_of(batch: StepInputs) -> torch.Tensor:
    assert batch.rows is not None
    return batch.rows


def test_the_order_of_images_stays_the_same() -> None:
    """So that a control without augmentation differs in nothing else."""
    plain, augmented = (
        training(lane(augment=augment)).batches.of_epoch((0,), 1, torch.float32) for augment in ((), AUGMENT)
    )
    for one, other in zip(plain, augmented, strict=True):
        assert torch.equal(rows_of(one), rows_of(other)) and torch.equal(one.labels, other.labels)
        assert not torch.equal(one.x, other.x)


def test_a_image_depends_on_its_place_among_the_training_rows_alone() -> None:
    """Other batch sizes give the same images."""
    unmixed = AUGMENT[:-1]
    found = []
    for size in (16, 7):
        steps = list(training(lane(augment=unmixed, batch_size=size)).batches.of_epoch((0,), 2, torch.float32))
        assert len(steps) == -(-60 // size)
        found.append(torch.cat([batch.x for batch in steps], 1))
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_images_are_the_same_however_many_are_changed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partners of a mixed image too, which depend on the number of the batch."""
    found = []
    for at_once in (1, 20, 1_000):
        monkeypatch.setattr(batches, "AUGMENTED_TOGETHER", at_once)
        steps = list(training(lane(**CHANGES, batch_size=8)).batches.of_epoch((0,), 1, torch.float32))
        assert [batch.x.shape[1] for batch in steps] == [8] * 7 + [4]
        found.append(torch.cat([batch.x for batch in steps], 1))
    for other in found[1:]:
        torch.testing.assert_close(found[0], other, rtol=0, atol=0)


def test_a_image_is_changed_anew_in_every_epoch() -> None:
    by_row = []
    for epoch in (0, 1):
        steps = list(training(lane(augment=AUGMENT[:-1])).batches.of_epoch((0,), epoch, torch.float32))
        rows = torch.cat([rows_of(batch)[0] for batch in steps])
        by_row.append(torch.cat([batch.x[0] for batch in steps])[rows.argsort()])
    assert ((by_row[0] - by_row[1]).abs().amax((1, 2, 3)) > 1e-3).all()


def test_the_history_has_the_loss_that_is_minimised(tmp_path: Path) -> None:
    """Smoothed and weighted: twice the weight, twice the loss; validation stays plain."""
    still: dict[str, Any] = {"learning_rate": 1e-12, "epochs": 1, "layers": ["flatten"]}
    changed: list[dict[str, Any]] = [{}, {"class_weights": (2.0,) * 3}, {"label_smoothing": 0.3}]
    plain, heavy, smooth = (
        train(lane(**still, **changes), folder=tmp_path / str(number)).lanes[0].history[0]
        for number, changes in enumerate(changed)
    )
    assert heavy["loss"] == pytest.approx(2 * plain["loss"], rel=1e-6)
    assert smooth["loss"] != pytest.approx(plain["loss"], rel=1e-4)
    for other in (heavy, smooth):
        assert other["validation_loss"] == pytest.approx(plain["validation_loss"], rel=1e-6)
        assert other["accuracy"] == plain["accuracy"]


@pytest.mark.parametrize("batch_size", [5, 16, 60])
def test_samples_are_the_first_images_that_are_trained_on(
    batch_size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, seen = lane(**CHANGES, batch_size=batch_size), []

    def noting(rule: Any, state: Any, inputs: StepInputs, workspace: Any) -> Any:
        seen.append(inputs.x[0].clone())
        return training_step(rule, state, inputs, workspace)

    found = augmented_samples(own, material())
    monkeypatch.setattr(step_runner, "training_step", noting)
    train(own, folder=tmp_path)
    assert found is not None and len(found.rows) == 16 and set(found.rows) <= set(TRAIN_ROWS)
    assert found.augmented.dtype == found.originals.dtype == np.uint8
    np.testing.assert_array_equal(found.augmented, (torch.cat(seen)[:16] * 255).round().numpy())
    np.testing.assert_array_equal(found.originals, material().images[found.rows].numpy())
    assert (found.augmented != found.originals).any((1, 2, 3)).all()


def test_samples_of_images_with_another_range() -> None:
    images = material()
    darker = ResidentData(images.images.float() / 510 + 0.25, images.labels)
    own = lane(**{**CHANGES, "augment": [{"crop": 0}], "pixel_range": (0.25, 0.75)})
    found = augmented_samples(own, darker, count=3)
    assert found is not None and len(found.rows) == 3
    for shown in (found.originals, found.augmented):
        np.testing.assert_array_equal(shown, images.images[found.rows].numpy())


def test_no_samples_without_augmentation() -> None:
    assert augmented_samples(lane(), material()) is None


def test_there_are_as_many_steps_as_without(tmp_path: Path) -> None:
    assert len(list(training(lane(**CHANGES)).batches.of_epoch((0,), 0, torch.float32))) == STEPS
