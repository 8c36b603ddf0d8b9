"""Protects how `train:` is written: clipping, smoothing, class weights, schedules and augmentation reach the job as
plain numbers, mistakes are told by name and line, and a job without them keeps its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from runs import blobs
from sklearn.utils.class_weight import compute_class_weight

import snellen
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import split_data
from snellen.errors import StudyError
from snellen.models.chain import penalties as penalties_of
from snellen.study.document import from_values, parse, to_yaml
from snellen.study.plan import plan, with_final
from snellen.train.job import Job

DATASET = snellen.from_arrays(*blobs(120), class_names=("cat", "dog", "frog"), pixel_range=(0, 255))
DIGITS = snellen.from_arrays(*blobs(120), pixel_range=(0, 255))
DATA = split_data(DATASET, Split(test=30, validation=30))

SPELLINGS: dict[str, Any] = {
    "clip_norm": 1.0,
    "clip_parameter_norm": 1.0,
    "clip_value": 0.5,
    "label_smoothing": 0.1,
    "class_weights": {"dog": 3},
    "schedule": {"one_cycle": {"rise": 0.2}},
    "augment": [
        {"shift": 0.1},
        "flip",
        {"crop": {"padding": 4}},
        {"rotate": 15},
        {"scale": [0.9, 1.1]},
        {"brightness": 0.2},
        {"contrast": 0.2},
        {"cutout": 8},
        {"cutmix": 1.0},
    ],
}


def job(train: dict[str, Any], dataset: Any = DATASET, layers: Any = "linear") -> Job:
    """Of the last phase."""
    models = {"a": {"layers": layers, "train": train}}
    study = from_values({"study": "s", "data": "memory:x", "models": models}).study()
    found = plan(study, replace(DATA, dataset=dataset)).lanes[-1].jobs[0]
    assert Job.model_validate_json(found.model_dump_json()).id == found.id
    return found


@pytest.mark.parametrize("key", SPELLINGS)
def test_what_is_written_reaches_the_job_and_its_id(key: str) -> None:
    changed, plain = job({key: SPELLINGS[key]}), job({})
    assert changed.id != plain.id
    assert getattr(changed.trajectory, key) != getattr(plain.trajectory, key)
    found, before = (each.identity()["trajectory"] for each in (changed, plain))
    differ = {name for name in found.keys() | before.keys() if found.get(name) != before.get(name)}
    assert differ <= {key, "total_epochs"}


def test_what_asks_for_nothing_is_not_in_the_identity() -> None:
    nothing: dict[str, Any] = {
        "clip_norm": None,
        "clip_parameter_norm": None,
        "clip_value": None,
        "label_smoothing": 0,
        "class_weights": None,
        "augment": [],
    }
    assert job(nothing).id == job({}).id
    assert not job({}).identity()["trajectory"].keys() & nothing.keys()


def test_balanced_becomes_numbers_of_the_training_rows() -> None:
    labels = DATASET.labels[DATA.roles.rows["train"]]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert job({"class_weights": "balanced"}).trajectory.class_weights == pytest.approx(expected)
    assert job({"class_weights": {"frog": 2}}).id == job({"class_weights": [1, 1, 2]}).id


def test_penalties_of_train_are_those_of_all_kernels_without_their_own() -> None:
    """The output layer's and those inside a skip too; a penalty of 0 is the same job as none."""
    dense, conv = {"units": 4, "activation": "relu"}, {"filters": 1, "kernel": 1}
    shared, own = (
        [{"skip": [{"conv": {**conv, **penalties}}]}, "flatten", {"dense": {**dense, "l2": 0}}, {"dense": dense}]
        for penalties in ({}, {"l1": 0.5})
    )
    trajectory = job({"l1": 0.25, "l2": 1e-3}, layers=own).trajectory
    assert penalties_of(trajectory.network.layers) == {
        "skip_1.conv_1.kernel": (0.5, 1e-3),
        "dense_1.kernel": (0.25, 0.0),
        "dense_2.kernel": (0.25, 1e-3),
        "dense_3.kernel": (0.25, 1e-3),
    }
    assert job({"l2": 0}, layers=shared).id == job({}, layers=shared).id != job({"l2": 1e-3}, layers=shared).id
    phases = job([{"l2": 0.1}, {}], layers=shared).trajectory  # type: ignore[arg-type]  # a list of phases
    assert phases.start is not None and penalties_of(phases.network.layers) == {}
    assert len(penalties_of(phases.start.trajectory.network.layers)) == 3


def test_early_stopping_is_part_of_the_stop_rule() -> None:
    """So the trainings are one; without patience it is nothing, and a key of it is refused."""
    plain, stopping = job({"patience": 3}), job({"patience": 3, "min_delta": 0.01, "start_from_epoch": 5})
    assert (stopping.stop.min_delta, stopping.stop.start_from_epoch) == (0.01, 5)
    assert stopping.id != plain.id and stopping.trajectory.id == plain.trajectory.id
    assert job({"patience": 3, "min_delta": 0, "start_from_epoch": 0}).id == plain.id
    assert not plain.identity()["stop"].keys() & {"min_delta", "start_from_epoch"}


NUMBERED = "study: x\ndata: digits\nmodels: {m: {layers: [flatten]}}\ntrain: {class_weights: {0: 2, '1': 3, 7: 1}}\n"


