"""The page of an analysis that has no design of its own: its sentences and the first rows of its tables."""

from __future__ import annotations

import numpy as np

from snellen.explain.thumbnails import Thumbnails
from snellen.report.figures.sprites import build_sheet
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs

ROWS = 200
"""Rows of a table that are shown; the stored table has all."""

NO_IMAGES = Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))


def plain_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    return filled(
        "plain.html.j2",
        inputs.heading,
        {},
        {},
        sheet=build_sheet(NO_IMAGES, [], 1_000),
        tables={
            name: {"columns": table.columns, "rows": table.head(ROWS).rows(), "height": table.height}
            for name, table in inputs.result.tables.items()
        },
        sentences=inputs.result.sentences,
    )
