"""The page of `snellen compare`: what its JSON holds, as one file like the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snellen.explain.thumbnails import Thumbnails
from snellen.limits import LISTED_CLASSES
from snellen.report.figures.compared_runs import difference_figure, history_figure
from snellen.report.figures.corruption_lines import COLOURS
from snellen.report.figures.sprites import build_sheet
from snellen.report.figures.vega_lite import Specification
from snellen.report.page import filled

NO_IMAGES = Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))
MOST_CLASSES = 4 * LISTED_CLASSES
"""Classes whose recalls are listed, those that differ most first; the JSON has all."""


def render(content: dict[str, Any]) -> str:
    """The whole HTML, under the report's content policy. content: see `snellen.run.compare_page`."""
    letters = content["letters"]
    histories = {letters[side]: one for side, one in content["histories"].items()}
    figures: dict[str, Specification] = {}
    rows = [
        {"label": f"{letters[one['a']]} − {letters[one['b']]}, {one['role'].replace('_', ' ')}", **one["difference"]}
        for one in content["comparisons"]
        if one["difference"] is not None
    ]
    if rows:
        figures["differences"] = difference_figure(rows, content["margin"])
    for measure in ("loss", "accuracy"):
        if (drawn := history_figure(histories, measure)) is not None:
            figures[f"history-{measure}"] = drawn
    return filled(
        "compare.html.j2",
        content,
        figures,
        {},
        sheet=build_sheet(NO_IMAGES, [], 1_000),
        drawn=set(figures),
        colours={letter: COLOURS[at % len(COLOURS)] for at, letter in enumerate(letters.values())},
        by_class=[
            {**one, "listed": _most_different(one["classes"])} for one in content["comparisons"] if one["classes"]
        ],
    )


def _most_different(classes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(classes, key=lambda one: -abs(one["value"]))[:MOST_CLASSES]
