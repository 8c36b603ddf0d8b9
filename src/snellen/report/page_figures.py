"""What a page shows of its models at once: drawings, curves and images, each made one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from markupsafe import Markup

from snellen.explain.augmented_images import Augmented
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import SHEET_BYTES
from snellen.report.figures.charts import class_balance, learning_curve
from snellen.report.figures.cost import cost_figures
from snellen.report.figures.factors import factor_figures
from snellen.report.figures.fold_curves import fold_curves
from snellen.report.figures.network_drawing import draw_network
from snellen.report.figures.probabilities import probability_figures
from snellen.report.figures.search import figures_of
from snellen.report.figures.sprites import Sheet, build_sheet, mean_images, pairs_in_view, rows_in_view, rows_of_model
from snellen.report.figures.vega_lite import Specification
from snellen.report.types import ReportJson


@dataclass(frozen=True, eq=False)
class PageFigures:
    """sheet: samples, means and augmented images; model_sheets: the others, a sheet a model. pairs: how many confused
    ones each role shows. altered: tile of each model's first augmented image, by place. figures: by name."""

    content: ReportJson
    sheet: Sheet
    model_sheets: list[Sheet]
    pairs: int
    altered: dict[int, int]
    drawings: list[Markup]
    figures: dict[str, Specification]


def page_figures(content: ReportJson, thumbnails: Thumbnails, augmented: Mapping[str, Augmented]) -> PageFigures:
    """The view of all models of `content`, the value of report.json. augmented: images by job."""
    shown = {place: augmented[each["job"]].images for place, each in enumerate(content["models"]) if each["augmented"]}
    extra, pairs = [mean_images(content["data"]), *shown.values()], pairs_in_view(content)
    sheet = build_sheet(thumbnails, rows_in_view(content), SHEET_BYTES // 4, np.concatenate(extra))
    starts = len(sheet.tiles) + np.cumsum([len(images) for images in extra])
    return PageFigures(
        content,
        sheet,
        _model_sheets(content, thumbnails, pairs),
        pairs,
        dict(zip(shown, starts.tolist())),
        [
            draw_network(model["name"], model["layers"], model["input"], f"drawing-{place}")
            for place, model in enumerate(content["models"])
        ],
        _figures(content),
    )


def _model_sheets(content: ReportJson, thumbnails: Thumbnails, pairs: int) -> list[Sheet]:
    """All of them share what bytes the page's own sheet leaves."""
    room = SHEET_BYTES * 3 // 4 // max(1, len(content["models"]))
    return [build_sheet(thumbnails, rows_of_model(model, pairs), room) for model in content["models"]]


def _figures(content: ReportJson) -> dict[str, Specification]:
    """Specifications by the name that the template gives their place."""
    curves = {
        f"{place}-{measure}": learning_curve(model["history"], model["kept_epoch"], measure)
        for place, model in enumerate(content["models"])
        if model["history"]
        for measure in ("loss", "accuracy")
    }
    searches = [figures_of(model["search"], place) for place, model in enumerate(content["models"]) if model["search"]]
    curves = reduce(or_, searches, curves)
    for place, model in enumerate(content["models"]):
        curves |= fold_curves(model.get("network_epochs") or [], place) if model["folds"] else {}
        if confidence := model.get("confidence"):
            curves |= probability_figures(confidence, content["data"]["classes"], place)
    curves |= cost_figures(content) | factor_figures(content)
    return curves | {"balance": class_balance(content["data"]["counts"])}
