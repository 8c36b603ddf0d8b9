"""Protects the page of unit dossiers: it stands alone, stays small, escapes every name, and shows what was found."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import html5lib
import numpy as np
import polars as pl
import pytest
from unit_cases import bars, noise, subject

from snellen.explain.analyses import Asked
from snellen.explain.outcome import Outcome
from snellen.explain.subject import Subject
from snellen.explain.units.analysis import make as units
from snellen.limits import REPORT_BYTES
from snellen.report.pages.leaf import Leaf
from snellen.report.pages.units import DOWN, PAGE_UNITS, UP, ZERO, coloured, few, shown_units, units_page
from snellen.study.analyses import Units

ATTACK = "</script><img src=x onerror=pwned=1>{{7*7}}`'\""


def found(width: int, names: tuple[str, ...] = ("c0", "c1", "c2"), layers: Any = None) -> Outcome:
    images, labels = bars(120)
    one = subject(layers or ["flatten", {"dense": {"units": width, "activation": "relu"}}], images, labels, 80)
    named: Subject = replace(one, classes=names)
    return units(named, Units())


def page(outcome: Outcome) -> str:
    content = {"study": "small", "snellen": "0", "data": {"classes": outcome.facts["classes"]}}
    return units_page(Leaf(Asked("units", Units(), "net"), outcome, content))


def parsed(html: str) -> Any:
    return html5lib.parse(html, namespaceHTMLElements=False)


def details(html: str) -> Any:
    return json.loads(parsed(html).find(".//script[@id='details']").text)


def text_of(html: str) -> str:
    body = parsed(html).find(".//main")
    return " ".join("".join(body.itertext()).split())


def test_every_unit_has_a_row_and_a_dossier() -> None:
    outcome = found(7)
    html = page(outcome)
    rows = parsed(html).findall(".//table/tbody/tr")
    assert [row.get("data-unit") for row in rows] == [str(unit) for unit in range(7)]
    dossiers = details(html)["units"]
    assert [one["sentence"] for one in dossiers] == outcome.tables["units"]["sentence"].to_list()
    assert all(
        sentence.replace("`", "") in text_of(html).replace("\N{NO-BREAK SPACE}", " ") for sentence in outcome.sentences
    )


def test_a_dossier_has_the_numbers_of_the_tables() -> None:
    outcome = found(3)
    one = details(page(outcome))["units"][1]
    row = outcome.tables["classes"].filter(unit=1)
    assert [each[0] for each in one["area"]] == [few(value) for value in row["area"]]
    assert [each[3] for each in one["zero"]] == [few(value) for value in row["zero_probability"]]
    boxes = outcome.tables["boxes"].filter(pl.col("by") == "predicted", pl.col("unit") == 1)
    assert [each[3] for each in one["boxes"]["predicted"]] == [few(value) for value in boxes["median"]]
    assert len(one["most"]) == len(one["least"]) == 12 and None not in one["most"]


def test_a_dead_unit_shows_no_pictures_and_no_area() -> None:
    """A unit that never answers has the same answer to every image, so none of them is its own."""
    alive = found(3)
    own = alive.tables["units"].with_columns(dead=pl.col("unit") == 1)
    html = page(replace(alive, tables={**alive.tables, "units": own}))
    shown = {int(row.get("data-unit")): row for row in parsed(html).findall(".//table/tbody/tr")}
    pictures = {unit: len(row.findall("td/span[@class='row']/*")) for unit, row in shown.items()}
    assert pictures[1] == 0 and pictures[0] == pictures[2] > 0
    areas = ["".join(shown[unit].find("td[@class='costs']").itertext()) for unit in range(3)]
    assert [" to " in area for area in areas] == [True, False, True]


def test_rows_can_be_filtered_by_class_and_kind() -> None:
    outcome = found(7)
    rows = {int(row.get("data-unit")): row for row in parsed(page(outcome)).findall(".//table/tbody/tr")}
    for unit in outcome.tables["units"].to_dicts():
        told = outcome.tables["classes"].filter(unit=unit["unit"])["selective"].to_list()
        assert rows[unit["unit"]].get("data-classes").split() == [str(at) for at, holds in enumerate(told) if holds]
        assert ("dead" in rows[unit["unit"]].get("data-flags").split("|")) == unit["dead"]


def test_names_from_outside_cannot_leave_their_place() -> None:
    plain, attacked = page(found(2)), page(found(2, ("c0", ATTACK, "c2")))
    tags = [Counter(element.tag for element in parsed(html).iter()) for html in (plain, attacked)]
    assert {tag: count for tag, count in tags[1].items() if tag != "b"} == {
        tag: count for tag, count in tags[0].items() if tag != "b"
    }
    assert details(attacked)["classes"][1] == ATTACK and "<img" not in attacked


def test_the_page_asks_for_nothing() -> None:
    for one in parsed(page(found(2))).iter():
        address = one.get("src") or (one.get("href") if one.tag == "link" else "") or ""
        assert address.startswith("data:") or not address


@pytest.mark.parametrize("width", [1, 2, 3])
def test_small_layers_stand_open(width: int) -> None:
    outcome = found(width)
    html = page(outcome)
    assert (parsed(html).find(".//*[@id='opened']") is not None) == (width < 3)
    assert ("points" in details(html)) == (width == 2) == bool(parsed(html).findall(".//canvas"))
    if width == 2:
        np.testing.assert_allclose(details(html)["points"], outcome.arrays["points"], atol=1e-3)


def test_a_layer_without_pictures_of_weights() -> None:
    layers = ["flatten", {"dense": {"units": 4, "activation": "tanh"}}, {"dense": {"units": 3, "activation": "relu"}}]
    html = page(found(0, layers=layers))
    assert "Weights" not in text_of(html) and "gradient ascent" in text_of(html)


def test_hundreds_of_units_stay_under_the_limit() -> None:
    """Noise in colour, which does not shrink; hundreds of units, of which the page shows those that tell most."""
    small, count = found(3), 600
    tiled = {name: pl.concat([table] * 201).head(table.height * count // 3) for name, table in small.tables.items()}
    tiled["units"] = tiled["units"].with_columns(unit=pl.arange(count), information_bits=pl.arange(count) / 1000.0)
    for name, rows in (("classes", 3), ("boxes", 6)):
        tiled[name] = tiled[name].with_columns(unit=(pl.arange(pl.len()) // rows).cast(pl.Int64))
    order = np.tile(["true", "predicted"], count * 3)
    tiled["boxes"] = tiled["boxes"].with_columns(by=pl.Series(order))
    images = np.random.default_rng(0).integers(0, 256, (2_000, 32, 32, 3), dtype=np.uint8)
    shown = np.random.default_rng(1).integers(0, 2_000, (2, count, 4))
    arrays = {
        "maximal": images[:count],
        "weights": np.random.default_rng(2).normal(size=(count, 32, 32, 3)).astype(np.float32),
        "most": shown[0],
        "least": shown[1],
        "rows": np.arange(2_000),
        "images": images,
    }
    html = page(Outcome(small.facts | {"units": count}, tiled, arrays))
    assert len(html.encode()) < REPORT_BYTES
    assert len(details(html)["units"]) == PAGE_UNITS == len(shown_units(tiled["units"]))
    assert f"Shown are the {PAGE_UNITS} units that tell most" in text_of(html)
    assert 599 in shown_units(tiled["units"]) and 0 not in shown_units(tiled["units"])


def test_weights_are_dark_where_they_are_nothing() -> None:
    weights = np.zeros((1, 2, 2, 1))
    weights[0, 0, 0, 0], weights[0, 1, 1, 0] = 1, -1
    found_colours = coloured(weights)[0]
    assert (
        tuple(found_colours[0, 0]) == UP and tuple(found_colours[1, 1]) == DOWN and tuple(found_colours[0, 1]) == ZERO
    )
    assert coloured(np.zeros((1, 2, 2, 3))).tolist() == np.full((1, 2, 2, 3), 128).tolist()


def test_few_digits() -> None:
    assert (few(0.123456), few(-0.0), few(None)) == (0.1235, 0.0, None) and str(few(-0.0)) == "0.0"


def test_a_colour_convolution_has_a_page() -> None:
    layers = [{"conv": {"filters": 3, "kernel": 3, "activation": "relu"}}, "flatten"]
    images = noise(60, channels=3)
    outcome = units(subject(layers, images, np.arange(60) % 3, 40), Units(layer="conv_1"))
    assert "3 filters of layer conv_1" in " ".join(" ".join(parsed(page(outcome)).itertext()).split())
