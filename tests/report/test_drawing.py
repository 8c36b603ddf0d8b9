"""Protects the drawing of a network: every layer with its name, shape and parameters, nothing outside the image."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import chain
from typing import Any

import pytest

from snellen.models.branches import Branching
from snellen.models.build import build
from snellen.models.layers import LAYERS
from snellen.models.zoo import ZOO
from snellen.report.figures.layer_glyphs import MERGE_SIGNS, SIGNS
from snellen.report.figures.network_drawing import LINE_PIXELS, draw_network, in_words
from snellen.report.model_types import LayerJson

SVG = "{http://www.w3.org/2000/svg}"
SKIP = {"skip": [{"conv": {"filters": 6, "kernel": 3, "padding": "same"}}, "batch_norm", {"skip": ["relu"]}]}


def drawn(
    layers: Any, shape: tuple[int, int, int], name: str = "a network"
) -> tuple[ElementTree.Element, list[LayerJson]]:
    rows: Any = build(layers, shape, 10).layer_table()
    return ElementTree.fromstring(str(draw_network(name, rows, shape, "key"))), rows


def texts(svg: ElementTree.Element, kind: str) -> list[str]:
    return [str(one.text) for one in svg.iter(f"{SVG}text") if one.attrib.get("class") == kind]


def texts_in_order(svg: ElementTree.Element) -> list[str]:
    return [str(one.text) for one in svg.iter(f"{SVG}text")]


def places(svg: ElementTree.Element, x: float = 0, y: float = 0) -> list[tuple[float, float]]:
    """Where each text stands, translations added up."""
    found = []
    for child in svg:
        move = re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", child.attrib.get("transform", ""))
        dx, dy = (float(move[1]), float(move[2])) if move else (0.0, 0.0)
        if child.tag == f"{SVG}text":
            found.append((x + float(child.attrib["x"]), y + float(child.attrib["y"])))
        found += places(child, x + dx, y + dy)
    return found


@pytest.mark.parametrize("name", ZOO)
def test_every_network_by_name_is_drawn_whole(name: str) -> None:
    svg, rows = drawn(name, (32, 32, 3))
    listed = [one for row in rows for one in (row, *chain.from_iterable(row.get("branches", [])))]
    said = svg.findtext(f"{SVG}desc", "")
    for row in rows:
        assert f"{row['name']} to {' × '.join(f'{n:,}' for n in row['output'])}" in said
    counts = [row["parameters"] for row in listed if row["parameters"] and not row.get("branches")]
    assert sorted(texts(svg, "count")) == sorted(f"{count:,}" for count in counts)
    assert (
        sum(int(count.replace(",", "")) for count in texts(svg, "count"))
        == build(name, (32, 32, 3), 10).parameter_count
    )
    _, _, wide, high = map(float, svg.attrib["viewBox"].split())
    assert all(-10 <= x <= wide and 0 <= y <= high for x, y in places(svg))
    assert wide < LINE_PIXELS + 200


def test_names_shapes_and_parameters_stand_under_the_layers() -> None:
    svg, _ = drawn([{"conv": {"filters": 6, "kernel": 5}}, {"leaky_relu": 0.1}, "flatten"], (28, 28, 1))
    assert texts(svg, "name") == ["input", "conv_1", "leaky_", "relu_1", "flatten_1", "dense_1"]
    assert texts(svg, "shape") == ["28 × 28 × 1", "24 × 24 × 6", "3,456", "10"]
    assert texts(svg, "count") == ["156", "34,570"]
    tips = [str(one.text) for one in svg.iter(f"{SVG}title")]
    assert tips[0] == "Drawing of a network"
    assert "conv_1: 6 filters 5x5, valid, linear. Gives 24 × 24 × 6, 156 parameters (0.4 % of all)." in tips


def test_layers_in_a_skip_stand_under_the_way_around() -> None:
    svg, rows = drawn([SKIP, "flatten"], (8, 8, 6))
    assert [row["name"] for row in rows[0]["branches"][0]] == ["conv_1", "batch_norm_1", "skip_1"]
    assert rows[0]["parameters"] == sum(row["parameters"] for row in rows[0]["branches"][0]) == 330 + 24
    assert rows[0]["branches"][0][2]["branches"][0][0]["name"] == "relu_1"
    ways = [one for one in svg.iter(f"{SVG}path") if one.attrib["class"] == "around"]
    assert len(ways) == 2
    assert "branch 1: conv_1 to 8 × 8 × 6, 330 parameters; batch_norm_1" in svg.findtext(f"{SVG}desc", "")


def test_layers_beside_stand_on_the_way_around() -> None:
    conv = {"conv": {"filters": 5, "kernel": 3, "padding": "same"}}
    svg, rows = drawn([{"skip": {"layers": [conv, "relu", conv], "shortcut": [conv]}}, "flatten"], (8, 8, 2))
    assert rows[0]["parameters"] == 95 + 230 + 95 and [row["parameters"] for row in rows[0]["branches"][1]] == [95]
    inside, beside = [at for at, name in zip(places(svg), texts_in_order(svg)) if name == "conv_1"]
    assert beside[1] < inside[1]
    assert "branch 2: conv_1 to 8 × 8 × 5, 95 parameters" in svg.findtext(f"{SVG}desc", "")


@pytest.mark.parametrize("kind", MERGE_SIGNS)
def test_branches_stand_above_one_another_and_meet_at_a_sign(kind: str) -> None:
    conv = {"conv": {"filters": 5, "kernel": 3, "padding": "same"}}
    branches: Any = [[conv], [conv, "relu"], []]
    merge = {"layers": branches[0], "shortcut": branches[1]} if kind == "skip" else branches
    svg, rows = drawn([{kind: merge}, "flatten"], (8, 8, 5))
    lines = [one for one in svg.iter(f"{SVG}path") if one.attrib["class"] == "around"]
    count = 2 if kind == "skip" else 3
    assert len(rows[0]["branches"]) == count and len(lines) == count - 1
    first, second = [at for at, name in zip(places(svg), texts_in_order(svg)) if name == "conv_1"]
    assert second[1] < first[1]
    assert SIGNS[MERGE_SIGNS[kind]] in ElementTree.tostring(svg, encoding="unicode").replace("ns0:", "").replace(
        " />", "/>"
    )


def test_every_layer_with_branches_has_a_sign() -> None:
    assert MERGE_SIGNS.keys() == {name for name, layer in LAYERS.items() if issubclass(layer, Branching)}


@pytest.mark.parametrize("count", [1, 20, 58])
def test_many_layers_go_on_in_further_lines(count: int) -> None:
    """As wide as the report's column, however many; one line more now and then."""
    svg, _ = drawn(["flatten", *[{"dense": 32}] * count], (8, 8, 1))
    assert float(svg.attrib["width"]) <= LINE_PIXELS + 50
    assert len(texts(svg, "count")) == count + 1
    assert len({round(y) for _, y in places(svg)}) >= 3 + 3 * (count // 20)


def test_a_hostile_name_is_only_text() -> None:
    attack = "</title><script>alert(1)</script>\"'&"
    svg, _ = drawn(["flatten"], (8, 8, 1), attack)
    assert svg.findtext(f"{SVG}title") == f"Drawing of {attack}"
    assert [one.tag for one in svg.iter() if "script" in one.tag] == []
    row: LayerJson = {"name": attack, "kind": attack, "detail": attack, "output": [10], "parameters": 3}
    hostile = ElementTree.fromstring(str(draw_network("x", [row], (8, 8, 1), "key")))
    assert [one.tag for one in hostile.iter() if "script" in one.tag] == []
    assert attack in in_words([row], (8, 8, 1))
