"""The page on which suspected wrong labels are reviewed: it works from the file alone, and exports reviews.csv."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from snellen.explain.thumbnails import Thumbnails
from snellen.explain.wrong_labels.facts import SuspectJson, WrongLabelsFacts
from snellen.explain.wrong_labels.words import SIGNALS
from snellen.files.hashing import identity
from snellen.limits import SHEET_BYTES
from snellen.report.figures.sprites import Sheet, build_sheet
from snellen.report.page import embedded_json, filled, resource
from snellen.report.pages.page_inputs import PageInputs

DIGIT_KEYS = "1234567890"


def wrong_labels_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, arrays = cast(WrongLabelsFacts, inputs.result.facts), inputs.result.arrays
    every = [*facts["suspects"], *(facts["test"] or [])]
    thumbnails = Thumbnails(arrays["rows"].astype(np.int64), arrays["images"])
    sheet = build_sheet(thumbnails, [one["row"] for one in every], SHEET_BYTES)
    keys = class_keys(facts["classes"])
    content: dict[str, Any] = {
        "list": identity([[one["picture"], one["label"]] for one in every])[:16],
        "study": inputs.report["study"],
        "classes": facts["classes"],
        "keys": keys,
        "listed": len(facts["suspects"]),
        "suspects": [_for_review(one, sheet) for one in every],
    }
    return filled(
        "wrong_labels.html.j2",
        inputs.heading,
        {},
        {},
        {"review": resource("review.js")},
        sheet=sheet,
        facts=facts,
        lists=[
            ("outside the test", facts["suspects"], 0),
            ("in the test", facts["test"] or [], len(facts["suspects"])),
        ],
        signals=SIGNALS,
        keys=keys,
        sentences=inputs.result.sentences,
        review=embedded_json(content),
    )


def class_keys(classes: list[str]) -> dict[str, str]:
    """The key that answers with a class: its own name where all names are one digit, else 1, 2, ... 0 for the first."""
    if all(name in DIGIT_KEYS for name in classes):
        return {name: name for name in classes}
    return dict(zip(DIGIT_KEYS, classes))


def _for_review(one: SuspectJson, sheet: Sheet) -> dict[str, Any]:
    """What the script shows of a suspect, and what it exports."""
    tile = sheet.tiles.get(one["row"])
    return {**one, "style": None if tile is None else sheet.style(tile)}