def test_numbers_name_classes_in_a_file_and_in_python() -> None:
    """As Keras's dict of numbers, and as scikit-learn computes them."""
    weights = {"0": 2.0, "1": 3.0, "7": 1.0}
    study = parse(NUMBERED, "x.yaml").study()
    assert study.models["m"].train[0].class_weights == weights
    assert parse(to_yaml(study.model_dump(mode="json")), "again.yaml").study() == study
    for written in ({0: 2, 1: 3.0, 7: 1}, {np.int64(0): np.float64(2), np.uint8(1): np.float32(3), 7: 1}):
        train = {"class_weights": written}
        built = from_values({"study": "x", "data": "digits", "models": {"m": {"layers": ["flatten"]}}, "train": train})
        assert built.study().models["m"].train[0].class_weights == weights
    in_order = from_values(
        {"study": "x", "data": "digits", "models": {"m": {"layers": []}}, "train": {"class_weights": np.ones(10)}}
    )
    assert in_order.study().models["m"].train[0].class_weights == (1.0,) * 10


def test_shorter_spellings_are_the_same_job() -> None:
    for short, long in (
        ({"scale": 0.1}, {"scale": {"factors": [0.9, 1.1], "fill": "nearest"}}),
        ("flip", {"flip": {"direction": "horizontal"}}),
        ({"crop": 4}, {"crop": {"padding": 4}}),
    ):
        assert job({"augment": [short]}).id == job({"augment": [long]}).id


def test_digits_are_mirrored_only_when_asked_twice() -> None:
    """Also in a later phase."""
    with pytest.raises(StudyError, match=r"^model a: `flip` makes other characters"):
        job({"augment": ["flip"]}, DIGITS)
    with pytest.raises(StudyError, match=r"^model a: `flip` makes other characters"):
        job([{}, {"augment": ["flip"]}], DIGITS)  # type: ignore[arg-type]  # a list of phases
    job({"augment": [{"flip": {"anyway": True}}]}, DIGITS)


TEXT = """study: s
data: digits
models:
  a:
    layers: linear
    train: {KEY}
"""


PLATEAU = {"reduce_on_plateau": {"patience": 3}}


def test_a_plateau_is_that_of_the_measure_on_the_validation_rows() -> None:
    """So one split trains once for several stop rules, and another split, or another measure, is another training."""
    found = job({"schedule": PLATEAU})
    assert found.trajectory.followed is not None
    assert found.trajectory.followed.measure == found.stop.measure == "loss"
    assert found.trajectory.followed.validation_rows == found.stop.validation_rows
    assert job({"schedule": PLATEAU, "epochs": 3, "patience": 2}).trajectory.id == found.trajectory.id
    assert job({"schedule": PLATEAU, "measure": "accuracy"}).trajectory.id != found.trajectory.id


def test_a_plateau_needs_validation_images() -> None:
    """The network that is trained on all of them has none: refused before anything is trained where there are folds,
    also where the schedule is one option of several."""
    models = {"a": {"layers": "linear", "train": {"schedule": PLATEAU}}}
    study = from_values({"study": "s", "data": "memory:x", "models": models}).study()
    with pytest.raises(StudyError, match=r"`reduce_on_plateau` follows the validation loss, and there are no"):
        with_final(plan(study, DATA), study, DATA, {"a": [3]})
    searched = {"a": {"layers": "linear", "train": {"schedule": {"choice": ["cosine", PLATEAU]}}}}
    for each in (models, searched):
        with pytest.raises(StudyError, match=r"`reduce_on_plateau` of model `a` follows validation images"):
            from_values({"study": "s", "data": "memory:x", "models": each, "folds": 3}).study()


def test_gradients_are_clipped_one_way() -> None:
    with pytest.raises(StudyError, match=r"more than one of clip_norm, clip_parameter_norm, clip_value"):
        job({"clip_norm": 1.0, "clip_value": 0.5})


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("augment: [{shift: 2}]", "`amount` of model `a` must be in [0, 1); got 2"),
        ("augment: [{rotat: 2}]", "unknown augmentation 'rotat'"),
        ("augment: [{rotate: {degree: 2}}]", "unknown key `degree` of model `a`; did you mean `degrees`?"),
        ("augment: [shift]", "`amount` of model `a` is missing"),
        ("augment: [{scale: [1.1, 0.9]}]", "the smaller factor comes first; found [1.1, 0.9]"),
        ("augment: [{mixup: 1}, flip]", "`mixup` makes one image of two"),
        ("augment: flip", "`augment` of model `a` must be a list; got 'flip'"),
        ("clip_norm: 0", "`clip_norm` of model `a` must be "),
        ("clip_value: -1", "`clip_value` of model `a` must be "),
        ("l2: -1", "`l2` of model `a` must be "),
        ("min_delta: 0.01", "`min_delta` is of early stopping, but `patience` is not given"),
        ("start_from_epoch: 5", "`start_from_epoch` is of early stopping, but `patience` is not given"),
        ("min_delta: -1", "`min_delta` of model `a` must be "),
        ("label_smoothing: 1", "`label_smoothing` of model `a` must be "),
        ("class_weights: even", "`class_weights` of model `a` must be 'balanced'"),
        ("schedule: {one_cycle: {warmup_epochs: 2}}", "unknown key `warmup_epochs` of model `a`"),
        ("schedule: {reduce_on_plateau: {factor: 1}}", "`factor` of model `a` must be in (0, 1); got 1"),
        ("schedule: {reduce_on_plateau: {min_lr: 1}}", "unknown key `min_lr` of model `a`"),
        ("schedule: step", "`every_epochs` of model `a` is missing"),
    ],
)
def test_mistakes_are_told_by_name_and_line(written: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse(TEXT.replace("KEY", written), "study.yaml").study()
    assert sentence in str(caught.value) and "line 6" in str(caught.value)
