"""The page of corrupted images: figures by severity, images of each cell, tables of all cells."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from snellen.explain.robustness.facts import RobustnessFacts
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import CELL_SHEET_BYTES
from snellen.report.figures.corruption_lines import colours_of, corruption_figure
from snellen.report.figures.sprites import build_sheet
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs


def robustness_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, tables = cast(RobustnessFacts, inputs.result.facts), inputs.result.tables
    images = inputs.result.arrays["pictures"]
    cells = tables["cells"].to_dicts() if "cells" in tables else []
    achieved: dict[tuple[str, str | None, int], list[dict[str, Any]]] = {}
    for row in tables["thresholds"].to_dicts() if "thresholds" in tables else []:
        achieved.setdefault((row["model"], row["corruption"], row["severity"]), []).append(row)
    models = [model["model"] for model in facts["models"]]
    names = [one["name"] for one in facts["ladder"]] if cells else []
    rows = np.arange(len(images))
    return filled(
        "robustness.html.j2",
        inputs.heading,
        {name.replace(" ", "-"): corruption_figure(cells, name, models) for name in names},
        {},
        sheet=build_sheet(Thumbnails(rows, images), rows.tolist(), CELL_SHEET_BYTES),
        facts=facts,
        names=names,
        colours=colours_of(models),
        sizes={one["name"]: one["sizes"] for one in facts["ladder"]},
        table=cells,
        achieved=achieved,
        shown={(one["corruption"], one["severity"]): one["pictures"] for one in facts["pictures"]},
        sentences=inputs.result.sentences,
    )
