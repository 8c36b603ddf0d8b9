"""A page of its own for each analysis, openable alone, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jinja2 import TemplateError
from markupsafe import Markup

from snellen.explain.analyses import OF_STUDY, PlannedAnalysis
from snellen.explain.analysis_result import AnalysisResult, reading
from snellen.report.figures.vega_lite import Specification
from snellen.report.formats import prose
from snellen.report.pages.answers import answers_page
from snellen.report.pages.curves import accuracy_curve, curve_page
from snellen.report.pages.data import data_page
from snellen.report.pages.errors import errors_page
from snellen.report.pages.explored_data import exploration_pages
from snellen.report.pages.maps import map_page
from snellen.report.pages.page_inputs import PageInputs
from snellen.report.pages.plain import plain_page
from snellen.report.pages.robustness import robustness_page
from snellen.report.pages.side_by_side import side_by_side_page
from snellen.report.pages.units import units_page
from snellen.report.pages.wrong_labels import wrong_labels_page
from snellen.report.sections import side_by_side
from snellen.report.sections.exploration import PAGE
from snellen.report.types import AnalysisJson, ReportJson

PAGES: dict[str, Callable[[PageInputs], str]] = {
    "maps": map_page,
    "units": units_page,
    "curves": curve_page,
    "data": data_page,
    "answers": answers_page,
    "errors": errors_page,
    "robustness": robustness_page,
    "wrong_labels": wrong_labels_page,
}
"""The whole HTML of a page, by the name of the analysis; an analysis without one gets a plain page."""

FIGURES: dict[str, Callable[[AnalysisResult], Specification | None]] = {"curves": accuracy_curve}
"""What the report itself draws of an analysis, by its name."""


def analyses_section(results: Mapping[PlannedAnalysis, AnalysisResult]) -> list[AnalysisJson]:
    """What report.json says of the analyses: one entry each, in the order of the study."""
    return [_entry(one, result, _heading(one, list(results))) for one, result in results.items()]


def _heading(one: PlannedAnalysis, planned: Sequence[PlannedAnalysis]) -> str:
    """Its title with a capital; without the number of its key where the model has no other of this kind."""
    alike = [each for each in planned if each.options.name == one.options.name and each.model == one.model]
    words = one.title if len(alike) > 1 else one.title.replace(one.key, one.options.label, 1)
    return words[:1].upper() + words[1:]


def _entry(one: PlannedAnalysis, result: AnalysisResult, heading: str) -> AnalysisJson:
    with reading(one.title):
        figure = FIGURES[one.options.name](result) if one.options.name in FIGURES else None
    return {
        "analysis": one.options.name,
        "title": one.title,
        "heading": heading,
        "model": None if one.model == OF_STUDY else one.model,
        "page": f"pages/{one.page}",
        "sentences": result.sentences,
        "figure": figure,
    }


def pages(
    results: Mapping[PlannedAnalysis, AnalysisResult], report: ReportJson, explored: AnalysisResult | None = None
) -> dict[str, str]:
    """The text of every file, by its name: the pages of the analyses, that of the models side by side, where there are
    several, and those of the exploration of the data."""
    found = {one.page: page_of(one, result, report) for one, result in results.items()}
    if "side_by_side" in report:
        with reading("the units of the models", TemplateError):
            found[side_by_side.PAGE] = with_banner(side_by_side_page(report, results), report)
    if explored is not None:
        with reading("the exploration of the data", TemplateError):
            files = exploration_pages(explored, report)
        found |= files | {PAGE: with_banner(files[PAGE], report)}
    return found


def page_of(one: PlannedAnalysis, result: AnalysisResult, report: ReportJson) -> str:
    """The HTML of one page; of a run with faults on purpose it begins with a banner."""
    with reading(one.title, TemplateError):
        html = PAGES.get(one.options.name, plain_page)(PageInputs(one, result, report))
    return with_banner(html, report)


def with_banner(html: str, report: ReportJson) -> str:
    """The page; of a run with faults on purpose with the warning at its top."""
    if "on_purpose" not in report:
        return html
    banner = Markup('<p class="faulty"><strong>{}</strong></p>').format(prose(report["on_purpose"]["warning"]))
    return html.replace("<body>\n", f"<body>\n{banner}\n", 1)
