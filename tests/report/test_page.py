"""Protects report.html: one safe file that needs nothing, shows every number, and stays under its size."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import html5lib
import numpy as np
import pytest
from PIL import Image
from report_cases import digits_report, estimate

from snellen.explain.augmented_images import Augmented
from snellen.limits import REPORT_BYTES
from snellen.report import page
from snellen.report.formats import interval, percent, score
from snellen.report.pages.model import model_pages

PAYLOADS = [
    f"{before}{attack}{after}"
    for before, after in (
        ("", ""),
        ("</script>", ""),
        ("'\">", "<!--"),
        ("</td></title></style>", "]]>"),
        ("{{7*7}}", ""),
    )
    for attack in (
        "<script>pwned=1</script>",
        "<img src=x onerror=pwned=1>",
        "<svg/onload=pwned=1>",
        "<iframe srcdoc='<script>parent.pwned=1</script>'>",
        '" onmouseover="pwned=1" x="',
        "' autofocus onfocus=pwned=1 '",
        "<style>@import 'http://example.org'</style>",
        "javascript:pwned=1",
        "<a href=javascript:pwned=1>",
        "\u2028<base href=http://example.org>\x00",
    )
]


def parsed(html: str) -> Any:
    return html5lib.parse(html, namespaceHTMLElements=False)


def skeleton(tree: Any) -> Counter[tuple[str, frozenset[str]]]:
    """How often each element occurs with each set of attributes."""
    return Counter((str(element.tag), frozenset(element.attrib)) for element in tree.iter())


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def found(pattern: str, among: str) -> tuple[str, ...]:
    """The groups of the first match."""
    match = re.search(pattern, among)
    assert match is not None, pattern
    return match.groups()


@pytest.fixture(scope="module")
def tree() -> Any:
    return parsed(page.render(*digits_report()))


@pytest.fixture
def content() -> dict[str, Any]:
    values: dict[str, Any] = digits_report()[0]
    return values


def strings(value: Any, harmless: Iterator[str]) -> Any:
    """`value` with each user-given name in it replaced by the next of `harmless`."""
    names = {"study", "sentence", "advice", "reason", "id", "twin", "detail", "claim", "resolved", "class"}
    if isinstance(value, dict):
        return {
            key: next(harmless) if key in names and isinstance(one, str) else strings(one, harmless)
            for key, one in value.items()
        }
    return [strings(one, harmless) for one in value] if isinstance(value, list) else value


def test_hostile_names_add_no_element_and_no_attribute(content: Any) -> None:
    def attacked(names: list[str]) -> Any:
        endless = (names[n % len(names)] for n in range(10**6))
        hostile: dict[str, Any] = strings(content, endless)
        hostile["data"]["classes"] = names[:10]
        hostile["data"]["name"] = names[11]
        for model, row, name in zip(hostile["models"], hostile["leaderboard"], names[12:]):
            model["name"] = row["model"] = name
        hostile["openings"]["models"] = [names[12]]
        for one, name in zip(hostile["models"][0]["search"]["hyperparameters"], names[20:]):
            one["name"] = name
        for trial in hostile["models"][0]["search"]["trials"]:
            trial["assignment"] |= {"train.optimizer": names[30]}
        hostile["models"][0]["search"]["hyperparameters"][-1]["values"] = [names[30], names[31]]
        hostile["environment"] |= {names[13]: names[14]}
        return hostile

    thumbnails = digits_report()[1]
    plain = parsed(page.render(attacked([f"name {n:02d}" for n in range(50)]), thumbnails))
    for start in range(0, 50, 10):
        rotated = PAYLOADS[start:] + PAYLOADS[:start]
        hostile = parsed(page.render(attacked(rotated), thumbnails))
        assert skeleton(hostile) == skeleton(plain)
        json.loads(text(hostile.find(".//script[@id='embedded']")))


def test_there_are_fifty_payloads() -> None:
    assert len(set(PAYLOADS)) == 50


def test_the_policy_allows_exactly_the_scripts_of_the_page(tree: Any) -> None:
    policy = tree.find(".//meta[@http-equiv='Content-Security-Policy']").attrib["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    scripts = [one.text for one in tree.iter("script") if one.attrib.get("type") != "application/json"]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts}
    assert len(hashes) == 2
    assert set(rules["script-src"].split()) == hashes
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"


def test_the_page_asks_for_nothing(tree: Any) -> None:
    for element in tree.iter():
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert element.attrib.get(name, "#").startswith(("#", "data:")), (element.tag, element.attrib)
        assert not [name for name in element.attrib if name.startswith("on")]
    styles = "".join(one.text for one in tree.iter("style"))
    assert not re.search(r"@import|url\((?!\"data:)", styles)


def test_every_link_within_the_page_has_a_target(tree: Any) -> None:
    targets = {one.attrib["id"] for one in tree.iter() if "id" in one.attrib}
    assert {one.attrib["href"][1:] for one in tree.iter("a")} <= targets


def test_every_sentence_and_every_score_is_shown(tree: Any, content: Any) -> None:
    shown = text(tree.find("body"))
    for finding in content["answer"] + content["findings"]:
        assert finding["sentence"].replace("`", "") in shown
    for model in content["models"]:
        for role in model["roles"].values():
            for measure, one in role["scores"].items():
                assert " ".join(f"{score(one, measure)} {interval(one, measure)}".split()) in shown
    assert content["claim"] in shown and content["models"][-1]["reason"] in shown


def test_the_matrix_is_the_confusion(tree: Any, content: Any) -> None:
    tables = {one.attrib["data-cells"]: one for one in tree.iter("table") if "data-cells" in one.attrib}
    for place, model in enumerate(content["models"]):
        for name, role in model["roles"].items():
            rows = tables[f"{place}-{name}"].findall("tbody/tr")
            assert [[int(text(cell) or 0) for cell in row.findall("td")] for row in rows] == role["confusion"]


def test_a_cell_leads_to_its_images(tree: Any, content: Any) -> None:
    cells = json.loads(text(tree.find(".//script[@id='embedded']")))["cells"]
    for place, model in enumerate(content["models"]):
        for name, role in model["roles"].items():
            matrix = cells["matrices"][f"{place}-{name}"]
            assert {cell: [cells["rows"][tile] for tile in tiles] for cell, tiles in matrix.items()} == role["cells"]


def test_confused_pairs_are_four_grids_each_under_the_name_of_its_role(tree: Any, content: Any) -> None:
    classes = content["data"]["classes"]
    for model in content["models"]:
        for name, role in model["roles"].items():
            panel = tree.find(f".//details[@id='model-{model['name']}']//div[@data-role='{name}']")
            assert len(panel.findall(".//figure[@class='pair']")) == len(role["pairs"])
            for pair, figure in zip(role["pairs"], panel.findall(".//figure[@class='pair']")):
                titles = [text(one).split(" images")[0].split(" image")[0] for one in figure.iter("h6")]
                assert titles == [
                    f"{classes[grid['label']]} called {classes[grid['predicted']]} {grid['images']}"
                    for grid in pair["grids"]
                ]
                tips = [one.attrib["title"] for one in figure.iter("span") if "title" in one.attrib]
                assert tips == [
                    f"{percent(one['confidence'])} sure" for grid in pair["grids"] for one in grid["pictures"]
                ]
    assert content["models"][0]["roles"]["test"]["pairs"] and not content["models"][0]["roles"]["train"]["pairs"]


def test_every_list_and_table_of_a_role_bears_its_name(tree: Any, content: Any) -> None:
    for place, model in enumerate(content["models"]):
        for name in model["roles"]:
            panel = tree.find(f".//details[@id='model-{model['name']}']//div[@data-role='{name}']")
            heads = {one.attrib["id"]: text(one) for one in panel.iter("h5")}
            expected = {"matrix", "classes", "mistakes", "examples"} | (
                {"pairs", "drawn"} if name != "train" else set()
            )
            assert set(heads) == {f"{part}-{place}-{name}" for part in expected}
            assert all(name in head for head in heads.values())


def test_augmented_images_stand_beside_those_they_were(content: Any) -> None:
    """Two of two models; the tiles behind the mean images are the very images given."""
    thumbnails = digits_report()[1]
    altered = {}
    for model, rows in zip(content["models"][:2], ([3, 4], [5, 6])):
        altered[model["job"]] = Augmented(np.array(rows), np.rot90(thumbnails.images[rows], axes=(1, 2)))
        model["augmented"] = [{"original": row, "augmented": at} for at, row in enumerate(rows)]
    tree = parsed(page.render(content, thumbnails, altered))
    sheet = "".join(one.text for one in tree.iter("style"))
    columns = int(found(r"--columns: (\d+)", sheet)[0])
    picture = Image.open(
        io.BytesIO(
            base64.b64decode(found(r"\.picture { background-image: url\(\"data:image/webp;base64,([^\"]+)", sheet)[0])
        )
    )
    pixels = np.asarray(picture.convert("L"), int)
    for model in content["models"][:2]:
        shown = tree.findall(f".//details[@id='model-{model['name']}']//ol[@class='altered']/li")
        assert len(shown) == 2
        for item, entry in zip(shown, model["augmented"]):
            given = (thumbnails.images[entry["original"]], altered[model["job"]].images[entry["augmented"]])
            for span, image in zip(item.findall("span"), given):
                x, y = map(int, found(r"--x:(\d+);--y:(\d+)", span.attrib["style"]))
                assert x < columns
                tile = pixels[8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
                np.testing.assert_allclose(tile, image[..., 0], atol=2)
    assert not parsed(page.render(digits_report()[0], thumbnails)).findall(".//ol[@class='altered']")


def test_a_model_whose_test_is_sealed_shows_no_test_number(tree: Any, content: Any) -> None:
    row = next(row for row in tree.iter("tr") if row.find("th/a") is not None and "dense-32" in text(row))
    assert "not evaluated" in text(row)
    assert "test" not in content["models"][1]["roles"]


def test_undefined_is_written_out(content: Any) -> None:
    row = content["models"][0]["roles"]["test"]["per_class"][4]
    row |= {"precision": estimate(None, 0), "f1": None}
    shown = parsed(page.render(content, digits_report()[1]))
    rows = shown.findall(".//details[@id='model-linear']//div[@data-role='test']//table[@class='sortable']/tbody/tr")
    assert [text(cell) for cell in rows[4].findall("td")][3:5] == ["undefined", "undefined"]


def test_a_study_in_which_everything_failed_has_a_page(content: Any) -> None:
    content |= {"models": content["models"][-1:], "leaderboard": content["leaderboard"][-1:], "chosen": None}
    content |= {"answer": [], "openings": {"this_run": 0, "ever": 0, "models": []}}
    shown = text(parsed(page.render(content, digits_report()[1])).find("body"))
    assert "non-finite loss" in shown and "No prediction was compared with the test labels" in shown


def test_names_that_are_not_unicode_do_not_stop_the_report(content: Any) -> None:
    content["data"]["classes"][0] = "caf\udce9"
    assert "caf\\udce9" in page.render(content, digits_report()[1])


@pytest.mark.parametrize(
    ("models", "classes", "said"),
    [(20, 40, "on pages of their own, to keep this file small"), (2, 1000, "The 1,000 classes are in 24 blocks")],
)
def test_a_large_study_stays_under_the_limit_and_says_what_it_left_out(
    content: Any, models: int, classes: int, said: str
) -> None:
    large = enlarged(content, models, classes)
    html = page.render(large, digits_report()[1])
    assert len(html.encode()) <= REPORT_BYTES
    assert said in html
    assert f"model {models - 1}" in html


def test_models_that_the_page_has_no_room_for_have_pages_of_their_own(content: Any) -> None:
    """What the notebooks showed of each experiment is not for the chosen one alone: scores, matrix, images, curves."""
    thumbnails = digits_report()[1]
    large = enlarged(content, 20, 40)
    html, left_out = page.rendered(large, thumbnails, {})
    names = [f"model {place}" for place in range(1, 20)]
    assert [each["name"] for each in left_out] == names
    assert all(html.count(f'href="pages/model-model%20{place}.html"') >= 2 for place in range(1, 20))
    whole = html5lib.parse(page.render(page.within(large, 1), thumbnails), namespaceHTMLElements=False)
    files = model_pages(large, left_out[:2], thumbnails, {})
    assert list(files) == ["model-model 1.html", "model-model 2.html"]
    for name, text in zip(names, files.values()):
        assert len(text.encode()) <= REPORT_BYTES
        own = html5lib.parse(text, namespaceHTMLElements=False)
        found = own.find(f".//details[@id='model-{name}']")
        shown = whole.find(".//details[@id='model-model 0']")
        assert found.get("open") is not None
        for element in ("table", "h4", "h5"):
            assert len(list(found.iter(element))) == len(list(shown.iter(element))) > 3
        wanted = {one.get("data-figure") for one in found.iter("div") if one.get("data-figure")}
        assert wanted == json.loads(own.find(".//script[@id='embedded']").text)["figures"].keys()


def enlarged(content: Any, num_models: int, num_classes: int) -> Any:
    """A report of many models and classes of noise, every confusion cell of a few classes filled."""
    random = np.random.default_rng(0)
    names = [f"class number {n}" for n in range(num_classes)]
    confusion = np.diag(np.full(num_classes, 90)) + (random.random((num_classes, num_classes)) < 0.05)
    cells = {f"{i},{j}": random.integers(0, 1797, 60).tolist() for i, j in zip(*np.nonzero(confusion))}
    probabilities = random.dirichlet([0.05] * num_classes)
    example = {"row": 1, "id": "one", "label": 1, "predicted": 1, "probabilities": probabilities.tolist()}
    template = content["models"][0]["roles"]["test"]
    role = template | {
        "per_class": [template["per_class"][0] | {"class": name} for name in names],
        "confusion": confusion.tolist(),
        "cells": cells,
        "examples": [example] * 20,
    }
    model = content["models"][0] | {"roles": dict.fromkeys(("train", "validation", "test"), role), "chosen": False}
    large = copy.deepcopy(content)
    large["models"] = [model | {"name": f"model {n}", "chosen": n == 0} for n in range(num_models)]
    large["leaderboard"] = [content["leaderboard"][0] | {"model": f"model {n}"} for n in range(num_models)]
    large["data"] |= {
        "classes": names,
        "samples": [[n] for n in range(num_classes)],
        "means": random.random((num_classes, 64)).tolist(),
        "counts": [content["data"]["counts"][0] | {"class": name} for name in names],
    }
    return large
