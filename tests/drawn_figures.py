"""Figures drawn as a browser draws them, for tests."""

from __future__ import annotations

from typing import Any

import altair
import vl_convert


def drawn(specification: dict[str, Any]) -> str:
    """The figure as SVG, drawn by Vega itself; a key or a value that Altair's schema does not know raises."""
    altair.Chart.from_dict(specification | {"background": "white"})  # the schema does not know none, Vega does
    svg: str = vl_convert.vegalite_to_svg(specification)
    return svg


def values(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """The values of every layer of a figure."""
    return [value for values in specification["datasets"].values() for value in values]
