"""Protects near-duplicates as pages show them: across parts first, the largest next, no test seen that need not be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import html5lib
import numpy as np

from snellen.api import Run
from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.describe import describe
from snellen.data.inspect.duplicate_sets import (
    IMAGES,
    SETS,
    near_duplicate_rows,
    near_duplicate_sets,
    near_duplicate_summary,
)
from snellen.data.readers.arrays import from_arrays
from snellen.report.exploration import explore, render

NEAR = np.arange(40)
NEAR[[1, 2, 31]], NEAR[[4, 5]], NEAR[[7, 8, 9, 10]], NEAR[[33, 34]] = 0, 3, 6, 32
"""Rows 0, 1, 2 and the test's 31; 3, 4, 5; 6 to 10; and 32, 33, 34 of the test."""


def made() -> Dataset:
    """40 images, the last 10 the test; row 2 is a copy of row 1, 4 and 5 are copies of 3."""
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 1), dtype=np.uint8)
    images[2], images[4], images[5] = images[1], images[3], images[3]
    labels = np.arange(40) % 2
    labels[[0, 1, 2]] = 0
    return from_arrays(
        images[:30], labels[:30], test_images=images[30:], test_labels=labels[30:], class_names=["cat", "dog"]
    )


def parts(dataset: Dataset) -> np.ndarray:
    return np.where(np.asarray(dataset.official_test), "test", "train")


def test_copies_alone_are_no_set_and_parted_ones_come_first() -> None:
    copies = np.arange(40)
    copies[2], copies[[4, 5]] = 1, 3
    found = near_duplicate_sets(NEAR, copies, np.arange(40) >= 30)
    assert [rows.tolist() for rows in found] == [[0, 1, 2, 31], [6, 7, 8, 9, 10], [32, 33, 34]]
    within = near_duplicate_sets(NEAR, copies, np.zeros(40))
    assert [len(rows) for rows in within] == [5, 4, 3]


def test_what_is_told_of_them() -> None:
    dataset = made()
    found = near_duplicate_summary(dataset, NEAR, duplicate_groups(dataset.images), parts(dataset), ["test"])
    assert (found["images"], found["sets"], found["parted"]) == (9, 2, 1)  # that within the test stays unseen
    first, second = found["listed"]
    assert first["parted"] and not first["contradicting"] and second["contradicting"] and not second["parted"]
    assert [(one["row"], one["part"], one["class"]) for one in first["pictures"]] == [
        *((0, "train", "cat"), (1, "train", "cat"), (2, "train", "cat"), (31, "test", None)),
    ]
    assert {one["class"] for one in second["pictures"]} == {"cat", "dog"}
    assert near_duplicate_rows(found) == [0, 1, 2, 31, 6, 7, 8, 9, 10] and near_duplicate_rows(None) == []
    nobody = near_duplicate_summary(dataset, np.arange(40), duplicate_groups(dataset.images), parts(dataset), ["test"])
    assert nobody == {"images": 0, "sets": 0, "parted": 0, "listed": []}


def test_rows_without_a_part_are_not_drawn() -> None:
    dataset = made()
    roles = parts(dataset)
    roles[[0, 6, 7, 8, 9, 10]] = ""
    found = near_duplicate_summary(dataset, NEAR, duplicate_groups(dataset.images), roles, ["test"])
    assert found["sets"] == 1 and [one["row"] for one in found["listed"][0]["pictures"]] == [1, 2, 31]


def test_there_is_an_end_to_them() -> None:
    images = np.random.default_rng(1).integers(0, 256, (120, 4, 4, 1), dtype=np.uint8)
    pairs = from_arrays(images, np.arange(120) % 2)
    copies = duplicate_groups(pairs.images)
    found = near_duplicate_summary(pairs, np.arange(120) // 2 * 2, copies, np.full(120, "train"), [])
    assert found["sets"] == 60 and len(found["listed"]) == SETS
    places = np.repeat(["train", "test"], 60)
    chain = near_duplicate_summary(pairs, np.zeros(120, np.int64), copies, places, ["test"])
    drawn = [one["part"] for one in chain["listed"][0]["pictures"]]
    assert chain["listed"][0]["images"] == 120 and drawn.count("test") == drawn.count("train") == IMAGES / 2


def text_of(page: str) -> tuple[Any, str]:
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return tree, " ".join(" ".join(tree.itertext()).split())


def test_the_page_draws_them() -> None:
    dataset = made()
    tree, text = text_of(render(explore(dataset, near=NEAR)))
    assert "Images almost the same as another: 9, in 2 sets. Of these sets 1 include images of the test." in text
    assert "9 images in 2 sets. Sets that include images of the official test come first" in text
    drawn = tree.findall(".//ol[@class='alike']/li")
    assert [len(one.findall("ol/li")) for one in drawn] == [4, 5]
    assert "missing" not in str([each.get("class") for one in drawn for each in one.iter("span")])


def test_the_page_says_when_nobody_looked_or_none_is_there() -> None:
    assert "Not looked for" in text_of(render(explore(made())))[1]
    _, text = text_of(render(explore(made(), near=np.arange(40))))
    assert "None outside the test." in text and "almost the same as another" not in text
    alone = replace(made(), official_test=None)
    assert "None outside" not in text_of(render(explore(alone, near=np.arange(40))))[1]


def test_the_description_counts_them() -> None:
    assert describe(made())["near_duplicates"] is None
    assert describe(made(), NEAR)["near_duplicates"] == {"images": 12, "sets": 3, "sets_in_official_test_too": 1}


def test_the_report_draws_them_by_role(small_run: Run) -> None:
    told = small_run.folder / "data.json"
    values = json.loads(told.read_text(encoding="utf-8"))["data"]["near_pairs"]
    assert set(values) == {"images", "sets", "parted", "listed"} and values["sets"]
    tree, text = text_of(small_run.report.read_text(encoding="utf-8"))
    drawn = tree.findall(".//ol[@class='alike']/li")
    assert len(drawn) == len(values["listed"]) and f"{values['images']} images in {values['sets']} sets" in text
    roles = {one["part"] for each in values["listed"] for one in each["pictures"]}
    assert roles <= {"train", "validation", "calibration", "test"} and len(roles) > 1
    assert "missing" not in str([each.get("class") for one in drawn for each in one.iter("span")])
    assert all(
        (one["class"] is None) == (one["part"] == "test") for each in values["listed"] for one in each["pictures"]
    )
