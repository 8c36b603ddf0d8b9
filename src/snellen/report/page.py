"""report.html: everything report.json holds, as one file that opens anywhere, offline, and can be mailed."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from snellen.explain.augmented_images import Augmented
from snellen.explain.thumbnails import Thumbnails
from snellen.findings.finding_page import FindingPage, finding_page
from snellen.limits import (
    CELL_CLASSES,
    CELL_IMAGES,
    CELL_SHEET_BYTES,
    EPOCH_ROWS,
    FEW_CLASSES,
    LISTED_CLASSES,
    MATRIX_CLASSES,
    REPORT_BYTES,
)
from snellen.plain import plain
from snellen.report.figures import confusion_cells
from snellen.report.figures.cost import below_axis
from snellen.report.figures.factors import varied
from snellen.report.figures.sprites import Sheet, build_sheet, rows_behind_cells
from snellen.report.figures.vega_library import javascript
from snellen.report.figures.vega_lite import Specification
from snellen.report.formats import FILTERS, scroll
from snellen.report.model_types import EstimateJson, ModelJson
from snellen.report.names import shortened
from snellen.report.page_figures import PageFigures, page_figures
from snellen.report.sections.first_screen import by_heading, first_screen
from snellen.report.types import ReportJson
from snellen.study.finding_codes import FINDING_CODES

LABEL = 20
"""Characters of a class name at a row or column of a confusion matrix."""


@dataclass(frozen=True)
class Detail:
    """How much a page shows. cell_images: behind each confusion cell. models: in full, chosen first; None is all."""

    cell_images: int
    models: int | None


DETAILS = (
    *(Detail(images, None) for images in (CELL_IMAGES, 24, 8)),
    *(Detail(images, 1) for images in (CELL_IMAGES, 24, 8, 0)),
)
"""From everything downwards; the page takes the first that keeps it under REPORT_BYTES, and says what it left out.
Models that it does not show have pages of their own (`pages/model.py`)."""


def render(content: ReportJson, thumbnails: Thumbnails, augmented: Mapping[str, Augmented] | None = None) -> str:
    """The whole page of `content`, the value of report.json, format 1. augmented: images by job.

    The page makes no request and runs no script but its own two, which its content security policy names by hash.
    Every text of `content` is escaped. At most REPORT_BYTES of UTF-8, except where even the least of DETAILS is more.
    """
    return rendered(content, thumbnails, augmented or {})[0]


def rendered(
    content: ReportJson, thumbnails: Thumbnails, augmented: Mapping[str, Augmented]
) -> tuple[str, list[ModelJson]]:
    """The page as `render` makes it, and the models that it leaves to pages of their own."""

    @cache
    def view(models: int | None) -> PageFigures:
        return page_figures(within(content, models), thumbnails, augmented)

    def page(detail: Detail) -> str:
        return _page(view(detail.models), content, thumbnails, detail)

    return smallest(page, content, DETAILS)


def smallest(
    page: Callable[[Detail], str], content: ReportJson, offered: Iterable[Detail]
) -> tuple[str, list[ModelJson]]:
    """The page of the first detail that keeps it under REPORT_BYTES, else of the last; and the models left out."""
    html, left_out = "", list[ModelJson]()
    for detail in details(len(content["data"]["classes"]), offered):
        encoded = page(detail).encode("utf-8", "replace")
        html, left_out = encoded.decode(), _left_out(content, detail.models)
        if len(encoded) <= REPORT_BYTES:
            break
    return html, left_out


def page_of_model(model: str) -> str:
    """The file of a model with a page of its own, in the folder of pages."""
    return f"model-{model}.html"


def details(num_classes: int, offered: Iterable[Detail] = DETAILS) -> Iterable[Detail]:
    """Those offered, without images behind cells where there are too many classes for them."""
    limit = CELL_IMAGES if num_classes <= CELL_CLASSES else 0
    return dict.fromkeys(Detail(min(detail.cell_images, limit), detail.models) for detail in offered)


def _page(view: PageFigures, whole: ReportJson, thumbnails: Thumbnails, detail: Detail) -> str:
    content = view.content
    away = {f"model-{each['name']}": f"pages/{page_of_model(each['name'])}" for each in _left_out(whole, detail.models)}
    return filled(
        "report.html.j2",
        content,
        figures=view.figures | _analysis_figures(content),
        **shown_of_models(view, thumbnails, detail),
        away=away,
        first_screen=first_screen(content),
        conclusions=by_heading(content["answer"]),
        varied=varied(content["answer"]),
        axis=_axis(content),
        below_axis=below_axis(content["cost"]["models"]) if "cost" in content else [],
        anchors=_anchors(content) | {anchor: anchor.removeprefix("model-") for anchor in away},
        explanations=_explanations(content),
        leaders=covered(_leading(content)),
        methods=list(dict.fromkeys(estimate["method"] for _, estimate in _leading(content) if estimate["method"])),
    )


def shown_of_models(view: PageFigures, thumbnails: Thumbnails, detail: Detail) -> dict[str, Any]:
    """What the template of a model reads, for `filled`."""
    content = view.content
    cell_sheet = build_sheet(thumbnails, rows_behind_cells(content, detail.cell_images), CELL_SHEET_BYTES)
    return {
        "cells": cell_contents(content, cell_sheet, detail.cell_images),
        "view": view,
        "sheet": view.sheet,
        "cell_sheet": cell_sheet,
        "detail": detail,
        "cell_limit": CELL_IMAGES,
        "matrix_classes": MATRIX_CLASSES,
        "cell_classes": CELL_CLASSES,
        "epoch_rows": EPOCH_ROWS // max(1, len(content["models"])),
        "label_length": LABEL,
        "covers": covered(_scores(content)),
    }


def _analysis_figures(content: ReportJson) -> dict[str, Specification]:
    figures = {place: one.get("figure") for place, one in enumerate(content.get("analyses", []))}
    return {f"analysis-{place}": figure for place, figure in figures.items() if figure}


def filled(
    template: str,
    content: Mapping[str, object],
    figures: dict[str, Specification],
    cells: dict[str, Any],
    scripts: Mapping[str, str] | None = None,
    **context: Any,
) -> str:
    """A page of its own: the template with style, scripts, figures and the policy that allows just these.

    figures: by the name that the template gives their place; without any the page does not carry the figure library.
    cells: what a click on a confusion cell needs, if any. scripts: further ones of this page, by name.
    """
    own = {"library": javascript() if figures else "", "script": resource("page.js")}
    further = list((scripts or {}).values())
    return (
        _environment()
        .get_template(template)
        .render(
            content,
            **{name: Markup(text) for name, text in own.items()},
            **{"away": {}, **context},
            few_classes=FEW_CLASSES,
            listed_classes=LISTED_CLASSES,
            further=[Markup(text) for text in further],
            policy=_policy([*own.values(), *further]),
            stylesheet=Markup(stylesheet()),
            embedded=embedded_json({"figures": figures, "cells": cells}),
        )
    )


def fragment(template: str, context: Mapping[str, Any]) -> str:
    """A piece of HTML for another page: a template filled, every text escaped."""
    return _environment().get_template(template).render(context)


def stylesheet() -> str:
    """The style sheet of every page."""
    return resource("colours.css") + resource("page.css") + resource("confusion_matrix.css")


def within(content: ReportJson, count: int | None) -> ReportJson:
    """`content` with `count` models, None for all: the chosen one, then the order of the leaderboard."""
    return {**content, "models": _chosen_first(content)[:count]}


def _left_out(content: ReportJson, count: int | None) -> list[ModelJson]:
    """The models that `within` leaves out."""
    return [] if count is None else _chosen_first(content)[count:]


def _chosen_first(content: ReportJson) -> list[ModelJson]:
    return sorted(content["models"], key=lambda model: not model["chosen"])


def cell_contents(content: ReportJson, sheet: Sheet, limit: int) -> dict[str, Any]:
    """What a click on a confusion cell needs: per matrix "true,predicted" -> tiles; and the row of each tile."""
    matrices = {
        f"{place}-{name}": {
            cell: [sheet.tiles[row] for row in rows[:limit] if row in sheet.tiles]
            for cell, rows in role["cells"].items()
            if limit
        }
        for place, model in enumerate(content["models"])
        for name, role in model["roles"].items()
    }
    entries = {
        f"{place}-{name}": confusion_cells.entries(role["confusion"])
        for place, model in enumerate(content["models"])
        for name, role in model["roles"].items()
    }
    return {
        "matrices": matrices,
        "entries": {name: found for name, found in entries.items() if found},
        "thresholds": {
            place: found["counts"]
            for place, model in enumerate(content["models"])
            if (found := model.get("confidence")) and found["counts"]["classes"]
        },
        "rows": list(sheet.tiles),
        "columns": sheet.columns,
        "classes": content["data"]["classes"],
        "short": shortened(content["data"]["classes"], LABEL),
    }


def _explanations(content: ReportJson) -> dict[str, FindingPage]:
    """The page of each code among the findings."""
    codes = {one["code"] for one in (*content["answer"], *content["findings"])}
    return {code: finding_page(code) for code in sorted(codes & set(FINDING_CODES))}


def _anchors(content: ReportJson) -> dict[str, str]:
    """What a finding may point to as its evidence: the id of an element and what a reader calls it."""
    models = {f"model-{model['name']}": model["name"] for model in content["models"]}
    seeds = {f"all-seeds-{each['name']}": f"{each['name']}, all seeds" for each in content["models"] if each["seeds"]}
    analyses = {"analyses": "analyses"} if content.get("analyses") else {}
    looked_at = [each["name"] for each in content["models"] if each.get("confidence")]
    probabilities = {f"probabilities-{name}": f"{name}, probabilities" for name in looked_at}
    cost = {"cost": "accuracy and cost"} if {"cost", "learning_curves"} & content.keys() else {}
    return (
        {"leaderboard": "leaderboard", "data": "data", "roles": "roles"}
        | cost
        | analyses
        | models
        | seeds
        | probabilities
    )


def _axis(content: ReportJson) -> tuple[float, float]:
    """The common axis of the drawn accuracy intervals: the ends of all of them, outwards to whole 5 per cent."""
    estimates = [one for _, one in _leading(content)]
    ends = [end for one in estimates for end in (one["low"], one["value"], one["high"]) if end is not None] or [0, 1]
    low, high = math.floor(20 * min(ends)) / 20, math.ceil(20 * max(ends)) / 20
    return (low, high) if low < high else (max(0.0, low - 0.05), min(1.0, high + 0.05))


def covered(scores: Iterable[tuple[str, EstimateJson]]) -> dict[str, str]:
    """What the intervals of each role cover, in the words of its estimates."""
    words: dict[str, dict[str, None]] = {}
    for role, estimate in scores:
        words.setdefault(role, {}).update({estimate["covers"]: None} if estimate["covers"] else {})
    return {role: "; ".join(covered) for role, covered in words.items()}


def _scores(content: ReportJson) -> list[tuple[str, EstimateJson]]:
    """(role, estimate) of every score of every model."""
    return [
        (name, estimate)
        for model in content["models"]
        for name, role in model["roles"].items()
        for estimate in role["scores"].values()
    ]


def _leading(content: ReportJson) -> list[tuple[str, EstimateJson]]:
    """(role, accuracy) of every model of the leaderboard."""
    return [
        (name, scores["accuracy"])
        for row in content["leaderboard"]
        for name, scores in (row["scores"] or {}).items()
        if "accuracy" in scores
    ]


def embedded_json(value: Any) -> Markup:
    """`value` as JSON that no HTML parser can leave: the characters that matter to one are escaped."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate({ord(character): f"\\u{ord(character):04x}" for character in "<>&"}))


def _policy(scripts: Iterable[str]) -> str:
    """A content security policy that allows these inline scripts, inline styles and data URIs, and nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


def resource(name: str) -> str:
    """The text of a file of templates/: a template, a style sheet, a script."""
    return resources.files("snellen.report.templates").joinpath(name).read_text(encoding="utf-8")


def _visible(value: object) -> object:
    """Texts with what would turn the direction of the words after them, as a name may hold it, escaped."""
    return plain(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(resource),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters.update(FILTERS | confusion_cells.FILTERS)
    environment.globals["scroll"] = scroll
    return environment
