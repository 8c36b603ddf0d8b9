"""The page of the exploration of a run's data, and the table of its pixels as CSV beside it."""

from __future__ import annotations

import base64
import io
from typing import Any, cast

import numpy as np
from PIL import Image

from snellen.data.inspect.pixel_table import COLUMNS
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.exploration import CONSTANT, STEPS, ExplorationFacts
from snellen.files.spreadsheet import as_csv
from snellen.report.figures.charts import histogram
from snellen.report.figures.sprites import build_sheet
from snellen.report.page import filled, resource
from snellen.report.pages.plain import NO_IMAGES
from snellen.report.sections.exploration import PAGE, PIXELS
from snellen.report.types import ReportJson

LISTED_PIXELS = 4_096
"""Of images with more, the table of pixels is in the file alone: the page would take seconds to open."""

CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
POSITIVE, NEGATIVE = (74, 134, 208), (208, 70, 104)
"""Colours of correlations 1 and -1, transparent at 0; for light and dark pages."""
GREY = (128, 128, 128, 50)
"""The colour of constant pixels."""


def exploration_pages(result: AnalysisResult, report: ReportJson) -> dict[str, str]:
    """The text of each file, by its name."""
    table = {PIXELS: as_csv(result.tables["pixels"])} if "pixels" in result.tables else {}
    return {PAGE: _page(result, report), **table}


def _page(result: AnalysisResult, report: ReportJson) -> str:
    facts, table = cast(ExplorationFacts, result.facts), result.tables.get("pixels")
    edges, channels = facts["edges"], CHANNELS[report["data"]["shape"][2]]
    shares = dict(zip(channels, facts["shares"], strict=True))
    pixels = None
    if table is not None and table.height <= LISTED_PIXELS:
        pixels = {"columns": table.columns, "rows": [[_short(value) for value in row] for row in table.rows()]}
    heading = {
        "study": report["study"],
        "snellen": report["snellen"],
        "report": "../report.html#data",
        "data": report["data"],
        "counts": report["roles"]["counts"],
        "explored": report["exploration"],
    }
    return filled(
        "explored_data.html.j2",
        heading,
        {"pixels": histogram(edges, shares, "value of a pixel", "sqrt")},
        {},
        {"correlations": resource("correlations.js")},
        sheet=build_sheet(NO_IMAGES, [], 1_000),
        facts=facts,
        quartiles=COLUMNS,
        pixels=pixels,
        steps=STEPS,
        num_pixels=int(np.prod(report["data"]["shape"][:2])),
        file=PIXELS if table is not None else None,
        picture=_png(result.arrays["correlation"]),
    )


def _short(value: Any) -> str:
    """A cell of the table of pixels, where each character counts thousands of times."""
    return value if isinstance(value, str) else "" if value is None else f"{value:.4g}"


def _png(steps: np.ndarray) -> str:
    """The stored correlations as an image of a palette, a data URI."""
    at = np.arange(-STEPS, STEPS + 1) / STEPS
    colours = np.zeros((256, 4), np.uint8)
    colours[: len(at), :3] = np.where(at[:, None] < 0, NEGATIVE, POSITIVE)
    colours[: len(at), 3] = np.round(np.abs(at) * 255)
    colours[CONSTANT] = GREY
    image = Image.fromarray(np.ascontiguousarray(steps))
    image.putpalette(colours[:, :3].tobytes())
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
