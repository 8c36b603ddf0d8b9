"""Vega-Lite specifications as plain values: columns, layers, and a whole figure in the page's colours and fonts.

Importing Altair takes longer than all else that a page needs; its schema checks every figure in the tests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from snellen.report.figures.vega_library import VEGA_LITE

Specification = dict[str, Any]
Encoding = dict[str, Any]
"""Of a channel: the column that it shows, and how."""
Layer = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

FONT = "Helvetica Neue, Arial, Liberation Sans, sans-serif"
WIDTH_PIXELS, HEIGHT_PIXELS = 400, 210


def number(field: str, **settings: Any) -> Encoding:
    """A column of numbers."""
    return {"field": field, "type": "quantitative", **settings}


def name(field: str, **settings: Any) -> Encoding:
    """A column of names."""
    return {"field": field, "type": "nominal", **settings}


def layer(rows: Rows, mark: str, encoding: Mapping[str, Any], **look: Any) -> Layer:
    """Marks of one kind for `rows`. encoding: by channel. look: of the marks."""
    return {"data": {"values": rows}, "mark": {"type": mark, **look}, "encoding": dict(encoding)}


def figure(
    marks: Layer | Sequence[Layer],
    description: str,
    height_pixels: int = HEIGHT_PIXELS,
    width_pixels: int = WIDTH_PIXELS,
) -> Specification:
    """One layer or several, the first at the bottom, in the page's colours and fonts. Equal data are stored once, by
    their content."""
    data: dict[str, Rows] = {}
    ink = {"labelColor": "var(--ink-2)", "titleColor": "var(--ink-2)", "labelFontSize": 11, "titleFontSize": 11}
    axis = {"gridColor": "var(--rule)", "domainColor": "var(--rule-2)", "tickColor": "var(--rule-2)"}
    drawn = _named(marks, data) if isinstance(marks, dict) else _layered([_named(one, data) for one in marks])
    return {
        "$schema": f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE}.json",
        **drawn,
        "description": description,
        "height": height_pixels,
        "width": width_pixels,
        "datasets": data,
        "background": None,
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": ink | axis | {"titleFontWeight": "normal", "labelLimit": 160},
            "legend": ink,
        },
    }


def _named(one: Layer, data: dict[str, Rows]) -> Layer:
    """The layer with its rows by name; they are added to `data`."""
    rows = one["data"]["values"]
    key = f"data-{hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:32]}"
    data[key] = rows
    return one | {"data": {"name": key}}


def _layered(layers: Sequence[Layer]) -> dict[str, Any]:
    """Data that all have in common stand above them."""
    first = layers[0]["data"]
    if any(one["data"] != first for one in layers):
        return {"layer": layers}
    return {"data": first, "layer": [{key: value for key, value in one.items() if key != "data"} for one in layers]}
