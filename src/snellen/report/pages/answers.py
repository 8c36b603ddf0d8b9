"""The page of explained predictions: images with attribution maps, neighbours and units; the most frequent
confusions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from snellen.explain.answers.chosen_images import GIVEN, MISTAKE, NARROW, SURE
from snellen.explain.answers.facts import AnswersFacts, ImageJson
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import SHEET_BYTES
from snellen.report.figures.attribution_colours import diverging, sequential, sheet_of
from snellen.report.figures.sprites import Sheet, build_sheet
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs

MAPS = {
    "grad_cam": ("Grad-CAM", sequential),
    "integrated_gradients": ("Integrated gradients", diverging),
    "occlusion": ("Occlusion", diverging),
}
"""What the maps are called, and how they are coloured."""

KINDS = {
    GIVEN: "Images named in the study",
    MISTAKE: "Most confident mistakes",
    NARROW: "Least confident correct predictions",
    SURE: "Most confident correct prediction of each class",
}

UNSAID: dict[str, Any] = {"integrated": None, "occlusion": None, "neighbours": [], "units": []}
"""The facts of an image about methods that were not used."""

SHOWN_CLASSES = 5
"""Classes whose probability is drawn, the most probable first."""


def answers_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, arrays = cast(AnswersFacts, inputs.result.facts), inputs.result.arrays
    thumbnails = Thumbnails(arrays["rows"], arrays["pictures"])
    images = [{**UNSAID, **image, "place": at} for at, image in enumerate(facts["images"])]
    groups = [
        {"name": name, "images": [image for image in images if image["why"] == why]} for why, name in KINDS.items()
    ]
    return filled(
        "answers.html.j2",
        inputs.heading,
        {},
        {},
        sheet=build_sheet(
            thumbnails, arrays["rows"].tolist(), SHEET_BYTES, arrays["means"] if facts["cells"] else None
        ),
        maps=_map_sheets(arrays),
        differences=sheet_of(diverging(arrays["differences"]), SHEET_BYTES // 4) if facts["cells"] else None,
        names={way: name for way, (name, _) in MAPS.items()},
        groups=[group for group in groups if group["images"]],
        facts=facts,
        classes=inputs.classes,
        ranked=_ranked,
        widest=_widest,
        completeness=_completeness(facts),
        sentences=inputs.result.sentences,
    )


def _map_sheets(arrays: Mapping[str, np.ndarray]) -> dict[str, Sheet]:
    return {
        way: sheet_of(draw(arrays[way]), SHEET_BYTES // 2)
        for way, (_, draw) in MAPS.items()
        if way in arrays and len(arrays[way])
    }


def _ranked(image: ImageJson) -> list[tuple[int, float]]:
    """Class and probability of the most probable ones, and of the true one whatever it is."""
    shares = image["probabilities"]
    order = sorted(range(len(shares)), key=lambda code: -shares[code])
    shown = order[:SHOWN_CLASSES]
    return [(code, shares[code]) for code in (shown if image["label"] in shown else [*shown[:-1], image["label"]])]


def _widest(units: list[Mapping[str, Any]], key: str) -> float:
    """The largest absolute value of `key`, for the scale of bars."""
    return max((abs(unit[key]) for unit in units), default=0.0) or 1.0


def _completeness(facts: AnswersFacts) -> dict[str, Any] | None:
    """How well the integrated gradients of all images add up."""
    found = [image["integrated"] for image in facts["images"] if "integrated" in image]
    if not found:
        return None
    complete = sum(each["complete"] for each in found)
    return {"images": len(found), "complete": complete, "worst": max(each["share"] for each in found)}
