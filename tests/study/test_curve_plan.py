"""Protects the plan of curves: points that differ in one value alone, trained after the study's own jobs and once only,
nested training sets of equal steps, and clear words for what does not fit."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from runs import small_study

from snellen.data.load import read
from snellen.errors import SnellenError
from snellen.models.features import TopPixels
from snellen.models.layers import Dense, Flatten
from snellen.study.curves import nested_rows, varied, with_curves
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.plan import Plan, plan
from snellen.study.points import Curve

UNITS: dict[str, Any] = {"dense": {"units": 16, "activation": "relu"}}
MODELS: dict[str, Any] = {
    "dense": {"layers": ["flatten", UNITS]},
    "linear": {"layers": "linear"},
    "chosen": {"features": [{"top_pixels": {"count": 20, "by": "anova"}}], "layers": [UNITS]},
}


def planned(**curves: Any) -> Plan:
    """The plan of the small study with one curve."""
    study = small_study(models=MODELS, analyses=[{"curves": curves}]).file
    dataset = read(study.data.source, options_of(study))
    data = split_of_study(study, dataset)
    return with_curves(plan(study, data), study, data)


def test_a_point_differs_from_its_model_in_one_value_and_in_the_seed() -> None:
    found = planned(models=["dense"], over="width", values=[2, 16], seeds=2, epochs=2)
    jobs = {job.id: job for lane in found.lanes for job in lane.jobs}
    [curve] = found.curves
    assert [point.value for point in curve.points] == [2, 16]
    assert [list(point.seeds) for point in curve.points] == [[0, 1], [0, 1]]
    first, own = jobs[curve.points[0].seeds[1]], jobs[found.models["dense"].job]
    assert first.trajectory.network.layers[1].output_shape == (2,)
    assert first.trajectory.model_copy(update={"layers": own.trajectory.layers, "seed": 0}) == own.trajectory
    assert (first.stop.epochs, own.stop.epochs) == (2, 3)
    assert [point.parameters for point in curve.points] == [64 * 2 + 2 + 2 * 10 + 10, 64 * 16 + 16 + 16 * 10 + 10]


def test_points_come_last_and_those_that_the_study_trains_anyhow_are_not_trained_again() -> None:
    found = planned(models=["dense"], over="width", values=[2, 16], seeds=3)
    own, [stage] = found.models["dense"].job, found.stages[1:]
    assert found.curves[0].points[1].seeds[0] == own
    assert own in [job for lane in found.stages[0] for job in lane.ids]
    assert sorted(job for lane in stage for job in lane.ids) == sorted(found.curves[0].jobs - {own})
    assert {name for lane in stage for name in lane.predicted} == {"validation"}
    assert found.labels[found.curves[0].points[0].seeds[1]] == "dense, 2 units, seed 1"


def test_smaller_training_sets_are_parts_of_larger_ones_and_take_as_many_steps() -> None:
    found = planned(models=["dense"], over="images", values=[135, 270, 539, 1078], seeds=1, epochs=20)
    jobs = {job.id: lane for lane in found.lanes for job in lane.jobs}
    rows = [jobs[point.seeds[0]].rows["train"] for point in found.curves[0].points]
    assert [len(each) for each in rows] == [135, 270, 539, 1078]
    assert all(np.isin(smaller, larger).all() for smaller, larger in pairwise(rows))
    steps = [point.steps for point in found.curves[0].points]
    assert steps == [
        len(range(0, len(each), 64)) * jobs[point.seeds[0]].epochs for each, point in zip(rows, found.curves[0].points)
    ]
    assert max(steps) <= 1.03 * min(steps)
    assert [point.epochs for point in found.curves[0].points] == [113, 68, 38, 20]


def test_images_a_class_are_nested_and_drawn_by_seed_but_alike_for_every_model() -> None:
    found = planned(models=["dense", "chosen"], over="images_a_class", values=[5, 20, 60], seeds=2, epochs=4)
    lanes = {job.id: lane for lane in found.lanes for job in lane.jobs}
    study = small_study().file
    labels = read(study.data.source, options_of(study)).labels
    dense, chosen = found.curves
    rows = {seed: [lanes[point.seeds[seed]].rows["train"] for point in dense.points] for seed in (0, 1)}
    for sizes in rows.values():
        assert [np.bincount(labels[each]).tolist() for each in sizes] == [[n] * 10 for n in (5, 20, 60)]
        assert all(np.isin(smaller, larger).all() for smaller, larger in pairwise(sizes))
    assert not np.array_equal(rows[0][1], rows[1][1])
    for one, other in zip(dense.points, chosen.points, strict=True):
        assert all(
            np.array_equal(lanes[one.seeds[seed]].rows["train"], lanes[other.seeds[seed]].rows["train"])
            for seed in (0, 1)
        )
    assert [(point.value, point.images, point.steps) for point in dense.points] == [
        (5, 50, 40),
        (20, 200, 40),
        (60, 600, 40),
    ]
    assert found.labels[dense.points[0].seeds[1]] == "dense, 5 training images a class, seed 1"


def test_images_a_class_that_are_left_open_are_those_that_every_class_has() -> None:
    [curve] = planned(models=["dense"], over="images_a_class", seeds=1).curves
    assert [point.value for point in curve.points] == [10, 30, 100]
    with pytest.raises(SnellenError, match="too few training images for a curve over images a class"):
        planned(models=["dense"], over="images_a_class", values=[10, 300], seeds=1)


def test_nested_rows_keep_the_proportions_of_the_classes_and_depend_on_the_seed() -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    rows = np.random.default_rng(0).permutation(1000)[:900]
    rows.sort()
    for count in (1, 9, 90, 450, 900):
        chosen = nested_rows(labels, rows, count, 0)
        assert len(chosen) == len(set(chosen.tolist())) == count and np.isin(chosen, rows).all()
        shares = np.bincount(labels[rows], minlength=3) * count / 900
        assert np.abs(np.bincount(labels[chosen], minlength=3) - shares).max() <= 1
    assert not np.array_equal(nested_rows(labels, rows, 90, 0), nested_rows(labels, rows, 90, 1))


def test_the_last_step_of_the_kind_is_changed_and_others_stay() -> None:
    steps = (TopPixels(count=20, by="anova"), Flatten(), Dense(units=8), Dense(units=4, activation="relu"))
    assert varied(steps, "width", 9) == (*steps[:3], Dense(units=9, activation="relu"))
    assert varied(steps, "pixels", 5, "l1") == (TopPixels(count=5, by="l1"), *steps[1:])


def test_values_that_are_left_open_double_within_the_size_of_the_image() -> None:
    found = planned(over="pixels", by=["anova", "l1"], seeds=1)
    [curve] = found.curves
    assert curve.model == "chosen"
    assert [(point.by, point.value) for point in curve.points] == [
        (by, value) for by in ("anova", "l1") for value in (8, 16, 32, 64)
    ]
    sizes = [point.images for point in planned(models=["dense"], over="images", seeds=1).curves[0].points]
    assert sizes == [67, 135, 270, 539, 1078]


def test_a_curve_comes_back_from_plan_json() -> None:
    [curve] = planned(over="pixels", by=["anova"], values=[3, 4], seeds=2).curves
    assert TypeAdapter(Curve).validate_json(json.dumps(asdict(curve)), strict=True) == curve
    assert curve.options == {"over": "pixels", "values": [3, 4], "by": ["anova"], "seeds": 2, "epochs": None}


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"over": "width", "values": [4, 4]}, "ascending"),
        ({"over": "width", "by": ["anova"], "values": [1, 2]}, "for curves over pixels"),
        ({"over": "images", "models": ["dense"], "values": [100, 2000]}, "1 to 1,078"),
        ({"over": "pixels", "values": [10, 65]}, "more pixels than the image has"),
        ({"over": "width", "models": ["dense"], "values": [1, 10**9]}, "curves over width of dense at 1,000,000,000"),
        ({"over": "width", "seeds": 0}, "seeds"),
        ({"over": "depth"}, "depth|over"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(curves: dict[str, Any], words: str) -> None:
    with pytest.raises(SnellenError, match=words):
        planned(**curves)
