"""The page of where the models fail: weak slices, mistakes of all, mistakes of each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from snellen.explain.thumbnails import Thumbnails
from snellen.limits import CELL_SHEET_BYTES
from snellen.report.formats import ends
from snellen.report.page import filled
from snellen.report.pages.leaf import Leaf
from snellen.report.sprites import build_sheet


def errors_page(leaf: Leaf) -> str:
    """The whole HTML."""
    facts, arrays = leaf.outcome.facts, leaf.outcome.arrays
    return filled(
        "pages/errors.html.j2",
        leaf.heading,
        {},
        {},
        sheet=build_sheet(Thumbnails(arrays["rows"], arrays["pictures"]), arrays["rows"].tolist(), CELL_SHEET_BYTES),
        facts=facts,
        classes=leaf.classes,
        measures=_by_measure(facts),
        weak={(one["slice"], one["model"]): one for one in facts["weak"]},
        axis=ends([end for each in facts["slices"] for one in each["accuracy"] for end in (one["low"], one["high"])]),
        sentences=leaf.outcome.sentences,
    )


def _by_measure(facts: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Slices with their place, by what is measured."""
    placed = [{**each, "place": at} for at, each in enumerate(facts["slices"])]
    return [(name, list(own)) for name, own in groupby(placed, key=lambda each: each["measure"])]
