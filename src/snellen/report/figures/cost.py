"""Figures of accuracy and cost: the Pareto front against time, and learning curves of several models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from snellen.report.cost_types import CostRowJson, LearningCurvesJson, SpreadJson
from snellen.report.figures.corruption_lines import colours_of
from snellen.report.figures.vega_lite import Encoding, Rows, Specification, figure, layer, name, number
from snellen.report.names import shortened
from snellen.report.types import ReportJson

Resource = Literal["prediction", "training"]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""
Point = tuple[float, float]
"""Across and down, in pixels."""
WIDTH_PIXELS, HEIGHT_PIXELS = 420, 260
LABEL = 20
"""Characters of a model's name in a figure."""
TITLES: Mapping[Resource, str] = {
    "prediction": "milliseconds for an image in a batch, logarithms",
    "training": "seconds to train one network, logarithms",
}
LETTER_PIXELS = 6.2
"""About as wide as a letter of a name."""
LEAST: Mapping[Resource, float] = {"prediction": 1e-5, "training": 0.01}
"""Less is drawn here: zero has no logarithm."""
ROOM = 0.6
"""How much of the range of the models' intervals the axis has below them, for baselines."""


def cost_figures(content: ReportJson) -> dict[str, Specification]:
    """By the name that the template gives their place; none in a run where nothing was measured."""
    found: dict[str, Specification] = {}
    if "cost" in content and len(content["cost"]["models"]) > 1:
        rows = content["cost"]["models"]
        found |= {"cost-prediction": front_figure(rows, "prediction"), "cost-training": front_figure(rows, "training")}
    if "learning_curves" in content:
        found["learning-curves"] = learning_figure(content["learning_curves"])
    return found


def front_figure(rows: Sequence[CostRowJson], resource: Resource) -> Specification:
    """Accuracy with its interval against time with its quartiles; models on the front are filled and have their names,
    the others are hollow. Baselines are squares; those far below all models are left out (`below_axis`)."""
    low, high = _axis_of_accuracy(rows)
    shown = [_shown(row, resource, text) for row, text in zip(rows, shortened([row["model"] for row in rows], LABEL))]
    shown = [row for row in shown if row["accuracy"] >= low]
    line = _staircase(shown)
    across = _across(shown, TITLES[resource])
    axis = {"format": ".0%" if high - low > 0.05 else ".1%", "tickCount": 6}
    scale = {"domain": [low, high], "nice": False}

    def up(field: str) -> Encoding:
        return number(field, title="accuracy", axis=axis, scale=scale)

    tips = [
        name("model"),
        number("accuracy", format=".1%"),
        number("x", title="ms an image" if resource == "prediction" else "seconds", format=".3~g"),
        name("front", title="on the front"),
    ]
    place = {"x": across("x"), "y": up("accuracy")}
    ink: dict[str, Any] = {"color": "var(--ink-2)", "strokeWidth": 1.25}
    on = [row for row in shown if row["front"] == "yes"]
    look = {"size": 85, "strokeWidth": 1.75, "opacity": 1, "stroke": "var(--validation)"}
    shape = name("kind", scale={"domain": ["model", "baseline"], "range": ["circle", "square"]}, legend=None)
    fill = name("front", scale={"domain": ["yes", "no"], "range": ["var(--validation)", "var(--paper)"]}, legend=None)
    words = {"fontSize": 11, "color": "var(--ink)", "baseline": "middle"}
    layers = [
        layer(line, "line", place, interpolate="step-after", strokeDash=[4, 3], **{**ink, "color": "var(--rule-2)"}),
        layer(shown, "rule", {"x": across("x"), "y": up("low"), "y2": {"field": "high"}}, **ink),
        layer(shown, "rule", {"y": up("accuracy"), "x": across("x_low"), "x2": {"field": "x_high"}}, **ink),
        layer(shown, "point", place | {"shape": shape, "fill": fill, "tooltip": tips}, **look),
        *[
            layer([row], "text", place | {"text": name("label")}, **words, **where)
            for row, where in zip(on, _places_of_names(on, shown, (low, high)), strict=True)
        ],
    ]
    return figure(layers, f"accuracy against {TITLES[resource]}", HEIGHT_PIXELS, WIDTH_PIXELS)


