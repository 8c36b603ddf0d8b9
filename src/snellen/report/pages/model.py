"""Pages of the models that the report has no room for: what it shows of a model, each in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from snellen.explain.augmented_images import Augmented
from snellen.explain.thumbnails import Thumbnails
from snellen.report.model_types import ModelJson
from snellen.report.page import DETAILS, Detail, filled, page_of_model, shown_of_models, smallest
from snellen.report.page_figures import PageFigures, page_figures
from snellen.report.types import ReportJson


def model_pages(
    content: ReportJson, models: Sequence[ModelJson], thumbnails: Thumbnails, augmented: Mapping[str, Augmented]
) -> dict[str, str]:
    """The HTML of each model's page, by the name of its file. augmented: images by job."""
    files = {page_of_model(model["name"]): model for model in models}
    names = {file: model["name"] for file, model in files.items()}
    found = {}
    for file, model in files.items():
        view = page_figures({**content, "models": [model]}, thumbnails, augmented)
        others = {other: name for other, name in names.items() if other != file}
        offered = dict.fromkeys(Detail(detail.cell_images, None) for detail in DETAILS)

        def page(detail: Detail, view: PageFigures = view, others: Mapping[str, str] = others) -> str:
            return _page(view, others, thumbnails, detail)

        found[file], _ = smallest(page, view.content, offered)
    return found


def _page(view: PageFigures, others: Mapping[str, str], thumbnails: Thumbnails, detail: Detail) -> str:
    """others: pages of the other models, with their names."""
    figures = {name: figure for name, figure in view.figures.items() if name.startswith("0-")}
    shown = shown_of_models(view, thumbnails, detail)
    return filled("model_page.html.j2", view.content, figures, others=others, **shown)
