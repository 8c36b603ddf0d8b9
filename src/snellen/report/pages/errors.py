"""The page of errors: weak slices, mistakes of all models, mistakes of each model."""

from __future__ import annotations

from itertools import groupby
from typing import Any, cast

from snellen.explain.errors.facts import ErrorsFacts
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import CELL_SHEET_BYTES
from snellen.report.figures.sprites import build_sheet
from snellen.report.formats import ends
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs


def errors_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, arrays = cast(ErrorsFacts, inputs.result.facts), inputs.result.arrays
    return filled(
        "errors.html.j2",
        inputs.heading,
        {},
        {},
        sheet=build_sheet(Thumbnails(arrays["rows"], arrays["pictures"]), arrays["rows"].tolist(), CELL_SHEET_BYTES),
        facts=facts,
        classes=inputs.classes,
        measures=_by_measure(facts),
        weak={(one["slice"], one["model"]): one for one in facts["weak"]},
        axis=ends([end for each in facts["slices"] for one in each["accuracy"] for end in (one["low"], one["high"])]),
        sentences=inputs.result.sentences,
    )


def _by_measure(facts: ErrorsFacts) -> list[tuple[str, list[dict[str, Any]]]]:
    """Slices with their index, by measure."""
    placed = [{**each, "place": at} for at, each in enumerate(facts["slices"])]
    return [(name, list(own)) for name, own in groupby(placed, key=lambda each: each["measure"])]
