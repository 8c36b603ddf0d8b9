"""Figures of every report: learning curves, class balance, histograms.

Colours are CSS variables of the page (colours.css), so light, dark and paper need no second drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from snellen.limits import CURVE_POINTS, LISTED_CLASSES
from snellen.report.figures.vega_lite import HEIGHT_PIXELS, Encoding, Layer, Specification, figure, layer, name, number
from snellen.report.names import shortened

ROLE_COLOURS = {role: f"var(--{role})" for role in ("train", "validation", "calibration", "test")}
CHANNEL_COLOURS = {
    **{"grey": "var(--ink-2)", "alpha": "var(--train)"},
    **{"red": "var(--miss)", "green": "var(--test)", "blue": "var(--validation)"},
}
MEASURES = {"loss": "~g", "accuracy": ".0%"}
LABEL = 24
"""Characters of a class name at an axis."""


def learning_curve(history: Sequence[Mapping[str, Any]], kept_epoch: int | None, measure: str) -> Specification:
    """Lines of one measure ("loss" or "accuracy") over epochs, train and validation, with the kept epoch marked, and
    where a new phase of training begins."""
    shown = _thinned(history, kept_epoch)
    points = [
        {"epoch": epoch["epoch"], "role": role, "value": epoch[key]}
        for epoch in shown
        for role, key in (("train", measure), ("validation", f"validation_{measure}"))
        if epoch.get(key) is not None
    ]
    ticks = min(10, max(1, shown[-1]["epoch"] - shown[0]["epoch"]))
    epochs = number(
        "epoch",
        title="epoch",
        axis={"tickMinStep": 1, "tickCount": ticks, "format": "d", "grid": False},
        scale={"domain": [shown[0]["epoch"], shown[-1]["epoch"]], "nice": False, "zero": False},
    )
    encoding = {
        "x": epochs,
        "y": number("value", title=None, axis={"format": MEASURES[measure]}, scale={"zero": False}),
        "color": _colour("role", ["train", "validation"], ROLE_COLOURS),
        "strokeDash": name("role", legend=None, scale={"range": [[5, 3], [1, 0]]}),
        "tooltip": [name("role"), number("epoch"), number("value", title=measure, format=".4f")],
    }
    lines = layer(points, "line", encoding, point={"size": 14}, strokeWidth=1.75)
    marks = _phase_marks(history, epochs, measure) + (_kept_mark(kept_epoch, epochs) if kept_epoch else [])
    return figure([*marks, lines], f"{measure} after each epoch")


def class_balance(counts: Sequence[dict[str, Any]], colours: Mapping[str, str] = ROLE_COLOURS) -> Specification:
    """Bars: images of each class, stacked by role or by what else `colours` name; as report.json's data.counts.

    Of more than LISTED_CLASSES the largest come first, without names: pointing at a bar tells its own.
    """
    roles = [role for role in colours if any(row.get(role) for row in counts)]
    listed = len(counts) <= LISTED_CLASSES
    if not listed:
        counts = sorted(counts, key=lambda row: -sum(row[role] for role in roles))
    labels = shortened([row["class"] for row in counts], LABEL)
    values = [
        {"class": row["class"], "label": label, "role": role, "images": row[role], "order": place}
        for row, label in zip(counts, labels, strict=True)
        for place, role in enumerate(roles)
    ]
    title = None if listed else f"{len(counts)} classes, the largest first"
    encoding = {
        "x": number("images", title="images", axis={"format": ",d", "tickCount": 5}),
        "y": name("label", title=title, sort=None, axis={"ticks": False, "domain": False, "labels": listed}),
        "color": _colour("role", roles, colours),
        "order": number("order"),
        "tooltip": [name("class"), name("role"), number("images", format=",d")],
    }
    bars = layer(values, "bar", encoding, height={"band": 0.72 if listed else 1})
    return figure(bars, "images of each class by role", height_pixels=_height(len(counts)))


def _height(num_classes: int) -> int:
    """A line a class; of more than LISTED_CLASSES only as much as tells one from the next."""
    return max(90, 18 * num_classes) if num_classes <= LISTED_CLASSES else 2 * HEIGHT_PIXELS


def histogram(
    edges: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    title: str,
    scale: Literal["linear", "sqrt"] = "linear",
) -> Specification:
    """Shares (B) of each channel between `edges` (B + 1): bars of one, outlines of several.

    The vertical scale is "linear" or "sqrt".
    """
    values = [
        {"low": low, "high": high, "channel": channel, "share": share}
        for channel, of_channel in shares.items()
        for low, high, share in zip(edges, [*edges[1:], edges[-1]], [*of_channel, of_channel[-1]], strict=True)
    ]  # the last closes the outline at the last edge; as a bar it has no width
    across, up = {"grid": False, "tickCount": 6}, {"format": "~%", "tickCount": 5}
    domain = {"domain": [edges[0], edges[-1]], "nice": False, "zero": False}
    encoding = {
        "x": number("low", title=title, axis=across, scale=domain),
        "y": number("share", title=None, axis=up, scale={"type": scale, "zero": True}, stack=None),
        "color": _colour("channel", list(shares), CHANNEL_COLOURS, "stroke"),
        "tooltip": [
            name("channel"),
            *(number(end, title=word, format=".4~g") for end, word in (("low", "from"), ("high", "to"))),
            number("share", format=".3~%"),
        ],
    }
    bars = layer(values, "bar", encoding | {"x2": {"field": "high"}, "y2": {"datum": 0}}, binSpacing=0)
    outlines = layer(values, "line", encoding, interpolate="step-after", strokeWidth=1.5)
    return figure(outlines if len(shares) > 1 else bars, f"shares by {title}")


def _thinned(history: Sequence[Mapping[str, Any]], kept_epoch: int | None) -> list[Mapping[str, Any]]:
    """At most about CURVE_POINTS epochs, evenly spaced, always with the first, the kept and the last."""
    step = math.ceil(len(history) / CURVE_POINTS)
    last = len(history) - 1
    return [epoch for at, epoch in enumerate(history) if at % step == 0 or at == last or epoch["epoch"] == kept_epoch]


def _kept_mark(kept_epoch: int, epochs: Encoding) -> list[Layer]:
    """A vertical rule at the epoch whose weights were kept, and its number."""
    values = [{"epoch": kept_epoch, "label": f"kept: {kept_epoch}"}]
    rule = {"color": "var(--ink-2)", "strokeDash": [1, 3], "strokeWidth": 1.25}
    text = {"align": "center", "baseline": "bottom", "dy": -3, "color": "var(--ink-2)", "fontSize": 11}
    return [layer(values, "rule", {"x": epochs}, **rule), layer(values, "text", _labelled(epochs, 0), **text)]


def _phase_marks(history: Sequence[Mapping[str, Any]], epochs: Encoding, measure: str) -> list[Layer]:
    """A rule before the first epoch of each phase but the first, and its number where curves seldom are."""
    values = [
        {"epoch": after["epoch"] - 0.5, "label": f"phase {after['phase']}"}
        for before, after in pairwise(history)
        if after.get("phase", 1) != before.get("phase", 1)
    ]
    if not values:
        return []
    height = 10 if measure == "loss" else HEIGHT_PIXELS - 10
    text = {"align": "left", "baseline": "middle", "dx": 4, "color": "var(--ink-2)", "fontSize": 11}
    return [
        layer(values, "rule", {"x": epochs}, color="var(--rule-2)", strokeWidth=1.25),
        layer(values, "text", _labelled(epochs, height), **text),
    ]


def _labelled(epochs: Encoding, height_pixels: int) -> dict[str, Encoding]:
    """The column `label` at its epoch, so far below the upper edge."""
    return {"x": epochs, "y": {"value": height_pixels}, "text": name("label")}


def _colour(field: str, names: list[str], colours: Mapping[str, str], symbol: str = "square") -> Encoding:
    """The colour of each name, and a legend where there is more than one; its symbol is "square" or "stroke"."""
    width = 0 if symbol == "square" else 2
    legend = {"title": None, "orient": "top", "offset": 18, "symbolType": symbol, "symbolStrokeWidth": width}
    scale = {"domain": names, "range": [colours[name] for name in names]}
    return name(field, scale=scale, legend=legend if len(names) > 1 else None)
