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

from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.units.analysis import make as units
from snellen.limits import LISTED_CLASSES, REPORT_BYTES
from snellen.report.pages.page_inputs import PageInputs
from snellen.report.pages.units import DOWN, PAGE_UNITS, UP, ZERO, _reduced, coloured, few, shown_units, units_page
from snellen.study.analyses import Units

ATTACK = "</script><img src=x onerror=pwned=1>{{7*7}}`'\""


def found(width: int, names: tuple[str, ...] = ("c0", "c1", "c2"), layers: Any = None) -> AnalysisResult:
    images, labels = bars(120)
    one = subject(layers or ["flatten", {"dense": {"units": width, "activation": "relu"}}], images, labels, 80)
    named: TrainedModel = replace(one, classes=names)
    return units(named, Units())


def page(outcome: AnalysisResult) -> str:
    content: Any = {"study": "small", "snellen": "0", "data": {"classes": outcome.facts["classes"]}}
    return units_page(PageInputs(PlannedAnalysis("units", Units(), "net"), outcome, content))


def parsed(html: str) -> Any:
    return html5lib.parse(html, namespaceHTMLElements=False)


def details(html: str) -> Any:
    return json.loads(parsed(html).find(".//script[@id='details']").text)


def text_of(html: str) -> str:
    body = parsed(html).find(".//main")
    return " ".join("".join(body.itertext()).split())


def test_every_living_unit_has_a_row_and_a_dossier() -> None:
    outcome = found(7)
    html = page(outcome)
    rows = parsed(html).findall(".//table/tbody/tr")
    living = outcome.tables["units"].filter(~pl.col("dead"))
    assert [row.get("data-unit") for row in rows] == [str(unit) for unit in living["unit"]] and len(rows) >= 5
    dossiers = details(html)["units"]
    assert [one["sentence"] for one in dossiers] == living["sentence"].to_list()
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


def test_dead_units_have_no_row_and_are_counted() -> None:
    """A dead unit has the same output for every image: there is nothing to show."""
    alive = found(3)
    own = alive.tables["units"].with_columns(dead=pl.col("unit") == 1)
    html = page(replace(alive, tables={**alive.tables, "units": own}))
    assert [row.get("data-unit") for row in parsed(html).findall(".//table/tbody/tr")] == ["0", "2"]
    assert [one["unit"] for one in details(html)["units"]] == [0, 2]
    assert "1 dead unit left out" in text_of(html) and "the same output for every image: 1." in text_of(html)


def test_a_layer_of_dead_units_has_no_table() -> None:
    outcome = found(3)
    dead = outcome.tables["units"].with_columns(dead=pl.lit(True))
    html = page(replace(outcome, tables={**outcome.tables, "units": dead}))
    assert "3 dead units left out" in text_of(html) and not parsed(html).findall(".//table")


def pictured(images: dict[str, np.ndarray], width: int = 4) -> str:
    """The page of a layer whose units have these images (U, H, W, C)."""
    outcome = found(width)
    living = outcome.tables["units"].with_columns(dead=pl.lit(False))
    return page(replace(outcome, tables={**outcome.tables, "units": living}, arrays={**outcome.arrays, **images}))


def test_images_that_are_noise_are_left_out_and_counted() -> None:
    """Of four units two have weights of white noise, two of a slope; all are driven by a slope."""
    random = np.random.default_rng(0)
    slope = np.broadcast_to(np.linspace(0, 1, 16)[:, None, None], (4, 16, 16, 3)).astype(np.float32)
    weights = slope.copy()
    weights[1:3] = random.normal(size=(2, 16, 16, 3))
    html = pictured({"maximal": slope, "weights": weights})
    assert "their weights show nothing for 2 of the 4 units" in text_of(html)
    cells = [row.find("td[@class='weights']") for row in parsed(html).findall(".//table/tbody/tr")]
    assert ["".join(cell.itertext()) for cell in cells] == ["", "noise", "noise", ""]
    assert [one["tiles"] for one in details(html)["units"]] == [
        {"maximal": 0, "weights": 0},
        {"maximal": 1, "weights": None},
        {"maximal": 2, "weights": None},
        {"maximal": 3, "weights": 1},
    ]


def test_without_any_image_there_is_no_column() -> None:
    noisy = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype(np.float32)
    html = pictured({"maximal": noisy, "weights": noisy})
    assert "their weights show nothing for all 4 units" in text_of(html)
    heads = ["".join(head.itertext()) for head in parsed(html).findall(".//table/thead/tr/th")]
    assert "Weights" not in heads and "Driven by" not in heads


def test_a_dossier_of_hundreds_of_classes_holds_the_telling_ones() -> None:
    """Those it responds to, the most and the least active; as many as a figure has lines for."""
    number = 300
    whole: dict[str, Any] = {
        "area": [[at / number, 0.0, 1.0] for at in range(number)],
        "selective": [at in (5, 299) for at in range(number)],
        "boxes": {by: [[at] for at in range(number)] for by in ("true", "predicted")},
        **{name: [False] * number for name in ("needed", "used")},
        **{name: list(range(number)) for name in ("overlap", "mean", "zero")},
    }
    kept = _reduced(whole)
    assert len(kept["of"]) <= LISTED_CLASSES and {5, 299, 298, 0, 1} <= set(kept["of"])
    assert kept["of"] == sorted(kept["of"], reverse=True) == kept["overlap"]
    assert kept["boxes"]["true"] == [[at] for at in kept["of"]]
    few_classes = {**whole, "area": whole["area"][:3]}
    assert _reduced(few_classes) == few_classes


def test_rows_can_be_filtered_by_class_and_kind() -> None:
    outcome = found(7)
    rows = {int(row.get("data-unit")): row for row in parsed(page(outcome)).findall(".//table/tbody/tr")}
    living = outcome.tables["units"].filter(~pl.col("dead")).to_dicts()
    assert sorted(rows) == [unit["unit"] for unit in living]
    for unit in living:
        told = outcome.tables["classes"].filter(unit=unit["unit"])["selective"].to_list()
        assert rows[unit["unit"]].get("data-classes").split() == [str(at) for at, holds in enumerate(told) if holds]
        assert ("duplicate" in rows[unit["unit"]].get("data-flags").split("|")) == (unit["duplicate_of"] is not None)


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


def test_a_layer_without_images_of_weights() -> None:
    layers = ["flatten", {"dense": {"units": 4, "activation": "tanh"}}, {"dense": {"units": 3, "activation": "relu"}}]
    html = page(found(0, layers=layers))
    assert "Weights" not in text_of(html) and "gradient ascent" in text_of(html)


def test_hundreds_of_units_stay_under_the_limit() -> None:
    """Noise in colour, which does not shrink; hundreds of units: the page shows the most informative."""
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
    html = page(AnalysisResult(small.facts | {"units": count}, tiled, arrays))
    assert len(html.encode()) < REPORT_BYTES
    assert len(details(html)["units"]) == PAGE_UNITS == len(shown_units(tiled["units"]))
    assert f"Only the {PAGE_UNITS} units with the most information about the class are shown" in text_of(html)
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
