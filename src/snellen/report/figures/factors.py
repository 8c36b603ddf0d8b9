"""Charts of what a varied setting did: validation accuracy at each of its values, with the interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snellen.findings.finding import FindingJson
from snellen.phrases import setting
from snellen.report.figures.vega_lite import Specification, figure, layer, name, number
from snellen.report.types import ReportJson

WIDTH_PIXELS, HEIGHT_PIXELS = 300, 150


def varied(answer: Sequence[FindingJson]) -> list[FindingJson]:
    """The findings that have a curve, or one for each of several searches, in their order."""
    return [one for one in answer if one["values"].get("curve") or one["values"].get("curves")]


def factor_figures(content: ReportJson) -> dict[str, Specification]:
    """A chart for each of them, by the name that the page gives its place."""
    return {f"factor-{place}": _figure(one["values"]) for place, one in enumerate(varied(content.get("answer", [])))}


def _figure(values: dict[str, Any]) -> Specification:
    curves = values.get("curves") or {"": values["curve"]}
    levels = [(search, one) for search, curve in curves.items() for one in curve]
    rows = [
        {
            "search": search,
            "value": setting(one["value"]),
            "accuracy": one["accuracy"],
            "low": one["accuracy"] if one["low"] is None else one["low"],
            "high": one["accuracy"] if one["high"] is None else one["high"],
        }
        for search, one in levels
    ]
    across = name("value", title=values["key"], sort=None, axis={"labelAngle": 0, "labelOverlap": True})
    scale = {"zero": False}
    up = number("accuracy", title="validation accuracy", axis={"format": ".1%", "tickCount": 5}, scale=scale)
    tips = [name("value", title=values["key"]), number("accuracy", format=".2%")]
    limits = {"x": across, "y": number("low", title="", scale=scale), "y2": {"field": "high"}}
    is_ordered = all(isinstance(one["value"], int | float) for _, one in levels)
    look: dict[str, Any] = {"color": "var(--validation)"}
    by_search: dict[str, Any] = {}
    if len(curves) > 1:
        look, by_search = {}, {"color": name("search", title="search of", sort=None)}
        tips = [name("search", title="search of"), *tips]
    points = {"x": across, "y": up, "tooltip": tips, **by_search}
    layers = [
        layer(rows, "rule", {**limits, **by_search}, strokeWidth=1.5, opacity=0.6, **look),
        *([layer(rows, "line", {"x": across, "y": up, **by_search}, strokeWidth=1.5, **look)] * is_ordered),
        layer(rows, "point", points, filled=True, size=40, opacity=1, **look),
    ]
    return figure(layers, f"validation accuracy by {values['key']}", HEIGHT_PIXELS, WIDTH_PIXELS)
