"""The page of a curve: what it lets one say, two figures, and every point as a row."""

from __future__ import annotations

import numpy as np

from snellen.explain.outcome import Outcome
from snellen.explain.thumbnails import Thumbnails
from snellen.report.figures import Specification
from snellen.report.page import filled
from snellen.report.pages.curve_figures import Measure, curve_figure
from snellen.report.pages.leaf import Leaf
from snellen.report.sprites import build_sheet

NO_PICTURES = Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))


def curve_page(leaf: Leaf) -> str:
    """The whole HTML."""
    figures = {"accuracy": accuracy_curve(leaf.outcome), "error": _figure(leaf.outcome, "error")}
    return filled(
        "pages/curves.html.j2",
        leaf.heading,
        {name: figure for name, figure in figures.items() if figure},
        {},
        sheet=build_sheet(NO_PICTURES, [], 1_000),
        facts=leaf.outcome.facts,
        points=leaf.outcome.tables["points"].to_dicts(),
        sentences=leaf.outcome.sentences,
    )


def accuracy_curve(outcome: Outcome) -> Specification | None:
    """The figure of the accuracy, which the report draws too; None without points."""
    return _figure(outcome, "accuracy")


def _figure(outcome: Outcome, measure: Measure) -> Specification | None:
    facts, (points, networks) = outcome.facts, (outcome.tables[name].to_dicts() for name in ("points", "networks"))
    if not points:
        return None
    return curve_figure(points, networks, facts["models"], facts["what"], facts["images"], measure)
