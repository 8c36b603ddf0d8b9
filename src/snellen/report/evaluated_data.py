"""The page of `snellen evaluate`: what its JSON holds, as one file like the report, from the same pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from snellen.explain.thumbnails import Thumbnails
from snellen.limits import CELL_CLASSES, CELL_SHEET_BYTES, FEW_CLASSES, MATRIX_CLASSES, REPORT_BYTES, SHEET_BYTES
from snellen.report.figures.compared_runs import difference_figure
from snellen.report.figures.probabilities import probability_figures
from snellen.report.figures.sprites import Sheet, build_sheet, pairs_in_view, rows_behind_cells, rows_of_model
from snellen.report.figures.vega_lite import Specification
from snellen.report.page import LABEL, Detail, cell_contents, covered, details, filled
from snellen.report.types import ReportJson

NONE = Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))


@dataclass(frozen=True, eq=False)
class View:
    """What the pieces of the report ask for. model_sheets: one. pairs: how many confused ones are shown."""

    model_sheets: list[Sheet]
    pairs: int


def drawn_rows(content: dict[str, Any]) -> np.ndarray:
    """(M,) int64, ascending: the images that the page draws, by their places among the given ones."""
    report = _as_report(content)
    rows = {*_in_view(content, report), *rows_behind_cells(report)}
    return np.array(sorted(rows), np.int64)


def render(content: dict[str, Any], thumbnails: Thumbnails) -> str:
    """The whole HTML, under the report's content policy: at most REPORT_BYTES, except where the least is more.

    content: see `snellen.run.evaluate_page`. thumbnails: of `drawn_rows`.
    """
    report = _as_report(content)
    view = View([build_sheet(thumbnails, _in_view(content, report), SHEET_BYTES)], pairs_in_view(report))
    html = ""
    for detail in details(len(content["data"]["classes"])):
        html = _page(content, report, view, thumbnails, detail)
        if len(html.encode("utf-8", "replace")) <= REPORT_BYTES:
            break
    return html


def _page(content: dict[str, Any], report: ReportJson, view: View, thumbnails: Thumbnails, detail: Detail) -> str:
    cell_sheet = build_sheet(thumbnails, rows_behind_cells(report, detail.cell_images), CELL_SHEET_BYTES)
    roles = {"evaluated": content["role"], **({"test": content["test"]} if content["test"] else {})}
    figures = _figures(content)
    return filled(
        "evaluated_data.html.j2",
        content,
        figures,
        cell_contents(report, cell_sheet, detail.cell_images),
        view=view,
        sheet=view.model_sheets[0],
        cell_sheet=cell_sheet,
        detail=detail,
        drawn_figures=set(figures),
        matrix_classes=MATRIX_CLASSES,
        cell_classes=CELL_CLASSES,
        label_length=LABEL,
        beside={"name": content["model"], "roles": roles},
        with_confidence={"name": content["model"], "confidence": content["confidence"]},
        covers=covered((name, one) for name, role in roles.items() for one in role["scores"].values()),
    )


def _in_view(content: dict[str, Any], report: ReportJson) -> Iterator[int]:
    yield from rows_of_model(report["models"][0], pairs_in_view(report))
    yield from (one["row"] for one in content["farthest"])


def _figures(content: dict[str, Any]) -> dict[str, Specification]:
    found = probability_figures(content["confidence"], content["data"]["classes"], 0)
    drop = content["drop"]
    if drop is None or len(drop["classes"]) > FEW_CLASSES:
        return found
    known = [one for one in drop["classes"] if one["value"] is not None]
    rows = [{"label": "all", **drop["difference"]}, *({"label": one["class_name"], **one} for one in known)]
    title = "points, here minus test: accuracy of all, recall of each class"
    return found | {"drop": difference_figure(rows, drop["margin"], title)}


def _as_report(content: dict[str, Any]) -> ReportJson:
    """As the report's own functions take one model and its roles."""
    model = {
        "name": content["model"],
        "roles": {"evaluated": content["role"]},
        "confidence": content["confidence"],
        "augmented": [],
    }
    return cast(ReportJson, {"models": [model], "data": content["data"]})
