"""Accuracy by severity under one corruption: a line a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snellen.report.figures.value_curves import WAYS
from snellen.report.figures.vega_lite import Rows, Specification, figure, layer, name, number

COLOURS = (*WAYS, "#b07aa1", "#9c755f", "#76b7b2", "#e15759", "#bab0ac", "#edc949")
"""Of the models, in their order; further ones begin again."""
WIDTH_PIXELS, HEIGHT_PIXELS = 230, 150


def colours_of(models: Sequence[str]) -> dict[str, str]:
    """The colour of each model in all figures of a page."""
    return {model: COLOURS[place % len(COLOURS)] for place, model in enumerate(models)}


def corruption_figure(cells: Rows, corruption: str, models: Sequence[str]) -> Specification:
    """cells: rows of the table of the outcome. Severity 0 is without a corruption. All figures of a page have one axis
    of accuracy."""
    own = [_shown(row) for row in cells if row["corruption"] in (None, corruption)]
    floor = max(0.0, min(row["low"] for row in cells) - 0.02)
    colours = colours_of(models)
    scale = {"domain": list(colours), "range": list(colours.values())}
    up = {"axis": {"format": ".0%", "tickCount": 5}, "scale": {"domain": [floor, 1], "nice": False}}
    axis = {"values": sorted({row["severity"] for row in own}), "format": "d", "grid": False}
    place = {
        "x": number("severity", title="severity", axis=axis),
        "y": number("accuracy", title=None, **up),
        "color": name("model", scale=scale, legend=None),
    }
    tips = [
        name("model"),
        number("severity", format="d"),
        *(number(field, title=title, format=".1%") for field, title in
          (("accuracy", "accuracy"), ("low", "from"), ("high", "to"))),
    ]  # fmt: skip
    layers = [
        layer(own, "area", place | {"y": number("low", title=None, **up), "y2": {"field": "high"}}, opacity=0.14),
        layer(own, "line", place | {"tooltip": tips}, strokeWidth=2, point={"size": 34, "filled": True}),
    ]
    return figure(layers, f"accuracy by severity of {corruption}", HEIGHT_PIXELS, WIDTH_PIXELS)


def _shown(row: Any) -> dict[str, Any]:
    return {key: row[key] for key in ("model", "severity", "accuracy", "low", "high")}
