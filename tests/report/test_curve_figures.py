"""Protects the figures of a curve: they compile in Vega-Lite, hold every point with its interval, and no error
that has no logarithm."""

from __future__ import annotations

from typing import Any

import pytest
from drawn_figures import drawn, values

from snellen.report.figures.value_curves import curve_figure

POINTS: list[dict[str, Any]] = [
    {"by": by, "value": value, "accuracy": accuracy, "low": low, "high": high, "parameters": 10 * value}
    for by in ("anova", "mutual_information")
    for value, accuracy, low, high in ((1, 0.4, 0.3, 0.5), (8, 0.9, 0.88, 0.92), (64, 1.0, None, None))
]
NETWORKS = [{"by": "anova", "value": 8, "seed": seed, "accuracy": 0.9 + seed / 100} for seed in range(3)]
MODELS = [{"model": "mine", "by": "anova", "value": 20, "accuracy": 0.93, "low": 0.9, "high": 0.95}]


@pytest.mark.parametrize("measure", ["accuracy", "error"])
def test_every_point_network_and_model_is_in_the_figure_and_it_compiles(measure: Any) -> None:
    figure = curve_figure(POINTS, NETWORKS, MODELS, "pixels", 500, measure)
    shown = values(figure)
    assert len([one for one in shown if "parameters" in one]) == 6 and len([one for one in shown if "seed" in one]) == 3
    second = next(one for one in shown if "parameters" in one and one["value"] == 8)

    def sign(share: float) -> float:
        return share if measure == "accuracy" else 1 - share

    assert second["value_"] == pytest.approx(sign(0.9))
    assert sorted([second["low"], second["high"]]) == pytest.approx(sorted([sign(0.88), sign(0.92)]))
    svg = drawn(figure)
    assert "mutual information" in svg and ">mine<" in svg and "pixels" in svg


def test_no_error_is_nothing_on_an_axis_of_logarithms() -> None:
    figure = curve_figure(POINTS, NETWORKS, [], "pixels", 500, "error")
    assert min(one["value_"] for one in values(figure)) == 0.5 / 500
    assert min(one["low"] for one in values(figure)) > 0


def test_values_that_span_a_factor_of_eight_stand_on_logarithms() -> None:
    def scale(points: list[dict[str, Any]]) -> str | None:
        layer = curve_figure(points, [], [], "units", 500, "accuracy")["layer"][0]
        kind: str | None = layer["encoding"]["x"]["scale"].get("type")
        return kind

    assert scale(POINTS) == "log"
    assert scale([POINTS[1], POINTS[1] | {"value": 20}]) is None
