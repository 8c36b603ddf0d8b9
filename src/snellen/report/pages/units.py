"""The page of unit dossiers: all units in one table, and of each what it responds to, in images and numbers."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import polars as pl

from snellen.explain.thumbnails import Thumbnails
from snellen.explain.units.box_plots import NUMBERS
from snellen.explain.units.facts import UnitsFacts
from snellen.limits import LISTED_CLASSES
from snellen.report.figures.image_noise import NOISE, shows_more_than_noise
from snellen.report.figures.sprites import Sheet, build_sheet
from snellen.report.names import keys, shortened
from snellen.report.page import embedded_json, filled, resource
from snellen.report.pages.page_inputs import PageInputs

IMAGES_BYTES, WEIGHTS_BYTES = 1_500_000, 400_000
"""Largest sprite sheets: of the images, and each of what drives units and of their weights."""
PAGE_UNITS = 400
"""Most units of one page, those that tell most of the class: a dossier is 4 KB. The tables of the run have all."""
ROW_IMAGES = 4
"""Images that activate a unit most, in its row of the table."""
AT_ONCE_UNITS = 2
"""Most units whose dossiers stand open in the page."""
ZERO, UP, DOWN = (22, 24, 28), (150, 200, 255), (255, 120, 130)
"""Colours of weights: as dark as the images around them where they are 0."""
CLIPPED = 97
"""Per cent of a unit's weights within the range of colours; single extreme ones would hide all others."""


def units_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, tables, arrays = cast(UnitsFacts, inputs.result.facts), inputs.result.tables, inputs.result.arrays
    shown = shown_units(tables["units"])
    sheets, tiles = _sheets(arrays, shown)
    heads = keys(facts["classes"])
    of_unit = {name: _by_unit(tables[name]) for name in ("classes", "boxes", "units")}
    dossiers = [
        _dossier({name: each[unit] for name, each in of_unit.items()}, arrays, sheets["pictures"], unit)
        | {"tiles": {name: own.get(unit) for name, own in tiles.items()}}
        for unit in shown
    ]
    return filled(
        "units.html.j2",
        inputs.heading,
        {},
        {},
        {"units": resource("units.js")},
        sheet=sheets["pictures"],
        sheets={name: sheet for name, sheet in sheets.items() if name != "pictures"},
        facts=facts,
        rows=[_row(of_unit["units"][each["unit"]].row(0, named=True), each) for each in dossiers],
        sentences=inputs.result.sentences,
        dead=tables["units"].filter("dead")["unit"].to_list(),
        noise={name: len(shown) - len(own) for name, own in tiles.items()},
        noise_below=NOISE,
        open_dossiers=0 < len(shown) <= AT_ONCE_UNITS,
        row_images=ROW_IMAGES,
        heads=heads,
        numbered=heads == [str(place) for place in range(1, len(heads) + 1)] != facts["classes"],
        details=embedded_json({**_shared(facts, tables, arrays), "units": [_reduced(each) for each in dossiers]}),
    )


def shown_units(table: pl.DataFrame) -> list[int]:
    """The units of the page, in order. The dead give every image the same answer: there is nothing to show of them."""
    most = table.filter(~pl.col("dead")).sort("information_bits", descending=True, maintain_order=True).head(PAGE_UNITS)
    return sorted(most["unit"].to_list())


def _by_unit(table: pl.DataFrame) -> dict[int, pl.DataFrame]:
    parts = table.partition_by("unit", as_dict=True, maintain_order=True)
    return {int(unit): rows for (unit,), rows in parts.items()}


