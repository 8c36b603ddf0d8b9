"""Figures of a curve: accuracy and error against one value, with intervals, each network, and models on the curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from snellen.report.figures.vega_lite import Encoding, Layer, Rows, Specification, figure, layer, name, number

Measure = Literal["accuracy", "error"]

WAYS = ("var(--validation)", "var(--fold)", "var(--test)", "var(--calibration)")
"""Colours of the ways to choose, in their order."""
ONLY = "all"
"""Stands for the way of a curve that has but one."""
LOGARITHMIC = 8
"""Values of which the largest is so many times the smallest stand on an axis of logarithms."""
WIDTH_PIXELS, HEIGHT_PIXELS = 420, 250
TICKS = [base * 10.0**power for power in range(-4, 1) for base in (1, 2, 5) if base * 10.0**power <= 1]
"""Of an axis of logarithms."""


def curve_figure(points: Rows, networks: Rows, models: Rows, what: str, images: int, measure: Measure) -> Specification:
    """A line a way with its band; each network as a dot; models of the study as diamonds with their names.

    points, networks: rows of the tables of the outcome. models: of its facts. what: the values count this. images: that
    were predicted. The error, one minus the accuracy, stands on an axis of logarithms.
    """
    ways = list(dict.fromkeys(_way(row) for row in points))
    across, up = _across(points, what), _up(measure)
    colour = name("way", scale={"domain": ways, "range": list(WAYS[: len(ways)])}, legend=_legend(ways))
    floor = 0.5 / images
    shown, dots = ([_shown(row, measure, floor) for row in rows] for rows in (points, networks))
    place = {"x": across, "y": up("value_"), "color": colour}
    tips = _tooltips(what, measure, len(ways) > 1)
    layers = [
        layer(shown, "area", place | {"y": up("low"), "y2": {"field": "high"}}, opacity=0.16),
        layer(dots, "circle", place, size=14, opacity=0.45),
        layer(shown, "line", place | {"tooltip": tips}, strokeWidth=2, point={"size": 36, "filled": True}),
        *_models(models, measure, floor, across, up),
    ]
    return figure(layers, f"{measure} against {what}", HEIGHT_PIXELS, WIDTH_PIXELS)


def _way(row: Mapping[str, Any]) -> str:
    return (row["by"] or ONLY).replace("_", " ")


def _shown(row: Mapping[str, Any], measure: Measure, floor: float) -> dict[str, Any]:
    """As it is drawn; errors are kept off zero, which has no logarithm."""
    value = row["accuracy"]
    low, high = (value if row.get(end) is None else min(1.0, max(0.0, row[end])) for end in ("low", "high"))
    if measure == "error":
        value, low, high = (max(floor, 1 - each) for each in (value, high, low))
    shared = {name: value for name, value in row.items() if name in ("value", "parameters", "seed", "model")}
    return {**shared, "way": _way(row), "value_": value, "low": low, "high": high}


def _across(points: Rows, what: str) -> Encoding:
    values = sorted({row["value"] for row in points})
    log = values[-1] >= LOGARITHMIC * values[0]
    scale = {"type": "log", "base": 2, "nice": False} if log else {"zero": False, "nice": False}
    axis = {"values": values, "format": ",d", "grid": False, "labelOverlap": "greedy", "labelFlush": True}
    return number("value", title=what, scale=scale, axis=axis)


def _up(measure: Measure) -> Callable[[str], Encoding]:
    """(name) -> the vertical place of a column."""
    if measure == "accuracy":
        axis: dict[str, Any] = {"format": ".0%", "tickCount": 6}
        return lambda name: number(name, title="validation accuracy", axis=axis, scale={"zero": False})
    axis = {"format": "~%", "values": TICKS}
    return lambda name: number(name, title="validation error, logarithms", axis=axis, scale={"type": "log"})


def _legend(ways: list[str]) -> dict[str, Any] | None:
    legend = {"title": None, "orient": "top", "symbolType": "square", "symbolOpacity": 1, "symbolStrokeWidth": 0}
    return legend if len(ways) > 1 else None


def _tooltips(what: str, measure: Measure, several: bool) -> list[Encoding]:
    return [
        *([name("way")] if several else []),
        number("value", title=what, format=",d"),
        number("value_", title=measure, format=".2%"),
        number("low", title="from", format=".2%"),
        number("high", title="to", format=".2%"),
        number("parameters", format=",d"),
    ]


def _models(
    models: Rows, measure: Measure, floor: float, across: Encoding, up: Callable[[str], Encoding]
) -> list[Layer]:
    """Diamonds, and names on the side of the line where it leaves room."""
    if not models:
        return []
    shown = [_shown(row, measure, floor) for row in models]
    tips = [name("model"), number("value_", title=measure, format=".2%")]
    place = {"x": across, "y": up("value_"), "tooltip": tips}
    diamond = {"shape": "diamond", "size": 110, "strokeWidth": 1.75, "stroke": "var(--ink)", "fill": "var(--paper)"}
    words = {"dy": 15, "dx": 8, "align": "left", "fontSize": 11, "color": "var(--ink)"}
    return [
        layer(shown, "point", place, **diamond),
        layer(shown, "text", place | {"text": name("model")}, **words),
    ]
