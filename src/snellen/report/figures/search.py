"""Figures of a search beside its lines: scores against each hyper-parameter, and the curves of all trials."""

from __future__ import annotations

import math
from typing import Any

from snellen.report.figures.charts import MEASURES
from snellen.report.figures.parallel_coordinates import OUTCOMES, label, limits, parallel_coordinates
from snellen.report.figures.vega_lite import Encoding, Layer, Rows, Specification, figure, layer, name, number
from snellen.report.model_types import HyperparameterJson, SearchJson

CURVE_POINTS_OF_ALL = 2_400
"""Points of the curves of all trials; beyond, epochs are left out evenly."""


def figures_of(search: SearchJson, place: int) -> dict[str, Specification]:
    """All figures of a search, by the name that the page gives their place."""
    found = {f"{place}-search": parallel_coordinates(search)}
    if len(search["trials"]) > 1:
        found |= {
            f"{place}-against-{at}": against(search, one["path"]) for at, one in enumerate(search["hyperparameters"])
        }
    if any(trial["curve"] for trial in search["trials"]):
        found[f"{place}-rungs"] = rung_curves(search)
    return found


def against(search: SearchJson, path: str) -> Specification:
    """Scores of trials by their value of one hyper-parameter; at a value that can be listed, also their range and
    median. Where trials were stopped early: of all the best up to the same epoch, and of the others that of the epoch
    which they keep."""
    one = next(each for each in search["hyperparameters"] if each["path"] == path)
    listed = one["values"] is not None
    values = _scores_by(search, path)
    kinds = list(dict.fromkeys(value["after"] for value in values))
    colours = dict(zip(reversed(kinds), ("var(--accent)", "var(--train)")))
    scale = {"domain": kinds, "range": [colours[kind] for kind in kinds]}
    legend = {"title": None, "orient": "top", "symbolType": "circle"} if len(kinds) > 1 else None
    place = {"x": _across(one, listed), "color": name("after", scale=scale, legend=legend)}
    if listed:
        place["xOffset"] = name("after", sort=kinds)
    axis = {"format": MEASURES[search["measure"]], "tickCount": 5}
    encoding = place | {
        "y": number("score", title=None, axis=axis, scale={"zero": False}),
        "tooltip": [name("trial"), name("value", title=one["name"]), number("score", format=".4f"), name("after")],
    }
    points = layer(values, "point", encoding, size=26, filled=True, opacity=0.75)
    layers = [*_spread(values, place), points] if listed else [points]
    return figure(layers, f"{search['measure']} of trials by {one['name']}", 170, 260)


def rung_curves(search: SearchJson) -> Specification:
    """The validation measure of every trial after each epoch, with a cross where one was stopped or failed, a dot where
    one ended, and a line at the epochs where some were stopped."""
    points = _curve_points(search)
    last = max(2, *(point["epoch"] for point in points))
    ticks = {"tickMinStep": 1, "format": "d", "grid": False, "tickCount": min(10, last - 1)}
    epochs = number("epoch", title="epoch", axis=ticks, scale={"domain": [1, last], "nice": False, "zero": False})
    score = number("score", title=search["measure"], format=".4f")
    place = {
        "x": epochs,
        "y": number("score", title=None, axis={"format": MEASURES[search["measure"]]}, scale={"zero": False}),
        "color": _by_outcome(search),
        "tooltip": [name("trial"), name("outcome"), number("epoch"), score],
    }
    lines = layer(points, "line", place | {"detail": name("trial")}, strokeWidth=1.5, opacity=0.8)
    layers = [*_stops(search, epochs), lines, *_ends(points, place)]
    return figure(layers, f"{search['measure']} of every trial after each epoch", 230, 440)


def common_epoch(search: SearchJson) -> int | None:
    """The epoch up to which every trial was trained; None where none was stopped by the search."""
    stopped = [trial["epochs"] for trial in search["trials"] if trial["outcome"] == "stopped"]
    return min(stopped) if stopped else None