def _sheets(arrays: dict[str, np.ndarray], shown: list[int]) -> tuple[dict[str, Sheet], dict[str, dict[int, int]]]:
    """Sheets by name, and the tile of each unit. images: of the data set. maximal and, where there are any, weights:
    those that show more than noise; without any there is no sheet."""
    rows = np.unique(np.concatenate([arrays["most"][shown], arrays["least"][shown]]))
    thumbnails = Thumbnails(arrays["rows"], arrays["images"])
    sheets, tiles = {"pictures": build_sheet(thumbnails, rows, IMAGES_BYTES)}, {}
    for name, colour, max_bytes in (("maximal", np.asarray, IMAGES_BYTES // 3), ("weights", coloured, WEIGHTS_BYTES)):
        if name not in arrays:
            continue
        own = arrays[name][shown]
        kept = np.flatnonzero(shows_more_than_noise(own))
        tiles[name] = {shown[at]: tile for tile, at in enumerate(kept)}
        if len(kept):
            sheets[name] = _sheet(colour(own[kept]), max_bytes)
    return sheets, tiles


def _sheet(images: np.ndarray, max_bytes: int) -> Sheet:
    none = Thumbnails(np.zeros(0, np.int64), np.zeros((0, *images.shape[1:]), np.uint8))
    return build_sheet(none, [], max_bytes, extra=images)


def coloured(weights_UHWC: np.ndarray) -> np.ndarray:
    """(U, H, W, 3) uint8. Of one channel: UP and DOWN from ZERO; of three: their own colours around grey."""
    largest = np.percentile(np.abs(weights_UHWC), CLIPPED, axis=(1, 2, 3), keepdims=True)
    scaled = (weights_UHWC / np.where(largest > 0, largest, 1)).clip(-1, 1)
    if weights_UHWC.shape[3] == 3:
        return np.asarray((127.5 + 127.5 * scaled).round(), np.uint8)
    signed = scaled.mean(3, keepdims=True)
    ends = np.where(signed > 0, UP, DOWN)
    return np.asarray((ZERO + (ends - np.array(ZERO)) * np.abs(signed)).round(), np.uint8)


def _shared(facts: UnitsFacts, tables: dict[str, pl.DataFrame], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What all units have in common."""
    ranges = tables["boxes"].filter(pl.col("unit") == 0)
    images = {by: ranges.filter(pl.col("by") == by)["images"].to_list() for by in ("true", "predicted")}
    points = {}
    if "points" in arrays:
        points = {
            "points": arrays["points"].astype(float).round(3).tolist(),
            "labels": {by: arrays[f"points_{by}"].tolist() for by in ("true", "predicted")},
        }
    return {
        "noun": facts["noun"],
        "classes": facts["classes"],
        "role": facts["role"],
        "maximal": facts["maximal"],
        "goal": facts["goal"],
        "short": shortened(facts["classes"], 18),
        "images": images,
        **points,
    }


def _dossier(tables: dict[str, pl.DataFrame], arrays: dict[str, np.ndarray], sheet: Sheet, unit: int) -> dict[str, Any]:
    """All of one unit, from its rows of the tables, in few digits; lists over classes are in their order."""
    classes, boxes, own = tables["classes"], tables["boxes"], tables["units"].row(0, named=True)
    area, mean, zero = (
        _columns(classes, names) for names in (("area", "low", "high"), *(_changes(way) for way in ("mean", "zero")))
    )
    return {
        "unit": unit,
        "sentence": own["sentence"],
        "area": area,
        "overlap": [few(value) for value in classes["box_overlap"]],
        "selective": classes["selective"].to_list(),
        "needed": classes["needed"].to_list(),
        "used": classes["used"].to_list(),
        "mean": mean,
        "zero": zero,
        "boxes": {by: _columns(boxes.filter(pl.col("by") == by), NUMBERS) for by in ("true", "predicted")},
        "most": _tiles(sheet, arrays["most"][unit]),
        "least": _tiles(sheet, arrays["least"][unit]),
        "nearest": [
            [each, round(correlation, 2)]
            for each, correlation in zip(own["nearest"], own["nearest_correlation"], strict=True)
        ],
        "drive": [few(own["drive"]), few(own["drive_spread"])],
    }


def _reduced(dossier: dict[str, Any]) -> dict[str, Any]:
    """A dossier of at most LISTED_CLASSES classes, `of` says which: those that the unit responds to or that need it,
    then the most and the least active ones. With hundreds of classes all of them would be 100 kB a unit."""
    number = len(dossier["area"])
    if number <= LISTED_CLASSES:
        return dossier
    area = [-1.0 if one[0] is None else one[0] for one in dossier["area"]]
    order = sorted(range(number), key=lambda at: -area[at])
    claimed = [at for at in order if dossier["selective"][at] or dossier["needed"][at] or dossier["used"][at]]
    ends = [*order[: LISTED_CLASSES // 4], *order[-LISTED_CLASSES // 8 :]]
    of = sorted(dict.fromkeys([*claimed, *ends]), key=lambda at: -area[at])
    kept = sorted(sorted(of, key=lambda at: (at not in claimed, at not in ends))[:LISTED_CLASSES], key=of.index)
    lists = ("area", "overlap", "selective", "needed", "used", "mean", "zero")
    boxes = {by: [own[at] for at in kept] for by, own in dossier["boxes"].items()}
    return {**dossier, **{name: [dossier[name][at] for at in kept] for name in lists}, "boxes": boxes, "of": kept}


def _changes(way: str) -> tuple[str, ...]:
    return tuple(f"{way}_{measure}{end}" for measure in ("recall", "probability") for end in ("", "_low", "_high"))


def _columns(table: pl.DataFrame, names: tuple[str, ...]) -> list[list[float | None]]:
    """A list a row."""
    return [[few(value) for value in row] for row in table.select(names).rows()]


def _tiles(sheet: Sheet, rows: np.ndarray) -> list[int | None]:
    return [sheet.tiles.get(int(row)) for row in rows]


def few(value: float | None) -> float | None:
    """Rounded to four digits; -0 becomes 0."""
    return None if value is None else float(f"{value:.4g}") + 0.0


def _row(own: dict[str, Any], dossier: dict[str, Any]) -> dict[str, Any]:
    """What the table of all units says of one."""
    best = max(range(len(dossier["area"])), key=lambda at: dossier["area"][at][0] or 0.0)
    return {**own, "best": best, "flags": _flags(own), "worst": _worst(dossier), **dossier}


def _flags(own: dict[str, Any]) -> list[str]:
    count = own["selective_classes"]
    found = {
        "dead": own["dead"],
        "duplicate": own["duplicate_of"] is not None,
        "one class": count == 1,
        "several classes": count > 1,
        "no class": count == 0 and not own["dead"],
        "needed": own["needed_by_classes"] > 0,
    }
    return [name for name, holds in found.items() if holds]


def _worst(dossier: dict[str, Any]) -> dict[str, Any] | None:
    """The class that loses most without the unit: recall where that is shown, else probability, else None."""
    for kind, measure, column in (("needed", "recall", 0), ("used", "probability", 3)):
        losing = [at for at, holds in enumerate(dossier[kind]) if holds]
        if losing:
            at = min(losing, key=lambda each: dossier["mean"][each][column])
            value, low, high = dossier["mean"][at][column : column + 3]
            return {"class": at, "measure": measure, "value": value, "low": low, "high": high}
    return None
