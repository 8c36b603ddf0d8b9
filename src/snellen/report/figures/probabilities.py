"""Figures of probabilities: reliability, risk against coverage, precision against recall, ROC."""

from __future__ import annotations

from typing import Any

from snellen.report.figures.vega_lite import Encoding, Specification, figure, layer, name, number
from snellen.report.model_types import BinJson, CalibrationJson, ConfidenceJson, CountsJson
from snellen.statistics.wilson_interval import wilson_limits

CLASS_PIXELS = 150
"""Width and height of the figure of one class."""
FEW = 10
"""Classes whose curves have colours and a legend; more are alike, and tell their class to a pointer."""


def probability_figures(confidence: ConfidenceJson, classes: list[str], place: int) -> dict[str, Specification]:
    """By the name that the template gives their place."""
    counts = confidence["counts"]
    shown = [each for each in confidence["calibration"] if each["role"] == confidence["role"]]
    found = {f"{place}-reliability": _reliability(shown), f"{place}-risk": _risk(counts)}
    for code, bins in enumerate(confidence.get("by_class", [])):
        if bins:
            found[f"{place}-reliability-{code}"] = _of_class(bins, classes[code])
    if counts["classes"]:
        found |= {f"{place}-precision": _curves(counts, classes, "recall", "precision")}
        found |= {f"{place}-roc": _curves(counts, classes, "false positives", "recall")}
    return found


def _share(field: str, title: str, **settings: Any) -> Encoding:
    scale = {"domain": settings.pop("domain", [0, 1]), "nice": False, "zero": False}
    return number(field, title=title, axis={"format": "~%", "tickCount": 5}, scale=scale)


def _reliability(shown: list[CalibrationJson]) -> Specification:
    """A point for each fifteenth of the images; below the line the answers are surer than they are right."""
    low = min(min(one["low"], one["confidence"]) for each in shown for one in each["bins"])
    start = max(0.0, int(10 * low) / 10)
    rows = [
        {**one, "which": "after the temperature" if each["after"] else "of the network"}
        for each in shown
        for one in each["bins"]
    ]
    x = _share("confidence", "mean probability of the answer", domain=[start, 1])
    y = _share("accuracy", "share that is right", domain=[start, 1])
    names = list(dict.fromkeys(row["which"] for row in rows))
    colour = name(
        "which",
        scale={"domain": names, "range": ["var(--validation)", "var(--test)"][: len(names)]},
        legend={"title": None, "orient": "top"} if len(names) > 1 else None,
    )
    tips = [
        number("images", format=",d"),
        *(number(field, format=".1%") for field in ("confidence", "accuracy", "low", "high")),
    ]
    diagonal = layer([{"x": start}, {"x": 1}], "line", {"x": number("x"), "y": number("x")}, color="var(--rule-2)")
    ends = layer(
        rows, "rule", {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}, opacity=0.6
    )
    points = layer(rows, "point", {"x": x, "y": y, "color": colour, "tooltip": tips}, filled=True, size=36)
    return figure([diagonal, ends, points], "share of right answers by mean probability")


def _of_class(bins: list[BinJson], title: str) -> Specification:
    """A point for each bin of the probability of one class; the larger, the more images."""
    x, y = _share("confidence", "its mean probability"), _share("accuracy", "share of the class")
    tips = [
        number("images", format=",d"),
        number("confidence", format=".1%"),
        number("accuracy", title="share of the class", format=".1%"),
        *(number(end, format=".1%") for end in ("low", "high")),
    ]
    diagonal = layer([{"x": 0}, {"x": 1}], "line", {"x": number("x"), "y": number("x")}, color="var(--rule-2)")
    ends = layer(bins, "rule", {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}, opacity=0.6,
                 color="var(--validation)")  # fmt: skip
    size = number("images", legend=None, scale={"type": "sqrt", "range": [12, 120]})
    points = layer(bins, "point", {"x": x, "y": y, "size": size, "tooltip": tips}, filled=True,
                   color="var(--validation)")  # fmt: skip
    return figure([diagonal, ends, points], f"share of {title} by its probability", CLASS_PIXELS, CLASS_PIXELS)


def _risk(counts: CountsJson) -> Specification:
    """The share of wrong answers among those given, by the share of images that is answered."""
    rows = []
    for threshold, accepted, hits in zip(counts["thresholds"], *counts["answers"], strict=True):
        if accepted:
            low, high = wilson_limits(accepted - hits, accepted)
            rows.append(
                {
                    "coverage": accepted / counts["images"],
                    "risk": 1 - hits / accepted,
                    "low": low,
                    "high": high,
                    "from": threshold,
                }
            )
    most = max(0.02, min(1.0, max(row["risk"] for row in rows) * 1.6))
    x = _share("coverage", "share of images answered")
    y = number(
        "risk", title="wrong answers", axis={"format": "~%", "tickCount": 5}, scale={"domain": [0, most], "clamp": True}
    )
    tips = [
        number("from", format=".4f"),
        *(number(field, format=".2%") for field in ("coverage", "risk", "low", "high")),
    ]
    band = layer(
        rows,
        "area",
        {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        color="var(--validation)",
        opacity=0.2,
        clip=True,
    )
    line = layer(
        rows, "line", {"x": x, "y": y, "tooltip": tips}, color="var(--validation)", strokeWidth=1.75, clip=True
    )
    return figure([band, line], "wrong answers by coverage")


def _curves(counts: CountsJson, classes: list[str], across: str, up: str) -> Specification:
    rows, listed = list[dict[str, Any]](), [classes[code] for code in range(len(counts["classes"]))]
    for title, support, (accepted, hits) in zip(listed, counts["support"], counts["classes"], strict=True):
        others = counts["images"] - support
        for threshold, every, right in zip(counts["thresholds"], accepted, hits, strict=True):
            if every and support and others:
                values = {
                    "recall": right / support,
                    "precision": right / every,
                    "false positives": (every - right) / others,
                }
                rows.append({"class": title, "from": threshold, "x": values[across], "y": values[up]})
    few = len(listed) <= FEW
    legend, scale = {"title": None, "orient": "right"}, {"domain": listed, "scheme": "tableau10"}
    colour: Encoding = name("class", sort=None, scale=scale, legend=legend) if few else {"value": "var(--ink-2)"}
    encoding = {
        "x": _share("x", across),
        "y": _share("y", up),
        "color": colour,
        "detail": name("class"),
        "order": number("from"),
        "tooltip": [
            name("class"),
            number("from", format=".4f"),
            number("x", title=across, format=".1%"),
            number("y", title=up, format=".1%"),
        ],
    }
    return figure(layer(rows, "line", encoding, strokeWidth=1.25), f"{up} by {across}")