def _scores_by(search: SearchJson, path: str) -> list[dict[str, Any]]:
    common = common_epoch(search)
    best = min if search["measure"] == "loss" else max
    found = []
    for trial in search["trials"]:
        if path not in trial["assignment"] or trial["score"] is None:
            continue
        own = {"trial": trial["trial"], "value": _plain(trial["assignment"][path])}
        if common is not None and trial["curve"]:
            early = best(trial["curve"][:common])
            found.append({**own, "score": round(early, 5), "after": f"all, best up to epoch {common}"})
        if trial["outcome"] != "stopped":
            found.append({**own, "score": round(trial["score"], 5), "after": "trained to its end"})
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else label(value)


def _across(one: HyperparameterJson, listed: bool) -> Encoding:
    """A place for each value that can be listed, else a scale of numbers."""
    if listed:
        names = [_plain(value) for value in one["values"] or []]
        return name("value", title=None, sort=names, axis={"labelAngle": 0, "labelOverlap": True})
    linear = one["scale"] == "linear"
    scale = {"type": "linear" if linear else "log", "domain": list(limits(one)), "nice": False}
    if linear:
        scale["zero"] = False  # Vega warns of it on a logarithmic scale
    return number("value", title=None, scale=scale, axis={"grid": False, "tickCount": 5, "format": "~g"})


def _spread(values: Rows, place: dict[str, Encoding]) -> list[Layer]:
    """From the lowest to the highest score at each value, and the median, by Vega."""
    low, middle = (number("score", aggregate=aggregate, title=None) for aggregate in ("min", "median"))
    ends = {"y": low, "y2": {"aggregate": "max", "field": "score"}}
    return [
        layer(values, "rule", place | ends, strokeWidth=1, opacity=0.6),
        layer(values, "tick", place | {"y": middle}, thickness=2, size=16),
    ]


def _curve_points(search: SearchJson) -> list[dict[str, Any]]:
    total = sum(len(trial["curve"]) for trial in search["trials"])
    step = max(1, math.ceil(total / CURVE_POINTS_OF_ALL))
    rank = list(OUTCOMES)
    found = []
    for trial in sorted(search["trials"], key=lambda trial: -rank.index(trial["outcome"])):
        last = len(trial["curve"]) - 1
        for at, score in enumerate(trial["curve"]):
            if at % step == 0 or at == last:
                point = {"trial": trial["trial"], "outcome": trial["outcome"], "epoch": at + 1}
                found.append({**point, "score": round(score, 5)})
    return found


def _by_outcome(search: SearchJson) -> Encoding:
    """The colour of each outcome, and a legend of those that there are."""
    present = {trial["outcome"] for trial in search["trials"]}
    shown = [outcome for outcome in OUTCOMES if outcome in present]
    scale = {"domain": shown, "range": [OUTCOMES[outcome] for outcome in shown]}
    return name("outcome", scale=scale, legend={"title": None, "orient": "top", "symbolType": "stroke"})


def _stops(search: SearchJson, epochs: Encoding) -> list[Layer]:
    """A line at each epoch at which trials were stopped."""
    stopped = sorted({trial["epochs"] for trial in search["trials"] if trial["outcome"] == "stopped"})
    rows = [{"epoch": epoch} for epoch in stopped]
    return [layer(rows, "rule", {"x": epochs}, color="var(--rule-2)", strokeDash=[1, 3])] if stopped else []


def _ends(points: Rows, place: dict[str, Any]) -> list[Layer]:
    """A mark at the end of each curve: a cross of those that did not come to their own."""
    ends = {point["trial"]: point for point in points}.values()
    short = [point for point in ends if point["outcome"] in ("stopped", "failed")]
    whole = [point for point in ends if point not in short]
    crosses = layer(short, "point", place, shape="cross", angle=45, filled=True, size=90)
    dots = layer(whole, "point", place, filled=True, size=40)
    return [marks for marks, present in ((crosses, short), (dots, whole)) if present]