def below_axis(rows: Sequence[CostRowJson]) -> list[str]:
    """The baselines that are not drawn."""
    low, _ = _axis_of_accuracy(rows)
    return [row["model"] for row in rows if (row["accuracy"]["value"] or 0.0) < low]


def _axis_of_accuracy(rows: Sequence[CostRowJson]) -> tuple[float, float]:
    """Outwards to whole per cent around the intervals of all models, with room below for baselines that are near."""
    models = [row for row in rows if not row["baseline"]] or rows
    lows, highs = zip(*(_limits(row) for row in models))
    floor = min(lows) - ROOM * max(0.02, max(highs) - min(lows))
    near = [low for low, _ in map(_limits, rows) if low >= floor]
    lowest = min([*lows, *near])
    return max(0.0, math.floor(100 * lowest - 0.5) / 100), min(1.0, math.ceil(100 * max(highs) + 0.5) / 100)


def _limits(row: CostRowJson) -> tuple[float, float]:
    one = row["accuracy"]
    value = one["value"] or 0.0
    return (value if one["low"] is None else one["low"]), (value if one["high"] is None else one["high"])


def _shown(row: CostRowJson, resource: Resource, label: str) -> dict[str, Any]:
    spread: SpreadJson = row["batch_ms"] if resource == "prediction" else row["training_s"]
    low, high = _limits(row)
    x, x_low, x_high = (max(LEAST[resource], spread[end]) for end in ("median", "low", "high"))
    return {
        **{"model": row["model"], "label": label, "kind": "baseline" if row["baseline"] else "model"},
        **{"accuracy": row["accuracy"]["value"], "low": low, "high": high, "x": x, "x_low": x_low, "x_high": x_high},
        "front": "no" if row[f"off_{resource}"] else "yes",  # type: ignore[literal-required]
    }


