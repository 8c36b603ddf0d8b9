"""Figures of `snellen compare`: differences with their intervals, and the histories of all sides on the same axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from snellen.limits import CURVE_POINTS
from snellen.report.figures.charts import MEASURES
from snellen.report.figures.corruption_lines import COLOURS
from snellen.report.figures.vega_lite import Specification, figure, layer, name, number


def difference_figure(
    rows: Sequence[Mapping[str, Any]], margin: float, title: str = "points of accuracy, first minus second"
) -> Specification:
    """One line a comparison: label, value, low, high (shares; low and high may be None) with 0 and the margin of
    equivalence marked."""
    shown = [{"label": row["label"], **{key: _points(row[key]) for key in ("value", "low", "high")}} for row in rows]
    ends = [abs(value) for row in shown for value in row.values() if isinstance(value, float)]
    reach = 1.08 * max([*ends, 100 * margin, 0.5])
    across = {
        "title": title,
        "axis": {"tickCount": 6, "grid": True},
        "scale": {"domain": [-reach, reach], "nice": False},
    }
    up = name("label", title=None, sort=None, axis={"labelLimit": 220, "ticks": False})
    tips = [name("label"), *(number(field, format="+.2f") for field in ("value", "low", "high"))]
    with_limits = [row for row in shown if row["low"] is not None]
    layers = [
        layer(
            [{"from": -100 * margin, "to": 100 * margin}],
            "rect",
            {"x": number("from", **across), "x2": {"field": "to"}},
            color="var(--rule-2)",
            opacity=0.35,
        ),
        layer([{"zero": 0}], "rule", {"x": number("zero", **across)}, color="var(--ink-2)", strokeDash=[3, 3]),
        layer(
            with_limits,
            "rule",
            {"x": number("low", **across), "x2": {"field": "high"}, "y": up},
            color="var(--validation)",
            strokeWidth=3,
            opacity=0.6,
        ),
        layer(
            shown,
            "point",
            {"x": number("value", **across), "y": up, "tooltip": tips},
            color="var(--validation)",
            filled=True,
            size=60,
            opacity=1,
        ),
    ]
    return figure(layers, "differences of accuracy with 95 % intervals", height_pixels=30 + 34 * len(shown))


def history_figure(histories: Mapping[str, Mapping[str, Any]], measure: str) -> Specification | None:
    """Lines of one measure ("loss" or "accuracy") over epochs: of each side, by its letter, train dashed, validation
    solid; a ring where the epoch was kept. None where no epoch was stored.

    histories: kept_epoch and records, by letter.
    """
    rows, kept = [], []
    for letter, one in histories.items():
        for record in _thinned(one["records"], one["kept_epoch"]):
            for role, key in (("train", measure), ("validation", f"validation_{measure}")):
                if record.get(key) is not None:
                    row = {"side": letter, "images": role, "epoch": record["epoch"], "value": record[key]}
                    rows.append(row | {"line": f"{letter}, {role}"})
                    kept += [row] if record["epoch"] == one["kept_epoch"] and role == "validation" else []
    if not rows:
        return None
    letters = list(histories)
    epochs = [row["epoch"] for row in rows]
    across = number(
        "epoch",
        title="epoch",
        axis={"tickMinStep": 1, "tickCount": min(10, max(1, max(epochs) - min(epochs))), "format": "d", "grid": False},
        scale={"domain": [min(epochs), max(epochs)], "nice": False, "zero": False},
    )
    scale = {"domain": letters, "range": [COLOURS[at % len(COLOURS)] for at in range(len(letters))]}
    dash = {"domain": ["validation", "train"], "range": [[1, 0], [5, 3]]}
    encoding = {
        "x": across,
        "y": number("value", title=None, axis={"format": MEASURES[measure]}, scale={"zero": False}),
        "color": name("side", scale=scale, legend=None),
    }
    tips = [name("side"), name("images"), number("epoch"), number("value", title=measure, format=".4f")]
    lines = encoding | {"strokeDash": name("images", scale=dash, legend=None), "detail": name("line"), "tooltip": tips}
    layers = [layer(rows, "line", lines, strokeWidth=1.75, point={"size": 12})]
    if kept:
        layers.append(layer(kept, "point", encoding | {"tooltip": tips}, size=90, strokeWidth=2))
    return figure(layers, f"{measure} after each epoch of {', '.join(letters)}")


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _thinned(records: Sequence[Mapping[str, Any]], kept: int) -> list[Mapping[str, Any]]:
    """At most about CURVE_POINTS epochs, always with the first, the kept and the last."""
    step = math.ceil(len(records) / CURVE_POINTS) or 1
    last = len(records) - 1
    return [each for at, each in enumerate(records) if at % step == 0 or at == last or each["epoch"] == kept]
