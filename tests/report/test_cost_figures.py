"""Protects the figures of accuracy and cost: they compile in Vega-Lite, models on the front are filled and named, names
cover no point and no other name, and baselines far below are left out."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
from drawn_figures import drawn, values

from snellen.report.cost_types import CostRowJson, LearningCurvesJson
from snellen.report.figures.cost import HEIGHT_PIXELS, WIDTH_PIXELS, below_axis, front_figure, learning_figure


def row(model: str, accuracy: float, ms: float, off: str | None = None, baseline: bool = False) -> CostRowJson:
    def spread(value: float) -> Any:
        return {"low": 0.9 * value, "median": value, "high": 1.1 * value, "n": 5}

    found: dict[str, Any] = {
        **{"model": model, "baseline": baseline, "role": "validation", "off_prediction": off, "off_training": None},
        "accuracy": {
            **{"value": accuracy, "low": accuracy - 0.02, "high": accuracy + 0.01, "n": 100},
            **{"covers": "other images", "method": "Wilson"},
        },
        **{"alone_ms": spread(9 * ms), "batch_ms": spread(ms), "training_s": spread(100 * ms)},
        **{
            "all_training_s": 1.0,
            "networks": 1,
            "parameters": 10,
            "trained_parameters": 10,
            "file_bytes": 100,
            "features_s": 0.0,
        },
    }
    return cast(CostRowJson, found)


ROWS = [
    row("cnn", 0.97, 0.5),
    row("dense", 0.968, 0.45),
    row("slow", 0.9, 2.0, off="cnn"),
    row("logistic regression", 0.89, 0.001, baseline=True),
    row("nearest centroid", 0.6, 0.001, baseline=True),
]


@pytest.mark.parametrize("resource", ["prediction", "training"])
def test_models_on_the_front_are_filled_and_named(resource: Any) -> None:
    figure = front_figure(ROWS, resource)
    shown = {one["model"]: one for one in values(figure) if "model" in one}
    assert shown.keys() == {"cnn", "dense", "slow", "logistic regression"} and below_axis(ROWS) == ["nearest centroid"]
    assert shown["slow"]["front"] == ("no" if resource == "prediction" else "yes")
    svg = drawn(figure)
    assert ">cnn<" in svg and ">dense<" in svg and (">slow<" in svg) == (resource == "training")
    assert "logarithms" in svg


def test_names_of_models_that_are_close_stand_apart() -> None:
    figure = front_figure(
        [row(f"model {place}", 0.95 + place / 2000, 0.5 + place / 200) for place in range(4)], "training"
    )
    texts = [one["mark"] for one in figure["layer"] if one["mark"]["type"] == "text"]
    assert len({(one["align"], one["dx"], one["dy"]) for one in texts}) == 4


def test_a_name_is_nearest_to_its_own_point() -> None:
    """Two models near a corner of the figure, as in `svhn-ann-cnn`: each had the name that was nearer to the other."""
    costs = {"cnn-2": (0.84, 0.24), "cnn-1": (0.78, 0.16), "ann-2": (0.52, 0.015), "ann-1": (0.34, 0.0069)}
    rows = [row(model, *cost) for model, cost in costs.items()] + [row("logistic regression", 0.216, 0.0016)]
    figure = front_figure(rows, "prediction")
    shown = {one["model"]: one for one in values(figure) if "model" in one}
    across, up = (figure["layer"][1]["encoding"][axis]["scale"]["domain"] for axis in "xy")
    points = {
        model: (
            WIDTH_PIXELS * math.log(one["x"] / across[0]) / math.log(across[1] / across[0]),
            HEIGHT_PIXELS * (up[1] - one["accuracy"]) / (up[1] - up[0]),
        )
        for model, one in shown.items()
    }
    marks = [one["mark"] for one in figure["layer"] if one["mark"]["type"] == "text"]
    for model, mark in zip(shown, marks, strict=True):
        x, y = points[model]
        width = 6 * len(model)
        left = x + mark["dx"] - (0 if mark["align"] == "left" else width)
        letters = [(left + at, y + mark["dy"]) for at in range(0, width + 1, 6)]
        away = {other: min(math.dist(point, letter) for letter in letters) for other, point in points.items()}
        assert min(away, key=lambda other: away[other]) == model


def test_times_and_models_without_an_interval_have_a_place() -> None:
    alone = row("one", 1.0, 0.0)
    alone["accuracy"] |= {"low": None, "high": None}
    assert ">one<" in drawn(front_figure([alone, row("other", 0.9, 1.0)], "prediction"))


def test_learning_curves_have_every_point_and_network() -> None:
    point: dict[str, Any] = {"accuracy": 0.5, "high": 1.2, "networks": 3, "seconds": 1.0, "compared": True}
    learning: dict[str, Any] = {
        "images": 100,
        "covers": ["other images and retraining"],
        "margin": 0.005,
        "points": [
            {"model": model, "size": size, "low": None if size == 10 else 0.4, **point}
            for model in ("a", "b")
            for size in (10, 30, 1000)
        ],
        "networks": [{"model": "a", "size": 10, "accuracy": 0.5}],
        "crossings": [],
    }
    figure = learning_figure(cast(LearningCurvesJson, learning))
    points = [one for one in values(figure) if "low" in one]
    assert len(points) == 6 and max(one["high"] for one in points) == 1.0
    assert "1,000" in drawn(figure)
