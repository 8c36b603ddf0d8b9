"""A search as lines: every trial from its value of each hyper-parameter to its score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from snellen.report.figures.vega_lite import Encoding, Layer, Specification, figure, layer, name, number
from snellen.report.model_types import HyperparameterJson, SearchJson, TrialJson

TWO_LINES = (
    "indexof(datum.label, ' (') > 0 ? [slice(datum.label, 0, indexof(datum.label, ' (')), "
    "slice(datum.label, indexof(datum.label, ' (') + 1)] : datum.label"
)
"""Breaks the name of an axis before its layer."""

SHADES = 6
"""Shades that scores are drawn in: more cannot be told apart on thin lines."""

SPREAD = 0.035
"""How far lines through one value part, as a share of the axis, so that one does not hide the other."""

UNSET = -0.12
"""Where lines pass a hyper-parameter that a trial does not have, below its axis."""

AXIS_PIXELS, LEAST_PIXELS = 112, 400
"""Width of the place of an axis, and of the whole figure."""

OUTCOMES = {"winner": "var(--test)", "finished": "var(--accent)", "stopped": "var(--train)", "failed": "var(--miss)"}
"""Their colours, in the order of a legend."""

DASHES = {"domain": ["winner", "finished", "stopped", "failed"], "range": [[1, 0], [1, 0], [4, 3], [1, 3]]}
"""The scale of their lines."""


def parallel_coordinates(search: SearchJson) -> Specification:
    """A line a trial through its value of each hyper-parameter to its score, deeper for better ones.

    Stopped trials are dashed, failed ones have no score; the winner is in the colour of OUTCOMES, on top.
    """
    axes = [each["name"] for each in search["hyperparameters"]] + [search["measure"]]
    encoding = {
        "x": _places(axes),
        "y": number("y", axis=None, scale={"domain": [UNSET, 1.12], "nice": False, "zero": False}),
        "detail": name("trial"),
        "order": number("at"),
        "color": name("colour", scale=None),
        "strokeWidth": number("width", scale=None),
        "strokeDash": name("outcome", scale=DASHES, legend=None),
        "tooltip": [name("trial"), name("outcome"), number("epochs"), name("score", title=search["measure"])],
    }
    lines = layer(_points(search), "line", encoding, interpolate="monotone")
    wide = max(LEAST_PIXELS, AXIS_PIXELS * len(axes))
    words = f"{len(search['trials'])} trials as lines over {', '.join(axes[:-1])} to {axes[-1]}"
    rules, *names = _axes(search, axes)
    return figure([rules, lines, *names], words, 270, wide)


def position(one: HyperparameterJson, value: Any) -> float:
    """Where a value stands on the axis of its hyper-parameter, 0 to 1."""
    if one["scale"] == "named":
        values = one["values"] or []
        return values.index(value) / max(1, len(values) - 1)
    write = math.log if one["scale"] == "log" else float
    low, high = map(write, limits(one))
    return (write(value) - low) / (high - low)


def limits(one: HyperparameterJson) -> tuple[float, float]:
    """The ends of an axis of numbers."""
    low, high = one["low"], one["high"]
    assert low is not None and high is not None  # only an axis of names has none
    return low, high


def label(value: Any) -> str:
    """A value of a hyper-parameter as a person writes it: 0.0001, 1e-05, yes, none."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _points(search: SearchJson) -> list[dict[str, Any]]:
    """Where each line passes each axis, and how it is drawn: the worst first, the winner last."""
    known = [trial["score"] for trial in search["trials"] if trial["score"] is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    order = sorted(search["trials"], key=lambda trial: _rank(search, trial))
    found = []
    for trial in order:
        height = None if trial["score"] is None else _share(trial["score"], low, high, search["measure"])
        own = {
            "trial": trial["trial"],
            "outcome": trial["outcome"],
            "epochs": trial["epochs"],
            "score": "failed" if trial["score"] is None else f"{trial['score']:.4f}",
            "colour": _colour(trial["outcome"], height),
            "width": 3 if trial["outcome"] == "winner" else 1.4,
        }
        for at, one in enumerate(search["hyperparameters"]):
            y = round(_height(one, trial, search, order), 4)
            found.append({**own, "axis": one["name"], "at": at, "y": y})
        if height is not None:
            at = len(search["hyperparameters"])
            found.append({**own, "axis": search["measure"], "at": at, "y": round(height, 4)})
    return found


def _rank(search: SearchJson, trial: TrialJson) -> tuple[bool, bool, float]:
    """Ascending from what is drawn first: failed ones, then worse scores, the winner last."""
    score = trial["score"]
    worth = -math.inf if score is None else (-score if search["measure"] == "loss" else score)
    return trial["outcome"] == "winner", score is not None, worth


def _share(score: float, low: float, high: float, measure: str) -> float:
    """Where a score stands on its axis: 0 the worst, 1 the best."""
    share = (score - low) / (high - low) if high > low else 0.5
    return 1 - share if measure == "loss" else share


def _height(one: HyperparameterJson, trial: TrialJson, search: SearchJson, order: Sequence[TrialJson]) -> float:
    """The position of a trial's value, parted from the lines of other trials with the same value."""
    path = one["path"]
    if path not in trial["assignment"]:
        return UNSET
    value = trial["assignment"][path]
    same = [other for other in order if path in other["assignment"] and other["assignment"][path] == value]
    part = SPREAD * (2 * same.index(trial) / (len(same) - 1) - 1) if len(same) > 1 else 0.0
    return position(one, value) + part


def _colour(outcome: str, worth: float | None) -> str:
    """From the colour of rules for the worst score to the accent for the best."""
    if outcome == "winner" or worth is None:
        return OUTCOMES[outcome]
    share = 15 + 85 * round(worth * (SHADES - 1)) / (SHADES - 1)
    return f"color-mix(in srgb, var(--accent) {share:.0f}%, var(--rule-2))"


def _places(axes: Sequence[str]) -> Encoding:
    ticks = {"title": None, "orient": "top", "labelAngle": 0, "domain": False, "ticks": False, "labelPadding": 6}
    return name("axis", sort=list(axes), axis=ticks | {"labelExpr": TWO_LINES}, scale={"type": "point", "padding": 0.5})


def _axes(search: SearchJson, axes: Sequence[str]) -> list[Layer]:
    """The rule of each axis, and what its places mean."""
    ends = [{"axis": axis, "low": 0, "high": 1} for axis in axes]
    span = {"x": _places(axes), "y": number("low", axis=None), "y2": {"field": "high"}}
    place = {"x": _places(axes), "y": number("y", axis=None), "text": name("label")}
    no_halo: dict[str, Any] = {}
    halo: dict[str, Any] = {"stroke": "var(--paper)", "strokeWidth": 4, "strokeOpacity": 0.85, "strokeJoin": "round"}
    ticks = [tick for one in search["hyperparameters"] for tick in _ticks(one, search)]
    names = [
        layer(values, "text", place, align=align, dx=away, fontSize=11, color="var(--ink)", **beneath)
        for values, align, away in ((ticks, "right", -7), (_score_ticks(search), "left", 7))
        for beneath in (halo, no_halo)
    ]
    return [layer(ends, "rule", span, color="var(--rule-2)"), *names]


def _ticks(one: HyperparameterJson, search: SearchJson) -> list[dict[str, Any]]:
    """Values that can be listed, or the ends of a range and a middle; below them what trials without a value are."""
    values = one["values"] or _between(one)
    found = [{"axis": one["name"], "y": round(position(one, value), 4), "label": label(value)} for value in values]
    if any(one["path"] not in trial["assignment"] for trial in search["trials"]):
        found.append({"axis": one["name"], "y": UNSET, "label": "not set"})
    return found


def _between(one: HyperparameterJson) -> list[float]:
    low, high = limits(one)
    if one["scale"] == "log":
        powers = [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        return powers if len(powers) > 1 else [low, high]
    return [low, (low + high) / 2, high]


def _score_ticks(search: SearchJson) -> list[dict[str, Any]]:
    known = [trial["score"] for trial in search["trials"] if trial["score"] is not None]
    if not known:
        return []
    write = "{:.4f}" if search["measure"] == "loss" else "{:.1%}"
    ends = dict.fromkeys((min(known), max(known)))
    return [
        {
            "axis": search["measure"],
            "y": _share(end, min(known), max(known), search["measure"]),
            "label": write.format(end),
        }
        for end in ends
    ]
