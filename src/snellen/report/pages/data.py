"""The page of the data: classes, near-duplicates, suspects for review and outliers, each with its neighbours."""

from __future__ import annotations

from typing import cast

import numpy as np

from snellen.explain.data.facts import DataFacts
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import SHEET_BYTES
from snellen.report.figures.sprites import build_sheet
from snellen.report.page import filled
from snellen.report.pages.page_inputs import PageInputs


def data_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, arrays = cast(DataFacts, inputs.result.facts), inputs.result.arrays
    thumbnails = Thumbnails(arrays["rows"].astype(np.int64), arrays["images"])
    suspects = facts["suspects"]
    groups = [
        ("not trained on", [one for one in suspects if one["role"] != "train"], facts["counts"]["untrained_suspects"]),
        ("trained on", [one for one in suspects if one["role"] == "train"], facts["counts"]["trained_suspects"]),
    ]
    return filled(
        "data.html.j2",
        inputs.heading | {"data": {"classes": inputs.classes}},
        {},
        {},
        sheet=build_sheet(thumbnails, thumbnails.rows.tolist(), SHEET_BYTES, arrays["looks"]),
        facts=facts,
        suspects=groups,
        sentences=inputs.result.sentences,
    )
