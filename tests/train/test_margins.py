"""Protects the margins of training rows: their definition, that recording changes no weight, that rows which only pad
do not count, that jobs of one lane have their own epochs, and that a checkpoint keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import blobs
from training_cases import TRAIN_ROWS, VALIDATION_ROWS, job, lane, material, start

import snellen
from snellen.errors import IdentityError
from snellen.train import step, step_runner
from snellen.train.executors.worker_messages import received_context, share_context
from snellen.train.lane import Lane
from snellen.train.loop import train
from snellen.train.margins import Margins, margins_of
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.run_context import RunContext
from snellen.train.snapshot import Snapshot
from snellen.train.store_results import margins_of_job
from snellen.train.watcher import Silent


def trained(folder: Path, *lanes: Lane, margins: bool = True, until: int | None = None) -> Snapshot:
    kept = Checkpoint(folder, [lane.ids for lane in lanes], interval_seconds=0)
    begun = kept.load("cpu") or start(*lanes)
    return train(lanes, material(), begun, kept, Silent(), until, margins=margins)


def margins(snapshot: Snapshot, one: Lane, place: int = 0, number: int = 0) -> Margins:
    found = margins_of_job(one, snapshot.lanes[place].kept[number])
    assert found is not None
    return found


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[int, int], list[float]]]:
    """(lane, row) -> the margins that each step shows, computed one by one."""
    seen: dict[tuple[int, int], list[float]] = {}
    real = step.training_step

    def watched(*arguments: Any) -> Any:
        outcome, inputs = real(*arguments), arguments[2]
        for number, rows in enumerate(inputs.rows.tolist()):
            for place, row in enumerate(rows):
                if inputs.sample_weight is None or inputs.sample_weight[number, place] > 0:
                    logits = outcome.logits[number, place].tolist()
                    own = logits.pop(int(inputs.labels[number, place]))
                    seen.setdefault((number, row), []).append(own - max(logits))
        return outcome

    monkeypatch.setattr(step_runner, "training_step", watched)
    yield seen


def test_a_margin_is_the_logit_of_the_label_minus_the_largest_other_one() -> None:
    logits = torch.tensor([[[1.0, 5.0, 2.0], [1.0, 5.0, 2.0], [3.0, 3.0, 0.0]]])
    assert margins_of(logits, torch.tensor([[1, 0, 0]])).tolist() == [[3.0, -4.0, 0.0]]


def test_they_are_means_over_the_epochs_of_what_the_steps_show(tmp_path: Path, by_hand: Any) -> None:
    one = lane(augment=[{"shift": 0.1}])
    found = margins(trained(tmp_path, one), one)
    assert found.rows.tolist() == TRAIN_ROWS.tolist() and found.epochs == 4
    assert {len(each) for each in by_hand.values()} == {4}
    expected = [np.mean(by_hand[0, row]) for row in TRAIN_ROWS.tolist()]
    assert found.values == pytest.approx(np.array(expected), rel=1e-5, abs=1e-6)


def test_rows_that_only_pad_do_not_count(tmp_path: Path, by_hand: Any) -> None:
    """Lanes with different numbers of rows and seeds: the last batch of the shorter one is filled."""
    lanes = [
        Lane((job(seed=seed),), {"train": rows, "validation": VALIDATION_ROWS})
        for seed, rows in enumerate((TRAIN_ROWS, TRAIN_ROWS[3:]))
    ]
    snapshot = trained(tmp_path, *lanes)
    for place, one in enumerate(lanes):
        expected = [np.mean(by_hand[place, row]) for row in one.rows["train"].tolist()]
        assert margins(snapshot, one, place).values == pytest.approx(np.array(expected), rel=1e-5, abs=1e-6)


def test_recording_changes_no_bit_of_the_weights(tmp_path: Path) -> None:
    one = lane()
    with_margins, without = (trained(tmp_path / str(each), one, margins=each) for each in (True, False))
    assert torch.equal(with_margins.lanes[0].kept[0].theta, without.lanes[0].kept[0].theta)
    assert without.lanes[0].kept[0].margins is None


def test_each_job_of_a_lane_has_its_own_epochs(tmp_path: Path) -> None:
    both = Lane((job(epochs=2), job(epochs=4)), lane().rows)
    snapshot = trained(tmp_path / "both", both)
    for number, epochs in enumerate((2, 4)):
        alone = lane(epochs=epochs)
        own = margins(snapshot, both, 0, number)
        assert own.epochs == epochs
        assert own.values.tolist() == margins(trained(tmp_path / str(epochs), alone), alone).values.tolist()


def test_an_interruption_changes_nothing(tmp_path: Path) -> None:
    one = lane()
    whole = margins(trained(tmp_path / "whole", one), one)
    trained(tmp_path / "parts", one, until=2)
    assert margins(trained(tmp_path / "parts", one), one).values.tolist() == whole.values.tolist()


def test_epochs_that_were_trained_without_leave_none(tmp_path: Path) -> None:
    """A mean over some of the epochs would be another number under the same name."""
    one = lane()
    trained(tmp_path, one, margins=False, until=2)
    assert margins_of_job(one, trained(tmp_path, one).lanes[0].kept[0]) is None


def test_a_file_of_another_job_or_kind_is_refused(tmp_path: Path) -> None:
    stored = Margins(np.arange(3), np.array([1, -2, 0.5], np.float32), 4)
    stored.save(tmp_path / "margins.safetensors", "a")
    again = Margins.load(tmp_path / "margins.safetensors", "a")
    assert again.values.tolist() == [1, -2, 0.5] and again.epochs == 4
    with pytest.raises(IdentityError, match="another job"):
        Margins.load(tmp_path / "margins.safetensors", "b")
    Margins(np.array([2, 1, 0]), stored.values, 4).save(tmp_path / "bad.safetensors", "a")
    with pytest.raises(IdentityError, match="ascending"):
        Margins.load(tmp_path / "bad.safetensors", "a")


def test_workers_are_told_to_record_them(tmp_path: Path) -> None:
    data = snellen.from_arrays(*blobs(90), pixel_range=(0, 255))
    for wanted in (True, False):
        context = RunContext(tmp_path / "run", data, material(), {"threads": 1}, margins=wanted)
        assert received_context(share_context(context, tmp_path / "shared")).margins is wanted
