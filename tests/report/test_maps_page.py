"""Protects the page of maps: all points where they belong, small enough, safe, colours that all can tell apart."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import html5lib
import numpy as np
import pytest
from map_cases import map_leaf

from snellen.limits import MAP_IMAGES, MAP_POINTS, REPORT_BYTES
from snellen.report.page import resource
from snellen.report.pages.maps import GRID, map_page
from snellen.report.pages.page_inputs import PageInputs

KINDS = {"rows": "<u4", "labels": "<u2", "predicted": "<u2", "probability": "<u2"}
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
"""Of linear RGB: Machado, Oliveira and Fernandes (2009), severity 1."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def atlas(html: str) -> dict[str, Any]:
    """What the canvas of a page draws."""
    found = re.search(r'<script type="application/json" id="atlas">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


@pytest.fixture(scope="module")
def inputs() -> PageInputs:
    return map_leaf()


@pytest.fixture(scope="module")
def html(inputs: PageInputs) -> str:
    return map_page(inputs)


def test_every_point_is_there_once_with_what_was_said_of_it(inputs: PageInputs, html: str) -> None:
    shown = atlas(html)
    columns = {name: unpacked(shown[name], kind) for name, kind in KINDS.items()}
    table = inputs.result.tables["points"]
    order = columns["rows"].astype(int) - 7
    assert sorted(order) == list(range(1_000))
    assert [str(code) for code in columns["labels"]] == [table["label"][row] for row in order.tolist()]
    assert [str(code) for code in columns["predicted"]] == [table["predicted"][row] for row in order.tolist()]
    np.testing.assert_allclose(columns["probability"] / GRID, table["probability"].to_numpy()[order], atol=1e-5)
    assert shown["ids"] == [f"digits:{row}" for row in order[:500]]


def test_points_with_a_image_come_first_in_the_order_of_the_tiles(inputs: PageInputs, html: str) -> None:
    shown = atlas(html)
    assert shown["tiles"] == 500 and shown["columns"] * shown["lines"] >= 500
    first = unpacked(shown["rows"], "<u4")[:500].tolist()
    assert sorted(first) == inputs.result.arrays["picture_rows"].tolist()
    assert first != sorted(first)  # by lot: the first come first on the map


def test_places_keep_their_proportions_on_all_axes(inputs: PageInputs, html: str) -> None:
    shown, table = atlas(html), inputs.result.tables["points"]
    order = unpacked(shown["rows"], "<u4").astype(int) - 7
    assert [one["title"] for one in shown["maps"]] == ["t-SNE of dense_1", "PCA of dense_1", "Two pixels"]
    places = np.stack([unpacked(text, "<u2") for text in shown["maps"][1]["places"]]).astype(float)
    values = np.stack([table[f"pca_layer_{axis}"].to_numpy()[order] for axis in "xyz"])
    scale = (values.max(1) - values.min(1)).max() / GRID
    np.testing.assert_allclose(np.diff(places * scale), np.diff(values), atol=2 * scale)
    assert places.min() == 0 and places.max() == GRID


def test_points_of_two_pixels_are_moved_a_little_and_the_page_says_how_far(inputs: PageInputs, html: str) -> None:
    shown = atlas(html)["maps"][2]
    assert "moved by up to 1.2 %" in shown["note"] and "25.0" in shown["note"]
    assert len(set(zip(*(unpacked(text, "<u2").tolist() for text in shown["places"])))) > 990


@pytest.mark.parametrize(
    "words", ["perplexity 40, 500 iterations, seed 0, 2 threads", "means little", "0.950 (0.940 to"]
)
def test_the_page_says_how_a_map_was_made_and_how_far_to_trust_it(html: str, words: str) -> None:
    assert words in atlas(html)["maps"][0]["note"]


def test_the_page_parses_asks_for_nothing_and_leaves_the_figure_library_out(html: str) -> None:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(html)
    links = [one.get("href") for one in tree.iter("a")]
    assert "../report.html" in links
    assert not re.search(r'(src|href)="(https?:)?//', html)
    assert len(html) < 400_000
    assert [one.get("type") for one in tree.iter("script")].count("module") == 3


def test_names_from_the_data_stay_text() -> None:
    attack = "</script><img src=x onerror=pwned=1>"
    plain, hostile = map_page(map_leaf()), map_page(map_leaf(classes=tuple(f"{attack}{n}" for n in range(10))))

    def elements(html: str) -> list[str]:
        return [str(one.tag) for one in html5lib.parse(html, namespaceHTMLElements=False).iter()]

    assert elements(hostile) == elements(plain)
    assert atlas(hostile)["classes"][3] == f"{attack}3"


def test_a_page_of_many_points_stays_under_its_size() -> None:
    html = map_page(map_leaf(rows=70_000, pictures=MAP_IMAGES, identity="a/long/folder/of/pictures/" * 4))
    assert atlas(html)["count"] == MAP_POINTS
    assert len(html.encode()) < REPORT_BYTES


@pytest.mark.parametrize(("scheme", "paper", "least"), [(0, "#fcfbf8", 1.85), (1, "#16171a", 3.0)])
def test_class_colours_can_be_told_apart_by_all_and_from_the_paper(scheme: int, paper: str, least: float) -> None:
    found = re.findall(r"--class-\d: (#\w{6})", resource("maps.css"))
    light = np.stack([linear(code) for code in found[10 * scheme : 10 * scheme + 10]])
    for seen in (np.eye(3), np.array(PROTANOPIA), np.array(DEUTERANOPIA)):
        places = lab(light @ seen.T)
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(10, 1)]
        assert apart.min() > 19.5
    luminance, white = light @ TO_XYZ[1], linear(paper) @ TO_XYZ[1]
    contrast = (np.maximum(luminance, white) + 0.05) / (np.minimum(luminance, white) + 0.05)
    assert contrast.min() > least


def linear(code: str) -> np.ndarray:
    """(3,) linear RGB of a colour as CSS writes it."""
    parts = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """(n, 3) CIELAB of linear RGB under D65."""
    shares = light.clip(0, 1) @ TO_XYZ.T / [0.95047, 1, 1.08883]
    roots = np.where(shares > 0.008856, np.cbrt(shares), 7.787 * shares + 16 / 116)
    return np.stack(
        [116 * roots[:, 1] - 16, 500 * (roots[:, 0] - roots[:, 1]), 200 * (roots[:, 1] - roots[:, 2])], axis=1
    )
