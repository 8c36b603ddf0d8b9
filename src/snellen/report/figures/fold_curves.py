"""Figures of cross-validation: loss and accuracy of every network of the folds after each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from snellen.evaluate.epochs import NetworkEpochs
from snellen.report.figures.charts import MEASURES
from snellen.report.figures.vega_lite import Specification, figure, layer, name, number

POINTS = 2_400
"""Of all curves together; beyond, epochs are left out evenly."""


def fold_curves(networks: Sequence[NetworkEpochs], place: int) -> dict[str, Specification]:
    """Those of the folds among these networks, by the name that the page gives their place; none without folds."""
    own = [one for one in networks if "fold " in one["network"]]
    return {f"{place}-folds-{measure}": _curves(own, measure) for measure in ("loss", "accuracy")} if own else {}


def _curves(networks: Sequence[NetworkEpochs], measure: str) -> Specification:
    """Validation as a line for each network with a dot at the kept epochs, training as a paler line."""
    step = math.ceil(2 * sum(len(one["epochs"]) for one in networks) / POINTS)
    points: list[dict[str, Any]] = [
        {"network": one["network"], "epoch": each["epoch"], "of": of, "kept": each["kept"], "value": round(value, 5)}
        for one in networks
        for at, each in enumerate(one["epochs"])
        for of, value in (("training", each[measure]), ("validation", each[f"validation_{measure}"]))  # type: ignore[literal-required]
        if value is not None and (at % step == 0 or each["kept"] or at == len(one["epochs"]) - 1)
    ]
    last = max(2, *(point["epoch"] for point in points))
    ticks = {"tickMinStep": 1, "format": "d", "grid": False, "tickCount": min(10, last - 1)}
    scale = {"domain": ["training", "validation"], "range": ["var(--train)", "var(--validation)"]}
    encoding = {
        "x": number("epoch", title="epoch", axis=ticks, scale={"domain": [1, last], "nice": False, "zero": False}),
        "y": number("value", title=None, axis={"format": MEASURES[measure]}, scale={"zero": False}),
        "color": name("of", scale=scale, legend={"title": None, "orient": "top"}),
        "tooltip": [name("network"), name("of"), number("epoch"), number("value", title=measure, format=".4f")],
    }
    lines = layer(points, "line", encoding | {"detail": name("network")}, strokeWidth=1.5, opacity=0.6)
    kept = layer(
        [each for each in points if each["kept"] and each["of"] == "validation"], "point", encoding, filled=True
    )
    return figure([lines, kept], f"{measure} of the networks of all folds after each epoch", 170, 260)
