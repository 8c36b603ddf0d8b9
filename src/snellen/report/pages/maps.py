"""The page of the maps of one network: all points, small images of some, and one canvas to look at them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from markupsafe import Markup

from snellen.explain.maps.facts import MapJson, MapsFacts
from snellen.explain.thumbnails import Thumbnails
from snellen.limits import MAP_POINTS, MAP_SHEET_BYTES
from snellen.phrases import count
from snellen.report.figures.sprites import Sheet, build_sheet
from snellen.report.formats import percent, seconds
from snellen.report.names import shortened
from snellen.report.page import embedded_json, filled, resource
from snellen.report.pages.page_inputs import PageInputs

ORDER = ("tsne", "umap", "units", "pca_layer", "pca_pixels", "pixels")
"""The order in which maps are offered; the first is shown first."""

GRID = 65_535
"""Positions are stored as whole numbers up to this: 16 bits per axis, finer than any screen."""

SPREAD = 0.012
"""How far points of two pixels are moved, in shares of the whole range, so that they do not cover each other."""

NAMED = ("tsne", "umap", "units")
"""Maps that separate the classes well enough to write their names at their medians."""

LONGEST_ID = 80


def map_page(inputs: PageInputs) -> str:
    """The whole HTML."""
    facts, arrays = cast(MapsFacts, inputs.result.facts), inputs.result.arrays
    lots = np.random.default_rng(0).permutation(len(arrays["picture_rows"]))
    images = Thumbnails(arrays["picture_rows"], arrays["pictures"])
    sheet = build_sheet(images, arrays["picture_rows"][lots].tolist(), MAP_SHEET_BYTES)
    points = _in_order(inputs.result.tables["points"], list(sheet.tiles))
    maps = sorted(facts["maps"], key=lambda one: ORDER.index(one["name"]))
    described = [{**one, "title": title_of(one), "note": note_of(one, facts)} for one in maps]
    return filled(
        "maps.html.j2",
        inputs.heading,
        {},
        {},
        {"maps": resource("maps.js")},
        sheet=sheet,
        facts=facts,
        maps=described,
        classes=inputs.classes,
        drawn=len(points),
        sentences=inputs.result.sentences,
        style=Markup(resource("maps.css")),
        atlas=embedded_json(_atlas(points, described, inputs.classes, sheet)),
    )


def title_of(one: MapJson) -> str:
    """What a map is called."""
    methods = {"pca_layer": "PCA", "tsne": "t-SNE", "umap": "UMAP", "units": "Units"}
    of_pixels = {"pixels": "Two pixels", "pca_pixels": "PCA of the pixels"}
    return of_pixels.get(one["name"]) or f"{methods[one['name']]} of {one['of']}"


def note_of(one: MapJson, facts: MapsFacts) -> str:
    """How a map was made, and how far it can be trusted."""
    space = "all pixels" if one["of"] == "pixels" else f"all {facts['width']:,} values of {one['of']}"
    trust, kept = one["trustworthiness"], one["kept"]
    judged = (
        f"Trustworthiness {trust['value']:.3f} ({trust['low']:.3f} to {trust['high']:.3f}): of the {facts['nearest']} "
        f"nearest images on the map {percent(kept['value'])} are among the {facts['nearest']} nearest in {space}, over "
        f"{facts['judged']:,} images."
    )
    return f"{_made(one, facts)} {judged}"


def _made(one: MapJson, facts: MapsFacts) -> str:
    if one["name"] == "pixels":
        across, up = (f"row {row}, column {column}" for row, column in one["pixels"])
        return (
            f"Brightness of the pixel in {across} to the right, in {up} upwards, from 0; {percent(one['piled'])} "
            f"of the images are at one point, so each is moved by up to {100 * SPREAD:.1f} % of the range."
        )
    if "explained" in one:
        shares = ", ".join(percent(share) for share in one["explained"])
        return f"Principal components, which explain {shares} of the variance."
    if one["name"] == "units":
        return "The outputs of the two units."
    how = one["settings"]
    detail = (
        f"perplexity {how['perplexity']:g}, {how['iterations']:,} iterations"
        if one["name"] == "tsne"
        else f"{how['neighbours']} neighbours"
    )
    threads = "1 thread" if how["threads"] == 1 else f"{how['threads']} threads"
    return (
        f"From PCA, {detail}, seed {facts['seed']}, {threads}, {seconds(one['seconds'])}. Only which images are "
        "neighbours counts: how far apart clusters are, and how large, means little."
    )


def _in_order(points: pl.DataFrame, pictured: Sequence[int]) -> pl.DataFrame:
    """Points with an image first, in the order of the tiles, then a random sample of the others; MAP_POINTS at
    most."""
    places = {row: place for place, row in enumerate(points["row"].to_list())}
    first = np.array([places[row] for row in pictured], np.int64)
    others = np.setdiff1d(np.arange(len(points)), first)
    rest = np.random.default_rng(1).permutation(others)[: max(0, MAP_POINTS - len(first))]
    return points[np.concatenate([first, rest])]


def _atlas(points: pl.DataFrame, maps: list[dict[str, Any]], classes: list[str], sheet: Sheet) -> dict[str, Any]:
    """What the canvas draws; numbers as base64 of little-endian arrays."""
    codes = {name: code for code, name in enumerate(classes)}
    columns = {
        "rows": _packed(points["row"].to_numpy(), "<u4"),
        "labels": _packed([codes[name] for name in points["label"]], "<u2"),
        "predicted": _packed([codes[name] for name in points["predicted"]], "<u2"),
        "probability": _packed(points["probability"].to_numpy().clip(0, 1) * GRID, "<u2"),
    }
    return {
        **columns,
        "count": len(points),
        "tiles": len(sheet.tiles),
        "columns": sheet.columns,
        "lines": sheet.lines,
        "classes": classes,
        "short": shortened(classes, 24),
        "ids": [name[-LONGEST_ID:] for name in points["id"][: len(sheet.tiles)]],
        "maps": [_places(one, points) for one in maps],
    }


def _places(one: dict[str, Any], points: pl.DataFrame) -> dict[str, Any]:
    """A map with the same scale on all axes, so that distances on the screen are proportional to distances in
    numbers."""
    positions = np.stack([points[f"{one['name']}_{axis}"].to_numpy() for axis in "xyz"[: one["axes"]]]).astype(float)
    if one["name"] == "pixels":
        positions += np.random.default_rng(2).uniform(-SPREAD, SPREAD, positions.shape)
    low, high = positions.min(1, keepdims=True), positions.max(1, keepdims=True)
    span = float((high - low).max()) or 1.0
    whole = ((positions - (low + high) / 2) / span + 0.5) * GRID
    return {
        "title": one["title"],
        "note": one["note"],
        "axes": _axis_titles(one),
        "named": one["name"] in NAMED,
        "places": [_packed(each, "<u2") for each in whole],
    }


def _axis_titles(one: dict[str, Any]) -> list[str]:
    """Empty for t-SNE and UMAP: rotation, reflection and translation of these maps mean nothing."""
    if one["name"] == "pixels":
        return [f"pixel {row}, {column}" for row, column in one["pixels"]]
    if "explained" in one:
        return [f"component {place} ({percent(share)})" for place, share in enumerate(one["explained"], 1)]
    return [f"unit {count(unit)}" for unit in range(2)] if one["name"] == "units" else ["", ""]


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.asarray(values).round().astype(kind).tobytes()).decode()