def _staircase(shown: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The best accuracy of models on the front up to each time."""
    best, found = -1.0, []
    for row in sorted((row for row in shown if row["front"] == "yes"), key=lambda row: (row["x"], -row["accuracy"])):
        if row["accuracy"] > best:
            best = row["accuracy"]
            found.append({"x": row["x"], "accuracy": best})
    return [*found, {"x": max(row["x"] for row in shown), "accuracy": best}] if found else []


def _places_of_names(on: Rows, shown: Rows, accuracies: tuple[float, float]) -> list[dict[str, Any]]:
    """Where the name of each model stands beside its point: the first of the places where it covers least: no point and
    no other name if that can be, no place that is nearer to the point of another model, and no line."""
    low, high = _ends(shown)

    def down(accuracy: float) -> float:
        return HEIGHT_PIXELS * (accuracies[1] - accuracy) / (accuracies[1] - accuracies[0])

    def along(time: float) -> float:
        return WIDTH_PIXELS * math.log(time / low) / math.log(high / low)

    across = {row["model"]: along(row["x"]) for row in shown}
    centres = {row["model"]: (across[row["model"]], down(row["accuracy"])) for row in shown}
    bars = [(x - 2, down(row["high"]), x + 2, down(row["low"])) for row in shown for x in (across[row["model"]],)]
    bars += [
        (along(row["x_low"]), y - 2, along(row["x_high"]), y + 2) for row in shown for y in (down(row["accuracy"]),)
    ]
    bars += [
        (along(one["x"]), y - 2, along(two["x"]), y + 2)
        for one, two in pairwise(_staircase(shown))
        for y in (down(one["accuracy"]),)
    ]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in centres.values()]
    found = []
    for row in on:
        x, y = centres[row["model"]]
        places = [
            (align, sign * (10 if dy == 0 else 6), dy)
            for dy in (-11, 11, 0, -24, 24, -37, 37)
            for align, sign in (("left", 1), ("right", -1))
        ]
        boxes = [_box(x + dx, y + dy, LETTER_PIXELS * len(row["label"]), align) for align, dx, dy in places]
        others = [centre for model, centre in centres.items() if model != row["model"]]
        covered = [
            len(bars) * (_covered(box, taken) + _leaves(box) + _ambiguous(box, (x, y), others)) + _covered(box, bars)
            for box in boxes
        ]
        chosen = covered.index(min(covered))
        taken.append(boxes[chosen])
        align, dx, dy = places[chosen]
        found.append({"align": align, "dx": dx, "dy": dy})
    return found


def _box(x: float, y: float, width: float, align: str) -> Box:
    left = x if align == "left" else x - width
    return left, y - 6, left + width, y + 6


def _covered(box: Box, others: Sequence[Box]) -> int:
    left, top, right, bottom = box
    return sum(right > a and left < c and bottom > b and top < d for a, b, c, d in others)


def _ambiguous(box: Box, own: Point, others: Sequence[Point]) -> bool:
    """Whether another point is about as near as the own, so that the name could be taken for that of the other."""
    return any(_distance(box, other) < _distance(box, own) + 8 for other in others)


def _distance(box: Box, point: Point) -> float:
    """From a point to the nearest place of the box."""
    (left, top, right, bottom), (x, y) = box, point
    return math.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom))


def _leaves(box: Box) -> bool:
    """Whether it is not inside the figure."""
    left, top, right, bottom = box
    return left < 0 or right > WIDTH_PIXELS or top < -6 or bottom > HEIGHT_PIXELS


def _ends(shown: Rows) -> tuple[float, float]:
    """Of an axis of logarithms that holds all times with their quartiles, with some room."""
    return min(row["x_low"] for row in shown) / 1.4, max(row["x_high"] for row in shown) * 1.4


def _across(shown: Rows, title: str) -> Any:
    """(column) -> its place on an axis of logarithms that holds all values, with some room, and round numbers on it."""
    low, high = _ends(shown)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    bases = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [tick for power in powers for base in bases if low <= (tick := float(f"{base}e{power}")) <= high]
    axis = {"values": ticks, "format": "~g", "grid": False}
    scale = {"type": "log", "domain": [low, high], "nice": False}
    return lambda field: number(field, title=title, axis=axis, scale=scale)


def learning_figure(learning: LearningCurvesJson) -> Specification:
    """A line a model with the band of its intervals, and a dot a network, over images a class."""
    models = list(dict.fromkeys(point["model"] for point in learning["points"]))
    colours = colours_of(models)
    sizes = sorted({point["size"] for point in learning["points"]})
    points: Rows = [
        {
            **{key: point[key] for key in ("model", "size", "accuracy")},
            "low": point["accuracy"] if point["low"] is None else max(0.0, point["low"]),
            "high": point["accuracy"] if point["high"] is None else min(1.0, point["high"]),
        }
        for point in learning["points"]
    ]
    scale = {"type": "log", "nice": False, "padding": 12}
    axis = {"values": sizes, "format": ",d", "grid": False}
    up = {"axis": {"format": ".0%", "tickCount": 6}, "scale": {"zero": False}}
    legend = {"title": None, "orient": "top", "symbolType": "square", "symbolOpacity": 1, "symbolStrokeWidth": 0}
    place = {
        "x": number("size", title="training images of each class, logarithms", axis=axis, scale=scale),
        "y": number("accuracy", title="validation accuracy", **up),
        "color": name("model", scale={"domain": models, "range": list(colours.values())}, legend=legend),
    }
    tips = [
        name("model"),
        number("size", title="images a class", format=",d"),
        *(
            number(field, title=title, format=".1%")
            for field, title in (("accuracy", "accuracy"), ("low", "from"), ("high", "to"))
        ),
    ]
    layers = [
        layer(points, "area", place | {"y": number("low", **up), "y2": {"field": "high"}}, opacity=0.14),
        layer(learning["networks"], "circle", place, size=14, opacity=0.45),
        layer(points, "line", place | {"tooltip": tips}, strokeWidth=2, point={"size": 36, "filled": True}),
    ]
    return figure(layers, "accuracy against training images of each class", HEIGHT_PIXELS, WIDTH_PIXELS + 60)
