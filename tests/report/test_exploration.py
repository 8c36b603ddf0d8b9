"""Protects the exploration page: safe, small, without a look at the test, and true to the data of every kind."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import html5lib
import numpy as np
import pytest
from drawn_figures import drawn
from PIL import Image

from snellen.data.dataset import Dataset
from snellen.data.inspect.image_headers import ImageHeader
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.limits import REPORT_BYTES
from snellen.report.exploration import REPEATED_IMAGES, explore, render

ATTACK = "</script><img src=x onerror=pwned=1>{{7*7}}`'\""


def made(channels: int = 3, num_classes: int = 3, size: int = 6, kind: type = np.uint8) -> Dataset:
    """40 images, 10 of them the official test; row 5 repeats row 4 under another label, 31 row 2, and 33 row 32."""
    images: np.ndarray = np.random.default_rng(0).integers(0, 256, (40, size, size, channels)).astype(kind)
    images[5], images[31], images[33] = images[4], images[2], images[32]
    labels = np.arange(40) % num_classes
    labels[31] = labels[2]
    names = [f"class {code}" for code in range(num_classes)]
    return from_arrays(images[:30], labels[:30], test_images=images[30:], test_labels=labels[30:], class_names=names)


def parsed(html: str) -> Any:
    return html5lib.parse(html, namespaceHTMLElements=False)


def skeleton(html: str) -> Counter[tuple[str, frozenset[str]]]:
    return Counter((str(element.tag), frozenset(element.attrib)) for element in parsed(html).iter())


def test_digits_are_explored() -> None:
    exploration = explore(read("digits"))
    html = render(exploration)
    assert len(html.encode()) < REPORT_BYTES / 3
    text = " ".join(" ".join(parsed(html).itertext()).split())
    assert "1,797 images of 8 × 8 pixels in 10 classes" in text and "No image occurs twice." in text
    embedded = parsed(html).find(".//script[@id='embedded']").text
    figures = json.loads(embedded)["figures"]
    places = {place.get("data-figure") for place in parsed(html).findall(".//*[@data-figure]")}
    assert places == set(figures) == {"balance", "pixels", "brightness", "contrast"}
    assert all("<path" in drawn(figure) for figure in figures.values())
    assert all("http" not in (one.get("src") or "") for one in parsed(html).iter())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_images_of_every_kind(channels: int, kind: type) -> None:
    dataset = made(channels, kind=kind)
    if kind == np.float32:
        dataset = replace(dataset, images=np.asarray(dataset.images, np.float32) / 255, pixel_range=(0.0, 1.0))
    exploration = explore(dataset)
    assert [one["channel"] for one in exploration.content["pixels"]["channels"]][-1] == {1: "grey", 3: "blue"}.get(
        channels, "alpha"
    )
    for shares in exploration.content["pixels"]["shares"].values():
        assert sum(shares) == pytest.approx(1)
    assert exploration.looks.shape == (6, 6, 6, channels) and exploration.looks.dtype == np.uint8
    render(exploration)


def test_the_test_is_not_looked_at() -> None:
    dataset = made()
    content = explore(dataset).content
    rows = [row for drawn in content["data"]["samples"] for row in drawn]
    rows += [row for extreme in content["tones"]["extremes"] for row in extreme["rows"]]
    assert rows and max(rows) < 30 and content["looked_at"] == 30
    changed = dataset.images.copy()
    changed[34:] = 255 - changed[34:]
    other = explore(replace(dataset, images=changed)).content
    assert {key: value for key, value in other.items() if key not in ("described", "made")} == {
        key: value for key, value in content.items() if key not in ("described", "made")
    }


def test_repeats_are_drawn_and_contradictions_come_first() -> None:
    content = explore(made()).content
    assert [(one["rows"], one["labels"], one["in_test"]) for one in content["repeated"]] == [
        ([4, 5], ["class 1", "class 2"], 0),
        ([2, 31], ["class 2"], 1),
    ]
    assert "Images outside the test that are also in it: 1." in " ".join(content["sentences"])
    many = made()
    many.images[:30] = np.repeat(many.images[:15], 2, axis=0)
    assert len(explore(many).content["repeated"]) == REPEATED_IMAGES


def test_hostile_names_add_no_element() -> None:
    def page(name: str) -> str:
        dataset = made()
        hostile = replace(dataset, name=name, classes=(f"{name}0", f"{name}1", f"{name}2"))
        hostile = replace(hostile, ids=np.array([f"{name}{row}" for row in range(len(dataset))]))
        return render(explore(hostile, [ImageHeader(6, 6, name, name)]))

    assert skeleton(page(ATTACK)) == skeleton(page("plain"))


def test_files_are_tallied() -> None:
    photographs = [ImageHeader(10, 10 + n, "PNG", "grey") for n in range(12)] + [
        ImageHeader(9, 9, "JPEG", "colour")
    ] * 3
    found = explore(made(), photographs).content["photographs"]
    assert found["files"] == 15 and found["distinct_sizes"] == 13
    assert found["tallies"]["sizes"][0] == ("9 × 9", 3) and found["tallies"]["sizes"][-1] == ("5 others", 5)


def test_the_image_of_correlations() -> None:
    dataset = made(1)
    dataset.images[:, 0, 0] = 0
    content = explore(dataset).content["correlation"]
    uri = content["picture"].removeprefix("data:image/png;base64,")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
    assert pixels.shape == (36, 36, 4) and content["constant"] == 1
    assert (pixels[1:, 1:].diagonal()[3] == 255).all() and len(np.unique(pixels[0], axis=0)) == 1


def test_many_classes_show_their_nearest_only() -> None:
    content = explore(made(num_classes=31, size=2)).content["nearest"]
    assert content["distances"] is None and len(content["rows"]) in (30, 31)


def test_a_class_outside_the_rows_looked_at() -> None:
    dataset = made()
    only_test = np.where((dataset.labels == 2) & ~np.asarray(dataset.official_test), 0, dataset.labels)
    exploration = explore(replace(dataset, labels=only_test))
    assert "`class 2` has no image outside the test." in exploration.content["sentences"]
    assert [row["class"] for row in exploration.content["nearest"]["rows"]] == [0, 1]
    render(exploration)
