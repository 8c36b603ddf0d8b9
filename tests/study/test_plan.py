"""Protects the plan and its price: every job once, errors that name the model, numbers that cost nothing to get."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from runs import blobs
from training_cases import lane

import snellen
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import split_data
from snellen.errors import ShapeError
from snellen.study.document import from_values
from snellen.study.plan import Plan, PlannedModel, plan
from snellen.train.loop import Training
from snellen.train.strategy.estimate import estimate_cost

DATASET = snellen.from_arrays(*blobs(120), pixel_range=(0, 255))
SPLIT = Split(test=30, validation=30)


def planned(models: dict[str, Any], **sections: Any) -> Plan:
    study = from_values({"study": "s", "data": "memory:x", "models": models, **sections}).study()
    folds = (study.folds.count, study.folds.repeats) if study.folds else None
    return plan(study, split_data(DATASET, SPLIT, folds))


def test_the_same_job_under_two_names_is_trained_once() -> None:
    linear = {"layers": ["flatten"], "train": {"epochs": 3}}
    found = planned({"a": linear, "b": {"layers": "linear"}, "c": linear}, train={"epochs": 3})
    assert len(found.lanes) == 1 and list(found.models) == ["a", "b", "c"]
    assert {planned.job for planned in found.models.values()} == {found.lanes[0].ids[0]}
    (lane,) = planned({"a": linear, "b": {"layers": "linear", "train": {"epochs": 2}}}).lanes
    assert [job.stop.epochs for job in lane.jobs] == [3, 2], "one trajectory serves both"
    assert len(planned({"a": linear, "b": {"layers": "linear", "train": {"learning_rate": 0.1}}}).lanes) == 2


def test_lanes_hold_the_rows_of_their_roles() -> None:
    (lane,) = planned({"a": {"layers": "linear"}}).lanes
    assert set(lane.rows) == {"train", "validation"}, "test rows are nobody's business"
    for role, rows in lane.rows.items():
        np.testing.assert_array_equal(rows, split_data(DATASET, SPLIT).roles.rows[role])


def test_only_a_schedule_that_needs_them_ties_the_trajectory_to_the_epochs() -> None:
    """So that a longer run may go on from a shorter one, where that is the same."""

    def trajectory(schedule: str, epochs: int) -> Any:
        train = {"schedule": schedule, "epochs": epochs}
        (lane,) = planned({"a": {"layers": "linear", "train": train}}).lanes
        return lane.trajectory

    assert trajectory("constant", 3) == trajectory("constant", 5)
    assert trajectory("cosine", 3) != trajectory("cosine", 5)


def test_a_network_that_does_not_fit_names_model_and_layer() -> None:
    with pytest.raises(ShapeError, match=r"^model big: layer conv_1: .*7x7 window; found images of 6x6"):
        planned({"a": {"layers": "linear"}, "big": {"layers": [{"conv": {"filters": 2, "kernel": 7}}]}})


def test_an_estimate_is_positive_and_grows() -> None:
    small, long = estimate_cost([lane()], "cpu", 1), estimate_cost([lane(epochs=400)], "cpu", 1)
    assert small.seconds > 0 and small.memory_bytes > 4 * small.parameters > 0
    assert (small.steps_per_epoch, small.epochs, small.parameters) == (4, 4, 36 * 8 + 8 + 8 * 3 + 3)
    assert long.seconds > 10 * small.seconds
    wide = estimate_cost([lane(layers=["flatten", {"dense": 2_000}])], "cpu", 1)
    assert wide.memory_bytes > 10 * small.memory_bytes


def test_an_estimate_trains_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def forbidden(*_: Any) -> Any:
        raise AssertionError("an epoch was trained")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Training, "epoch", forbidden)
    estimate_cost([lane()], "cpu", 1)
    assert list(tmp_path.iterdir()) == []


def test_phases_begin_from_the_weights_of_the_one_before() -> None:
    """A matched control shares the first phase: it is trained once for both."""
    first = {"epochs": 2}
    found = planned(
        {
            "with": {"layers": "linear", "train": [first, {"epochs": 3, "optimizer": "sgd"}]},
            "without": {"layers": "linear", "train": [first, {"epochs": 3}]},
        }
    )
    assert [len(stage) for stage in found.stages] == [1, 2]
    (begun,) = found.stages[0]
    for later, model in zip(found.stages[1], ("with", "without")):
        assert later.trajectory.start == begun.jobs[0] and later.trajectory.phase == 1
        assert found.models[model].phases == (begun.ids[0], later.ids[0])
    assert found.labels[begun.ids[0]] == "with, phase 1"


def test_seeds_and_folds_are_jobs_of_their_own() -> None:
    found = planned({"a": {"layers": "linear"}}, seed=3, seeds=2, folds={"count": 3, "repeats": 2})
    model = found.models["a"]
    assert list(model.seeds) == [3, 4] and model.job == model.seeds[3]
    assert [(each.repeat, each.fold, each.seed) for each in model.folds[:3]] == [(1, 1, 3), (1, 1, 4), (1, 2, 3)]
    assert len(found.labels) == len(found.lanes) == 2 + 3 * 2 * 2
    assert found.labels[model.folds[-1].job] == "a, fold 3 of repeat 2, seed 4"
    for each in model.folds:
        (own,) = (lane for lane in found.lanes if lane.ids == (each.job,))
        assert (len(own.rows["train"]), len(own.rows["held_out"])) == (each.num_train, each.num_held_out)
    assert TypeAdapter(PlannedModel).validate_json(json.dumps(asdict(model)), strict=True) == model
