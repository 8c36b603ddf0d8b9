"""Protects the dossiers as a whole: tables that agree with each other, images, flags, and sentences that hold."""

from __future__ import annotations

import math
import re
from typing import cast

import numpy as np
import polars as pl
import pytest
from unit_cases import bars, subject

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.units import analysis as dossiers
from snellen.explain.units.analysis import ABLATION_MULTIPLICATIONS, seconds
from snellen.explain.units.analysis import make as units
from snellen.explain.units.facts import UnitsFacts
from snellen.explain.units.words import counted, sentences
from snellen.study.analyses import Units

DEAD, COPY = 3, 4
"""Units planted in the network of `planted`: one that never speaks, and a copy of the first."""


def planted(width: int = 6) -> TrainedModel:
    """The first three units see one bar each and feed its class; the fifth is the first twice as loud."""
    images, labels = bars(360)
    one = subject(["flatten", {"dense": {"units": width, "activation": "relu"}}], images, labels, 240)
    kernel, bias = one.parameters["dense_1.kernel"][0], one.parameters["dense_1.bias"][0]
    kernel[:, : min(width, 5)] = 0
    for label in range(min(width, 3)):
        kernel.view(6, 6, width)[2 * label : 2 * label + 2, :, label] = 1
        kernel.view(6, 6, width)[(2 * label + 2) % 6, :, label] = -1
    if width > COPY:
        bias[DEAD] = -1
        kernel[:, COPY] = 2 * kernel[:, 0]
        kernel[:, 5].abs_()
        one.parameters["dense_2.bias"][0, 1] = 10.6  # half of what a class's own unit gives it
    one.parameters["dense_2.kernel"].zero_()
    one.parameters["dense_2.kernel"][0, : min(width, 3), : min(width, 3)].fill_diagonal_(3)
    return one


@pytest.fixture(scope="module")
def found() -> AnalysisResult:
    return units(planted(), Units())


def test_tables_have_a_row_a_unit_and_a_row_a_unit_and_class(found: AnalysisResult) -> None:
    assert found.tables["units"]["unit"].to_list() == list(range(6))
    assert found.tables["classes"].height == 18 and found.tables["boxes"].height == 36
    assert found.tables["classes"]["class"][:3].to_list() == ["c0", "c1", "c2"]


def test_planted_units_are_described(found: AnalysisResult) -> None:
    table = found.tables["units"]
    assert table["dead"].to_list() == [unit == DEAD for unit in range(6)]
    assert table["duplicate_of"].to_list()[:5] == [None, None, None, None, 0]
    lines = table["sentence"]
    assert lines[DEAD] == "Unit 3 is dead: it gives 0 for each of 360 images."
    assert lines[0].startswith("Unit 0 responds most to `c0` (AUC 1.00)") and "points of recall of `c0`" in lines[0]
    assert re.search(
        r"removing it makes no measurable difference \(a loss of [\d.]+ points of recall of a class or more would "
        r"have been seen with a probability of 80 %\)\. It does nearly the same as unit 0\.$",
        lines[COPY],
    )
    assert table["nearest"][COPY][0] == 0 and table["nearest_correlation"][COPY][0] > 0.999


def test_selective_and_needed_are_what_was_planted(found: AnalysisResult) -> None:
    classes = found.tables["classes"]
    expected = [(unit, f"c{unit}") for unit in range(3)]
    # silenced by its mean, a unit gives its class a third of what it did: class 1 stays above with its bias
    assert classes.filter("needed").select("unit", "class").rows() == [(0, "c0"), (2, "c2")]
    assert set(expected) <= set(classes.filter("selective").select("unit", "class").rows())
    assert classes.filter(unit=DEAD)["area"].to_list() == [0.5, 0.5, 0.5]


def test_sentences_count_what_the_tables_hold(found: AnalysisResult) -> None:
    counts = counted(found.tables)
    alive = found.tables["units"].filter(~pl.col("dead"))
    assert counts["one"] + counts["several"] + counts["none"] == alive.height == 5
    assert (counts["dead"], counts["duplicates"], counts["needed"]) == (1, 1, 2)
    first = found.sentences[0]
    assert (
        f"{counts['none']} to no class in particular; 1 is dead and 1 repeats another (on 120 validation images"
        in first
    )
    assert any(one.startswith("Every class has a unit that responds to it") for one in found.sentences)
    assert any(one.startswith("Removing one of 2 units costs some class recall") for one in found.sentences)


