"""The page of the maps of one network: all points, small pictures of some, and one canvas to look at them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup

from snellen.explain.thumbnails import Thumbnails
from snellen.limits import MAP_POINTS, MAP_SHEET_BYTES
from snellen.phrases import count
from snellen.report.formats import percent, seconds
from snellen.report.names import shortened
from snellen.report.page import embedded_json, filled, resource
from snellen.report.pages.leaf import Leaf
from snellen.report.sprites import Sheet, build_sheet

ORDER = ("tsne", "umap", "units", "pca_layer", "pca_pixels", "pixels")
"""In which maps are offered; the first is shown first."""

GRID = 65_535
"""Places are stored as whole numbers up to this: 16 bits an axis, finer than any screen."""

SPREAD = 0.012
"""How far points of two pixels are moved, in shares of the whole range, so that they do not cover each other."""

NAMED = ("tsne", "umap", "units")
"""Maps that part the classes enough for names to stand at their middles."""

LONGEST_ID = 80


def map_page(leaf: Leaf) -> str:
    """The whole HTML."""
    facts, arrays = leaf.outcome.facts, leaf.outcome.arrays
    lots = np.random.default_rng(0).permutation(len(arrays["picture_rows"]))
    pictures = Thumbnails(arrays["picture_rows"], arrays["pictures"])
    sheet = build_sheet(pictures, arrays["picture_rows"][lots].tolist(), MAP_SHEET_BYTES)
    points = _in_order(leaf.outcome.tables["points"], list(sheet.tiles))
    maps = sorted(facts["maps"], key=lambda one: ORDER.index(one["name"]))
    described = [{**one, "title": title_of(one), "note": note_of(one, facts)} for one in maps]
    return filled(
        "pages/maps.html.j2",
        leaf.heading,
        {},
        {},
        {"maps": resource("pages/maps.js")},
        sheet=sheet,
        facts=facts,
        maps=described,
        classes=leaf.classes,
        drawn=len(points),
        sentences=leaf.outcome.sentences,
        style=Markup(resource("pages/maps.css")),
        atlas=embedded_json(_atlas(points, described, leaf.classes, sheet)),
    )


def title_of(one: dict[str, Any]) -> str:
    """What a map is called."""
    methods = {"pca_layer": "PCA", "tsne": "t-SNE", "umap": "UMAP", "units": "Units"}
    of_pixels = {"pixels": "Two pixels", "pca_pixels": "PCA of the pixels"}
    return of_pixels.get(one["name"]) or f"{methods[one['name']]} of {one['of']}"


def note_of(one: dict[str, Any], facts: dict[str, Any]) -> str:
    """How a map was made, and how far it can be trusted."""
    space = "all pixels" if one["of"] == "pixels" else f"all {facts['width']:,} values of {one['of']}"
    trust, kept = one["trustworthiness"], one["kept"]
    judged = (
        f"Trustworthiness {trust['value']:.3f} ({trust['low']:.3f} to {trust['high']:.3f}): of the {facts['nearest']} "
        f"nearest images on the map {percent(kept['value'])} are among the {facts['nearest']} nearest in {space}, over "
        f"{facts['judged']:,} images."
    )
    return f"{_made(one, facts)} {judged}"


def _made(one: dict[str, Any], facts: dict[str, Any]) -> str:
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
        return "What the two units give, as it is."
    how = one["settings"]
    detail = (
        f"perplexity {how['perplexity']:g}, {how['iterations']:,} iterations"
        if one["name"] == "tsne"
        else f"{how['neighbours']} neighbours"
    )
    threads = "1 thread" if how["threads"] == 1 else f"{how['threads']} threads"
    return (
        f"From PCA, {detail}, seed {facts['seed']}, {threads}, {seconds(one['seconds'])}. Who is beside whom counts; "
        "how far apart clusters are, and how large, means little."
    )


def _in_order(points: pl.DataFrame, pictured: Sequence[int]) -> pl.DataFrame:
    """Those with a tile first, in the order of the tiles, then others by lot, MAP_POINTS at most."""
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
    """A map, all its axes on one scale: what is as far in numbers is as far on the screen."""
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
    """Of t-SNE and UMAP none: they may be turned, mirrored and moved."""
    if one["name"] == "pixels":
        return [f"pixel {row}, {column}" for row, column in one["pixels"]]
    if "explained" in one:
        return [f"component {place} ({percent(share)})" for place, share in enumerate(one["explained"], 1)]
    return [f"unit {count(unit)}" for unit in range(2)] if one["name"] == "units" else ["", ""]


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.asarray(values).round().astype(kind).tobytes()).decode()
