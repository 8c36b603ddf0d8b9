"""The page of a curve: its sentences, two figures, and a table of the points."""

from __future__ import annotations

from typing import cast

from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.curves.facts import CurveFacts
from snellen.report.figures.sprites import build_sheet
from snellen.report.figures.value_curves import Measure, curve_figure
from snellen.report.figures.vega_lite import Specification
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs
from snellen.report.pages.plain import NO_IMAGES


def curve_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    figures = {"accuracy": accuracy_curve(inputs.result), "error": _figure(inputs.result, "error")}
    return filled(
        "curves.html.j2",
        inputs.heading,
        {name: figure for name, figure in figures.items() if figure},
        {},
        sheet=build_sheet(NO_IMAGES, [], 1_000),
        facts=inputs.result.facts,
        points=inputs.result.tables["points"].to_dicts(),
        sentences=inputs.result.sentences,
    )


def accuracy_curve(result: AnalysisResult) -> Specification | None:
    """The figure of the accuracy, which the report draws too; None without points."""
    return _figure(result, "accuracy")


def _figure(result: AnalysisResult, measure: Measure) -> Specification | None:
    facts, (points, networks) = (
        cast(CurveFacts, result.facts),
        (result.tables[name].to_dicts() for name in ("points", "networks")),
    )
    if not points:
        return None
    return curve_figure(points, networks, facts["models"], facts["what"], facts["images"], measure)