def test_nothing_is_claimed_that_the_tables_do_not_hold(found: AnalysisResult) -> None:
    classes = found.tables["classes"].with_columns(
        **{name: pl.lit(value=False) for name in ("selective", "needed", "used")}
    )
    table = found.tables["units"].with_columns(
        **{name: pl.lit(0) for name in ("selective_classes", "needed_by_classes", "used_by_classes")}
    )
    said = sentences(cast(UnitsFacts, found.facts), found.tables | {"classes": classes, "units": table})
    assert "0 respond to one class, 0 to several and 5 to no class" in said[0]
    least = f"{math.ceil(1_000 * max(found.facts['detectable'])) / 10:.1f}"
    assert said[1:] == [
        "Removing any single unit makes no measurable difference (18 pairs of a unit and a class tested): a loss of "
        f"{least} points of recall of a class or more would have been seen with a probability of 80 %. That is no "
        "evidence that single units do nothing."
    ]


def test_the_most_and_least_active_images_are_the_extremes_of_training_images(found: AnalysisResult) -> None:
    one, arrays = planted(), found.arrays
    activation = one.outputs("dense_1", np.arange(240))[:, 1]
    assert arrays["most"].shape == arrays["least"].shape == (6, 12) and arrays["most"].max() < 240
    np.testing.assert_allclose(activation[arrays["most"][1]], np.sort(activation)[::-1][:12])
    assert activation[arrays["least"][1]].max() == 0
    kernel = one.parameters["dense_1.kernel"][0, :, 1].numpy()
    drive = one.inputs(np.arange(240)).numpy().reshape(240, 36) @ kernel
    np.testing.assert_allclose(drive[arrays["least"][1]], np.sort(drive)[:12], atol=1e-4)
    np.testing.assert_array_equal(arrays["images"], one.images[arrays["rows"]].numpy())
    assert set(arrays["rows"]) == set(arrays["most"].ravel()) | set(arrays["least"].ravel())


def test_the_image_that_drives_a_unit_is_its_bar(found: AnalysisResult) -> None:
    image = found.arrays["maximal"][2, :, :, 0]
    assert image[4:].min() > 100 and image[:4].max() == 0


def test_a_layer_of_two_units_has_its_scatter() -> None:
    outcome = units(planted(2), Units())
    one = planted(2)
    rows = one.predictions["validation"].rows
    np.testing.assert_allclose(outcome.arrays["points"], one.outputs("dense_1", rows), rtol=1e-6)
    np.testing.assert_array_equal(outcome.arrays["points_true"], one.predictions["validation"].labels)
    assert outcome.sentences[0].startswith("Unit 0 responds") and "both activations" in outcome.sentences[-1]


def test_costly_ablations_use_fewer_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dossiers, "ABLATION_MULTIPLICATIONS", 0)
    monkeypatch.setattr(dossiers, "LEAST_ABLATED", 50)
    outcome = units(planted(), Units())
    assert (outcome.facts["ablated_images"], outcome.facts["images"]) == (50, 120)


def test_filters_are_called_filters() -> None:
    images, labels = bars(60)
    layers = [{"conv": {"filters": 3, "kernel": 3}}, "batch_norm", "relu", "flatten"]
    outcome = units(subject(layers, images, labels, 40), Units(layer="conv_1"))
    assert outcome.facts["read_at"] == "relu_1" and "3 filters" in outcome.sentences[0]
    assert outcome.arrays["weights"].shape == (3, 3, 3, 1) and outcome.arrays["maximal"].shape == (3, 6, 6, 1)


def test_the_price_follows_the_layer_and_the_number_of_images_and_is_bounded() -> None:
    images, labels = bars(30)
    hidden = ["flatten", {"dense": {"units": 8, "activation": "relu"}}]
    closed, climbed = (
        subject(layers, images, labels, 20).network
        for layers in (hidden, [{"conv": {"filters": 8, "kernel": 3}}, *hidden])
    )
    assert 0.5 < seconds(closed, 1_800) < 1 and seconds(closed, 1_800) < seconds(climbed, 1_800)
    assert seconds(closed, 1_800) < seconds(closed, 70_000)
    wide = subject(["flatten", {"dense": {"units": 2_048, "activation": "relu"}}], images, labels, 20).network
    assert (
        seconds(wide, 10_000_000)
        < 0.5 + 10_000_000 * wide.multiply_adds / 1e10 + ABLATION_MULTIPLICATIONS / 5e10 + 1e-6
    )
