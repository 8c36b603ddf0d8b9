"""Protects the charts: they compile in Vega-Lite, hold the history's numbers, and mark the kept epoch."""

from __future__ import annotations

import re
from typing import Any

import pytest
from drawn_figures import drawn, values

from snellen.limits import CURVE_POINTS
from snellen.report.figures import charts


def history(epochs: int) -> list[dict[str, Any]]:
    return [
        {"epoch": n, "loss": 1 / n, "accuracy": 1 - 1 / n, "validation_loss": 2 / n, "validation_accuracy": 0.5}
        for n in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_a_curve_holds_the_history_and_the_kept_epoch(measure: str) -> None:
    figure = charts.learning_curve(history(7), 5, measure)
    points = {(one["role"], one["epoch"]): one["value"] for one in values(figure) if "role" in one}
    assert points == {
        (role, one["epoch"]): one[key]
        for one in history(7)
        for role, key in (("train", measure), ("validation", f"validation_{measure}"))
    }
    svg = drawn(figure)
    assert "kept: 5" in svg
    assert "var(--train)" in svg and "var(--validation)" in svg


def test_phases_are_parted_between_their_epochs() -> None:
    """Epochs 1 to 3 are the first phase, 4 and 5 the second, 6 and 7 the third; without the key there is no mark."""
    phases = [record | {"phase": phase} for record, phase in zip(history(7), (1, 1, 1, 2, 2, 3, 3))]
    figure = charts.learning_curve(phases, 5, "loss")
    marks = [(one["epoch"], one["label"]) for one in values(figure) if "phase" in one.get("label", "")]
    assert marks == [(3.5, "phase 2"), (5.5, "phase 3")]
    svg = drawn(figure)
    assert "phase 2" in svg and "phase 3" in svg and "kept: 5" in svg
    assert "phase" not in drawn(charts.learning_curve(history(7), 5, "loss"))


@pytest.mark.parametrize(("epochs", "labels"), [(2, ["1", "2"]), (3, ["1", "2", "3"]), (5, ["1", "2", "3", "4", "5"])])
def test_few_epochs_are_counted_once_each(epochs: int, labels: list[str]) -> None:
    svg = drawn(charts.learning_curve(history(epochs), None, "loss"))
    axis = svg.split("role-axis-label")[1]
    assert re.findall(r">(\d+)</text>", axis) == labels


def test_a_curve_without_a_kept_epoch_of_one_epoch_and_with_a_gap() -> None:
    gap = history(2)
    gap[1]["validation_loss"] = None
    assert "kept" not in drawn(charts.learning_curve(history(1), None, "loss"))
    assert len(values(charts.learning_curve(gap, None, "loss"))) == 3


def test_a_long_history_is_thinned_but_keeps_first_last_and_kept() -> None:
    points = values(charts.learning_curve(history(10_000), 7_777, "loss"))
    epochs = {one["epoch"] for one in points if one.get("role") == "train"}
    assert {1, 7_777, 10_000} <= epochs
    assert len(epochs) <= CURVE_POINTS + 2


def test_class_balance_holds_every_count_in_the_given_order() -> None:
    counts = [{"class": name, "train": 5, "validation": 2, "calibration": 0, "test": 1} for name in ("b", "a<i>")]
    figure = charts.class_balance(counts)
    assert [(one["class"], one["role"], one["images"]) for one in values(figure)] == [
        (name, role, number)
        for name in ("b", "a<i>")
        for role, number in (("train", 5), ("validation", 2), ("test", 1))
    ]
    svg = drawn(figure)
    assert svg.index(">b<") < svg.index(">a&lt;i&gt;<")


def test_a_histogram_holds_every_share() -> None:
    figure = charts.histogram([0, 1, 3, 4], {"grey": [0.5, 0.25, 0.25]}, "brightness")
    assert [(one["low"], one["high"], one["share"]) for one in values(figure)[:3]] == [
        (0, 1, 0.5),
        (1, 3, 0.25),
        (3, 4, 0.25),
    ]
    assert ">brightness<" in drawn(figure) and ">grey<" not in drawn(figure)


def test_a_histogram_of_colours_is_outlined_to_its_last_edge() -> None:
    figure = charts.histogram([0, 1, 2], {"red": [0.5, 0.5], "blue": [0.9, 0.1]}, "value", "sqrt")
    assert [one["low"] for one in values(figure) if one["channel"] == "blue"] == [0, 1, 2]
    svg = drawn(figure)
    assert ">red<" in svg and "var(--miss)" in svg and "var(--validation)" in svg
