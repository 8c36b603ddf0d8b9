"""Protects the look at the data: planted wrong labels, outliers and near-duplicates are found, the test's labels are
never used, and the page shows each with its neighbours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

import snellen
from snellen.api import Run
from snellen.data.dataset import SEALED
from snellen.data.readers.arrays import from_arrays
from snellen.evaluate.record import RunRecord
from snellen.explain.data.analysis import make as make_data
from snellen.run.analyses import scene_of
from snellen.study.analyses import DataLook

MODEL: dict[str, Any] = {"layers": ["flatten", {"dense": {"units": 24, "activation": "relu"}}]}
DIGITS = load_digits()


def planted() -> snellen.data.dataset.Dataset:
    """Digits whose first 1,500 are ours and the others the test. Rows 3 and 40 have a wrong label, row 70 is noise, and
    row 1,600 of the test is row 90 but for two pixels."""
    images, labels = DIGITS.images.astype(np.uint8) * 16, DIGITS.target.copy()
    labels[[3, 40]] = (labels[[3, 40]] + 5) % 10
    images[70] = np.random.default_rng(0).integers(0, 256, (8, 8))
    images[1600] = images[90]
    images[1600, 0, 0], images[1600, 7, 7] = 16, 16
    return from_arrays(images[:1500], labels[:1500], test_images=images[1500:], test_labels=labels[1500:])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A dense network on them, trained for a second."""
    study = snellen.Study(
        study="planted",
        data=planted(),
        split={"validation": 0.3},
        train={"learning_rate": 5e-3, "epochs": 25, "batch_size": 64},
        models={"dense": MODEL},
        analyses=["data"],
    )
    return study.run(out=tmp_path_factory.mktemp("data"), device="cpu", threads=1, progress=False)


def found(run: Run) -> dict[str, Any]:
    """The facts that were stored."""
    return run.analysis("data").facts


def test_wrong_labels_are_suspects_with_neighbours_of_the_right_one(run: Run) -> None:
    suspects = {one["row"]: one for one in found(run)["suspects"]}
    assert {3, 40} <= suspects.keys()
    for row in (3, 40):
        names = [near["class"] for near in suspects[row]["neighbours"]]
        assert names.count(str(DIGITS.target[row])) >= 3 and suspects[row]["disagreeing"] > 0.5
    assert "wrong label" not in " ".join(found(run)["sentences"]) and "mislabelled" not in json.dumps(found(run))


def test_suspects_that_were_not_trained_on_come_first(run: Run) -> None:
    trained = [one["role"] == "train" for one in found(run)["suspects"]]
    assert trained == sorted(trained)


def test_noise_is_the_outlier_of_its_class(run: Run) -> None:
    outliers = [one for one in found(run)["outliers"] if one["class"] == str(DIGITS.target[70])]
    assert outliers[0]["row"] == 70 and outliers[0]["outlying"] > 1.5


def test_a_copy_in_the_test_is_a_near_duplicate_across_roles_and_its_class_is_not_said(run: Run) -> None:
    across = [pair for pair in found(run)["pairs"] if pair["across"]]
    [pair] = [pair for pair in across if [one["row"] for one in pair["pictures"]] == [90, 1600]]
    assert [one["role"] for one in pair["pictures"]][1] == "test" and pair["pictures"][1]["class"] is None
    by_pixels = [[one["row"] for one in each["pictures"]] for each in found(run)["near"]["listed"]]
    assert any({90, 1600} <= set(rows) for rows in by_pixels)


def test_labels_of_the_test_change_nothing(run: Run) -> None:
    scene = scene_of(RunRecord.open(run.folder), None, planted())
    assert (scene.dataset.labels[1500:] == SEALED).all()
    assert make_data(scene, DataLook()).facts == found(run)


def test_each_labelled_image_is_a_row_and_its_nearest_the_nearest_of_all(run: Run) -> None:
    scene = scene_of(RunRecord.open(run.folder), None, planted())
    table, subject = run.analysis("data").tables["images"], scene.trained_models["dense"]
    assert table["row"].to_list() == list(range(1500))
    values = subject.outputs("dense_1", np.arange(1500)).astype(float)
    for place in (0, 700, 1499):
        distances = np.linalg.norm(values - values[place], axis=1)
        distances[place] = np.inf
        assert table["nearest_distance"][place] == pytest.approx(distances.min(), rel=1e-4)
    part = subject.predictions["validation"]
    shown = table.filter(pl.col("role") == "validation")
    assert shown["answer"].to_list() == [str(answer) for answer in part.predicted]
    own = part.probabilities[np.arange(len(part.rows)), part.labels]
    np.testing.assert_array_equal(shown["probability_of_label"].to_numpy(), own)


def test_the_shares_of_neighbours_are_those_of_the_table(run: Run) -> None:
    facts = found(run)
    best = max(facts["classes"], key=lambda one: one["mixed_share"])
    assert f"{100 * best['mixed_share']:.1f} %" in facts["sentences"][0]
    assert all(one["likest"] != code and one["mixed_with"] != code for code, one in enumerate(facts["classes"]))
    assert sum(one["images"] for one in facts["classes"]) == 1500


def test_the_page_opens_alone_and_draws_every_image(run: Run) -> None:
    html = (run.folder / "pages" / "data.html").read_text("utf-8")
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    assert len(html) < 2_000_000 and not re.search(r'(src|href)="(?!data:|#|\.\./report)', html)
    images = [each for each in tree.iter() if "picture" in (each.get("class") or "").split()]
    assert len(images) > 100 and not [each for each in images if "missing" in (each.get("class") or "")]


def test_the_model_that_is_named_tells_what_is_alike(tmp_path: Path) -> None:
    study = snellen.Study(
        study="named",
        data=planted(),
        split={"validation": 0.3},
        train={"epochs": 1, "batch_size": 256},
        models={"dense": MODEL, "linear": {"layers": "linear"}},
    )
    run = study.run(out=tmp_path, device="cpu", threads=1, progress=False)
    of = {name: run.analysis("data", models=[name], dataset=planted()).facts for name in ("dense", "linear")}
    assert {name: (facts["model"], facts["units"]) for name, facts in of.items()} == {
        "dense": ("dense", 24),
        "linear": ("linear", 64),
    }
