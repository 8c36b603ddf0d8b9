"""The page that shows the models of a run beside each other: scores, confusion matrices, recalls, units, and what
changes from one model to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import FEW_CLASSES, LISTED_CLASSES, MATRIX_CLASSES
from snellen.report.figures import confusion_cells
from snellen.report.figures.confusion_cells import blocks, most_confused
from snellen.report.figures.image_noise import shows_more_than_noise
from snellen.report.figures.sprites import Sheet, build_sheet
from snellen.report.model_types import EstimateJson, ModelJson
from snellen.report.names import shortened
from snellen.report.page import LABEL, Detail, filled, resource
from snellen.report.pages.plain import NO_IMAGES
from snellen.report.side_by_side_types import PairJson, UnitInShortJson, UnitsInShortJson
from snellen.report.types import ReportJson

CONFUSIONS = 5
"""Most frequent confusions that are listed for a model."""
DRIVING_BYTES = 40_000
"""Largest sprite sheet of what drives the units of a layer."""


def side_by_side_page(report: ReportJson, results: Mapping[PlannedAnalysis, AnalysisResult]) -> str:
    """The whole HTML, of a report with `side_by_side`. results: of the analyses, for drawings of units."""
    beside = report["side_by_side"]
    columns = [_column(report, name) for name in beside["models"]]
    roles = list(dict.fromkeys(role for role in (beside["role"], *(one["role"] for one in beside["pairs"])) if role))
    arrays = {one.title: result.arrays for one, result in results.items()}
    layers = {name: [_layer(each, arrays[each["title"]]) for each in found] for name, found in beside["units"].items()}
    sheets = [each["sheet"] for found in layers.values() for each in found if each["sheet"] is not None]
    classes = report["data"]["classes"]
    heading = {
        "study": report["study"],
        "snellen": report["snellen"],
        "report": "../report.html#leaderboard",
        "data": report["data"],
        "beside": beside,
    }
    return filled(
        "side_by_side.html.j2",
        heading,
        {},
        _cells(columns, roles, classes),
        {"beside": resource("side_by_side.js")},
        sheet=build_sheet(NO_IMAGES, [], 1_000),
        columns=columns,
        roles=roles,
        opened=beside["role"] or roles[0],
        pairs=[_pair(pair, report) for pair in beside["pairs"]],
        listed={role: _listed(columns, role, len(classes)) for role in roles},
        layers=layers,
        sheets=sheets,
        detail=Detail(0, None),
        matrix_classes=MATRIX_CLASSES,
        label_length=LABEL,
    )


def _column(report: ReportJson, name: str) -> dict[str, Any]:
    """A model with its standing in the leaderboard: means over seeds or folds where there are several networks."""
    model = next(each for each in report["models"] if each["name"] == name)
    standing = next(each for each in report["leaderboard"] if each["model"] == name)
    means = {"out_of_fold" if role == "held_out" else role: one for role, one in standing["scores"].items()}
    return {
        "model": model,
        "network": [f"{layer['kind']} {layer['detail']}".strip() for layer in _telling(model)],
        "standing": {role: means.get(role, one["scores"]) for role, one in model["roles"].items()},
        "confusions": {role: most_confused(one, CONFUSIONS) for role, one in model["roles"].items()},
    }


def _telling(model: ModelJson) -> list[Any]:
    """The layers without those that only change the shape."""
    return [layer for layer in model["layers"] if layer["kind"] != "flatten"]


def _cells(columns: list[dict[str, Any]], roles: list[str], classes: list[str]) -> dict[str, Any]:
    """What the script of every page needs of the matrices; no images stand behind their cells."""
    known = {
        f"{place}-{role}": column["model"]["roles"][role]["confusion"]
        for place, column in enumerate(columns)
        for role in roles
        if role in column["model"]["roles"]
    }
    entries = {key: confusion_cells.entries(matrix) for key, matrix in known.items()}
    return {
        "matrices": {key: {} for key in known},
        "entries": {key: found for key, found in entries.items() if found},
        "rows": [],
        "columns": 1,
        "classes": classes,
        "short": shortened(classes, LABEL),
    }


def _listed(columns: list[dict[str, Any]], role: str, num_classes: int) -> list[int]:
    """The classes whose recalls are listed, in their order: all, or the LISTED_CLASSES with the lowest on average."""
    own = [column["model"]["roles"][role]["per_class"] for column in columns if role in column["model"]["roles"]]
    means = [float(np.mean([_value(rows[at]["recall"]) for rows in own])) for at in range(num_classes)]
    return sorted(sorted(range(num_classes), key=lambda at: means[at])[:LISTED_CLASSES])


def _value(estimate: EstimateJson | None) -> float:
    """1 where it is undefined: such a class is not listed first."""
    return 1.0 if estimate is None or estimate["value"] is None else estimate["value"]


def _pair(pair: PairJson, report: ReportJson) -> dict[str, Any]:
    """With the matrix of differences, second minus first: of classes, or of blocks of them where they are many."""
    models = {model["name"]: model for model in report["models"]}
    of = [models[pair[end]]["roles"][pair["role"]] for end in ("first", "second")]
    if {each["n"] for each in of} != {pair["images"]}:
        return {**pair, "ends": None, "differences": None, "largest": 1}
    matrices, ends = [each["confusion"] for each in of], None
    if len(matrices[0]) > MATRIX_CLASSES:
        found = [blocks(matrix) for matrix in matrices]
        matrices, ends = [each["mistakes"] for each in found], found[0]["ends"]
    change = np.array(matrices[1]) - np.array(matrices[0])
    return {**pair, "ends": ends, "differences": change.tolist(), "largest": max(1, int(np.abs(change).max()))}


def _layer(units: UnitsInShortJson, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """With the sheet of what drives the units most, and the tile of each; none where it shows noise."""
    maximal = arrays.get("maximal")
    tiles: dict[int, int] = {}
    sheet: Sheet | None = None
    if maximal is not None and units["shown"]:
        shown = np.array([one["unit"] for one in units["shown"]])
        kept = shown[shows_more_than_noise(maximal[shown])]
        tiles = {int(unit): tile for tile, unit in enumerate(kept)}
        if tiles:
            none = Thumbnails(np.zeros(0, np.int64), np.zeros((0, *maximal.shape[1:]), np.uint8))
            sheet = build_sheet(none, [], DRIVING_BYTES, extra=maximal[kept])
    return {**units, "sheet": sheet, "drawn": [_unit(one, tiles.get(one["unit"])) for one in units["shown"]]}


def _unit(unit: UnitInShortJson, tile: int | None) -> dict[str, Any]:
    """With the axis of its activations, and the classes that are drawn: of many those with the highest medians."""
    ends = [value for value in (*unit["low"], *unit["high"]) if value is not None]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    medians = [-np.inf if value is None else value for value in unit["median"]]
    highest = sorted(range(len(medians)), key=lambda at: -medians[at])[:FEW_CLASSES]
    return {
        **unit,
        "tile": tile,
        "axis": (low, high if high > low else low + 1),
        "classes": sorted(highest),
    }
