"""A page of its own for each analysis, openable alone, and what the report says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import TemplateError

from snellen.explain.analyses import OF_STUDY, Asked
from snellen.explain.outcome import Outcome, reading
from snellen.report.figures import Specification
from snellen.report.pages.answers import answers_page
from snellen.report.pages.curves import accuracy_curve, curve_page
from snellen.report.pages.data import data_page
from snellen.report.pages.errors import errors_page
from snellen.report.pages.leaf import Content as Content
from snellen.report.pages.leaf import Leaf as Leaf
from snellen.report.pages.maps import map_page
from snellen.report.pages.units import units_page

PAGES: dict[str, Callable[[Leaf], str]] = {
    "maps": map_page,
    "units": units_page,
    "curves": curve_page,
    "data": data_page,
    "answers": answers_page,
    "errors": errors_page,
}
"""The whole HTML of a page, by the name of the analysis."""

FIGURES: dict[str, Callable[[Outcome], Specification | None]] = {"curves": accuracy_curve}
"""What the report itself draws of an analysis, by its name."""


def section(outcomes: Mapping[Asked, Outcome]) -> list[Content]:
    """What report.json says of the analyses: one entry each, in the order of the study."""
    return [_entry(one, outcome) for one, outcome in outcomes.items()]


def _entry(one: Asked, outcome: Outcome) -> Content:
    with reading(one.title):
        figure = FIGURES[one.options.name](outcome) if one.options.name in FIGURES else None
    return {
        "analysis": one.options.name,
        "title": one.title,
        "model": None if one.model == OF_STUDY else one.model,
        "page": f"pages/{one.page}",
        "sentences": outcome.sentences,
        "figure": figure,
    }


def pages(outcomes: Mapping[Asked, Outcome], content: Content) -> dict[str, str]:
    """The HTML of every page, by the name of its file."""
    return {one.page: page_of(one, outcome, content) for one, outcome in outcomes.items()}


def page_of(one: Asked, outcome: Outcome, content: Content) -> str:
    """The HTML of one page."""
    with reading(one.title, TemplateError):
        return PAGES[one.options.name](Leaf(one, outcome, content))
