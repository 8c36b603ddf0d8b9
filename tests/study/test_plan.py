"""Protects the plan and its price: every job once, errors that name the model, numbers that cost nothing to get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import blobs
from training_cases import lane

import snellen
from snellen.data.roles import Split, assign
from snellen.errors import ShapeError
from snellen.study.document import from_values
from snellen.study.estimate import estimate
from snellen.study.plan import Plan, plan
from snellen.train.engine import Training

DATASET = snellen.from_arrays(*blobs(120), pixel_range=(0, 255))
ROLES = assign(DATASET, Split(test=30, validation=30))


def planned(models: dict[str, Any], **sections: Any) -> Plan:
    study = from_values({"study": "s", "data": "memory:x", "models": models, **sections}).study()
    return plan(study, DATASET, ROLES)


def test_the_same_job_under_two_names_is_trained_once() -> None:
    linear = {"layers": ["flatten"], "train": {"epochs": 3}}
    found = planned({"a": linear, "b": {"layers": "linear"}, "c": linear}, train={"epochs": 3})
    assert len(found.lanes) == 1 and list(found.models) == ["a", "b", "c"]
    assert set(found.models.values()) == set(found.lanes)
    assert len(planned({"a": linear, "b": {"layers": "linear", "train": {"epochs": 2}}}).lanes) == 2


def test_lanes_hold_the_rows_of_their_roles() -> None:
    (lane,) = planned({"a": {"layers": "linear"}}).lanes.values()
    np.testing.assert_array_equal(lane.train_rows, ROLES.rows["train"])
    np.testing.assert_array_equal(lane.validation_rows, ROLES.rows["validation"])


def test_only_a_schedule_that_needs_them_ties_the_trajectory_to_the_epochs() -> None:
    """So that a longer run may go on from a shorter one, where that is the same."""

    def trajectory(schedule: str, epochs: int) -> Any:
        train = {"schedule": schedule, "epochs": epochs}
        (lane,) = planned({"a": {"layers": "linear", "train": train}}).lanes.values()
        return lane.job.trajectory

    assert trajectory("constant", 3) == trajectory("constant", 5)
    assert trajectory("cosine", 3) != trajectory("cosine", 5)


def test_a_network_that_does_not_fit_names_model_and_layer() -> None:
    with pytest.raises(ShapeError, match=r"^model big: layer conv_1: .*7x7 window; found pictures of 6x6"):
        planned({"a": {"layers": "linear"}, "big": {"layers": [{"conv": {"filters": 2, "kernel": 7}}]}})


def test_an_estimate_is_positive_and_grows() -> None:
    small, long = estimate(lane(), "cpu", 1), estimate(lane(epochs=400), "cpu", 1)
    assert small.seconds > 0 and small.memory_bytes > 4 * small.parameters > 0
    assert (small.steps_an_epoch, small.epochs, small.parameters) == (4, 4, 36 * 8 + 8 + 8 * 3 + 3)
    assert long.seconds > 10 * small.seconds
    wide = estimate(lane(layers=["flatten", {"dense": 2_000}]), "cpu", 1)
    assert wide.memory_bytes > 10 * small.memory_bytes


def test_an_estimate_trains_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def forbidden(*_: Any) -> Any:
        raise AssertionError("an epoch was trained")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Training, "epoch", forbidden)
    estimate(lane(), "cpu", 1)
    assert list(tmp_path.iterdir()) == []
