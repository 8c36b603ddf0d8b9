"""Protects the identity of jobs: results are found again by it, so it must neither change by itself nor stay when the
job changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import runs
from training_cases import job

import snellen
from snellen.data.dataset import Dataset
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import split_data
from snellen.study.document import from_values
from snellen.study.plan import plan
from snellen.train.job import Job, StopRule, Trajectory

PINNED = {
    "56620510b1ea50e7": {},
    "189b662d41103ecb": {
        "layers": [
            {"conv": {"filters": 4, "kernel": 3, "padding": "same", "activation": "relu"}},
            {"skip": ["batch_norm", {"leaky_relu": 0.1}]},
            {"max_pool": 2},
            "flatten",
        ],
        "optimizer": {"rmsprop": {"momentum": 0.9}},
        "schedule": {"cosine": {"warmup_epochs": 1}},
        "total_epochs": 4,
    },
    "ab113ddc2c746d0d": {
        "optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}},
        "weight_decay": 0.1,
        "patience": 2,
        "seed": 7,
    },
}
"""Ids of jobs of runs that exist. When one changes here, those runs are trained again by everybody: a change of format,
never of refactoring."""

OTHERS: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": 9, "activation": "relu"}}, {"dropout": 0.2}],
    "input_shape": (12, 3, 1),
    "classes": 4,
    "pixel_range": (0, 254),
    "optimizer": {"adam": {"beta_1": 0.91}},
    "learning_rate": 0.02,
    "weight_decay": 0.1,
    "schedule": {"constant": {"warmup_epochs": 1}},
    "batch_size": 17,
    "seed": 1,
    "start": job(seed=5),
    "continues": "last",
    "rows": "c" * 64,
    "total_epochs": 4,
    "clip_norm": 1.0,
    "clip_parameter_norm": 1.0,
    "clip_value": 1.0,
    "label_smoothing": 0.1,
    "class_weights": (1.0, 2.0, 3.0),
    "augment": [{"shift": 0.1}],
    "followed": {"measure": "loss", "validation_rows": "d" * 64},
    "epochs": 5,
    "patience": 3,
    "measure": "accuracy",
    "validation_rows": "c" * 64,
    "keep": "last",
    "min_delta": 0.1,
    "start_from_epoch": 2,
}


@pytest.mark.parametrize(("expected", "changes"), PINNED.items())
def test_ids_are_pinned(expected: str, changes: dict[str, Any]) -> None:
    assert job(**changes).id == expected


@pytest.mark.parametrize("field", [*Trajectory.model_fields, *StopRule.model_fields])
def test_the_id_depends_on_every_field(field: str) -> None:
    needed = {"schedule": "reduce_on_plateau"} if field == "followed" else {}
    assert job(**needed, **{field: OTHERS[field]}).id != job(**needed).id


def test_what_a_schedule_follows_is_in_the_trajectory_and_in_no_other() -> None:
    """The measure and the validation rows change the weights there, and only there; patience and epochs never do."""
    stops: list[dict[str, Any]] = [
        {},
        {"measure": "accuracy"},
        {"validation_rows": "c" * 64},
        {"epochs": 9},
        {"patience": 2},
    ]
    for schedule, different in (("constant", 1), ("reduce_on_plateau", 3)):
        jobs = [job(schedule=schedule, **stop) for stop in stops]
        assert len({each.id for each in jobs}) == 5
        assert len({each.trajectory.id for each in jobs}) == different
    with pytest.raises(ValueError, match=r"`followed` is given exactly where the schedule follows validation"):
        job(followed=OTHERS["followed"])


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"adam": {}}},
        {"optimizer": {"adam": {"epsilon": 1e-7}}},
        {"optimizer": {"adam": {"amsgrad": False}}},
        {"schedule": {"constant": {"warmup_epochs": 0}}},
        {"learning_rate": 1e-2},
        {"layers": [{"flatten": {}}, {"dense": {"activation": "relu", "units": 8}}, {"dropout": {"rate": 0.2}}]},
    ],
)
def test_another_spelling_is_the_same_job(changes: dict[str, Any]) -> None:
    assert job(**changes).id == job().id


@pytest.mark.parametrize("changes", PINNED.values())
def test_a_job_survives_json(changes: dict[str, Any]) -> None:
    one = job(**changes)
    assert Job.model_validate_json(one.model_dump_json()) == one
    assert Job.model_validate(one.model_dump(mode="json")).id == one.id


IMAGES, LABELS = runs.blobs(90)
TEST_IMAGES, TEST_LABELS = runs.blobs(30, seed=1)
DATASET = snellen.from_arrays(
    IMAGES, LABELS, test_images=TEST_IMAGES, test_labels=TEST_LABELS, class_names=("a", "b", "c")
)


def planned(dataset: Dataset = DATASET, model: str = "m", **values: Any) -> str:
    """The id of the one job of a study of these arrays."""
    written = {"study": "s", "data": "memory:x", "models": {model: {"layers": ["flatten"]}}, **values}
    study = from_values(written).study()
    (found,) = plan(study, split_data(dataset, Split(validation=30))).models.values()
    return found.job


def test_names_test_rows_and_ids_are_not_in_it() -> None:
    same = planned()
    assert planned(model="another name", study="another study", choose_by="loss", open_test="all") == same
    other_test = snellen.from_arrays(
        IMAGES, LABELS, test_images=TEST_IMAGES[:9], test_labels=TEST_LABELS[:9], class_names=("x", "y", "z"), name="n"
    )
    assert planned(other_test) == same
    assert planned(replace(DATASET, ids=np.char.add(DATASET.ids, "!"))) == same


def test_pixels_labels_and_pixel_range_are_in_it() -> None:
    images, labels = DATASET.images.copy(), DATASET.labels.copy()
    images[0, 0, 0] ^= 1
    labels[[0, 1]] = labels[[1, 0]]
    others = [replace(DATASET, images=images), replace(DATASET, labels=labels), replace(DATASET, pixel_range=(0, 254))]
    assert len({planned(), *map(planned, others)}) == 4
