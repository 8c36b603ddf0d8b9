"""Figures of a curve: accuracy and error against one value, with intervals, each network, and models on the curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from snellen.report.figures.charts import Specification, specification

if TYPE_CHECKING:
    import altair

Rows = Sequence[Mapping[str, Any]]
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
    import altair as alt

    ways = list(dict.fromkeys(_way(row) for row in points))
    across, up = _across(points, what), _up(measure)
    colour = alt.Color("way:N", scale=alt.Scale(domain=ways, range=list(WAYS[: len(ways)])), legend=_legend(ways))
    floor = 0.5 / images
    lines = alt.Chart(alt.InlineData(values=[_shown(row, measure, floor) for row in points])).encode(x=across)
    tips = _tooltips(what, measure, len(ways) > 1)
    band = lines.mark_area(opacity=0.16).encode(y=up("low"), y2="high:Q", color=colour)
    line = lines.mark_line(strokeWidth=2, point={"size": 36, "filled": True}).encode(
        y=up("value_"), color=colour, tooltip=tips
    )
    dots = alt.Chart(alt.InlineData(values=[_shown(row, measure, floor) for row in networks])).encode(
        x=across, y=up("value_"), color=colour
    )
    layers = [band, dots.mark_circle(size=14, opacity=0.45), line, *_models(models, measure, floor, across, up)]
    return specification(alt.layer(*layers), f"{measure} against {what}", HEIGHT_PIXELS, WIDTH_PIXELS)


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


def _across(points: Rows, what: str) -> altair.X:
    import altair as alt

    values = sorted({row["value"] for row in points})
    log = values[-1] >= LOGARITHMIC * values[0]
    scale = alt.Scale(type="log", base=2, nice=False) if log else alt.Scale(zero=False, nice=False)
    axis = alt.Axis(values=values, format=",d", grid=False, labelOverlap="greedy", labelFlush=True)
    return alt.X("value:Q", title=what, scale=scale.copy(), axis=axis)


def _up(measure: Measure) -> Any:
    """(name) -> the vertical place of a column."""
    import altair as alt

    def place(name: str) -> altair.Y:
        if measure == "accuracy":
            scale = alt.Scale(zero=False)
            return alt.Y(
                f"{name}:Q", title="validation accuracy", axis=alt.Axis(format=".0%", tickCount=6), scale=scale
            )
        axis = alt.Axis(format="~%", values=TICKS)
        return alt.Y(f"{name}:Q", title="validation error, logarithms", axis=axis, scale=alt.Scale(type="log"))

    return place


def _legend(ways: list[str]) -> altair.Legend | None:
    import altair as alt

    legend = alt.Legend(title=None, orient="top", symbolType="square", symbolOpacity=1, symbolStrokeWidth=0)
    return legend if len(ways) > 1 else None


def _tooltips(what: str, measure: Measure, several: bool) -> list[Any]:
    import altair as alt

    return [
        *(["way:N"] if several else []),
        alt.Tooltip("value:Q", title=what, format=",d"),
        alt.Tooltip("value_:Q", title=measure, format=".2%"),
        alt.Tooltip("low:Q", title="from", format=".2%"),
        alt.Tooltip("high:Q", title="to", format=".2%"),
        alt.Tooltip("parameters:Q", format=",d"),
    ]


def _models(models: Rows, measure: Measure, floor: float, across: altair.X, up: Any) -> list[altair.Chart]:
    """Diamonds, and names on the side of the line where it leaves room."""
    import altair as alt

    if not models:
        return []
    base = alt.Chart(alt.InlineData(values=[_shown(row, measure, floor) for row in models])).encode(
        x=across, y=up("value_"), tooltip=["model:N", alt.Tooltip("value_:Q", title=measure, format=".2%")]
    )
    mark = base.mark_point(shape="diamond", size=110, strokeWidth=1.75, stroke="var(--ink)", fill="var(--paper)")
    text = base.mark_text(dy=15, dx=8, align="left", fontSize=11, color="var(--ink)").encode(text="model:N")
    return [mark, text]
