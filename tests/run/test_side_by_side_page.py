"""Protects the page of models side by side: its numbers are those of the stored predictions, a tie is not a win, no
interval is made up, and names are escaped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import html5lib
import numpy as np
import pytest
from runs import LINEAR, PLAIN, SEARCHED, blobs, facts_of, plant, run_small

import snellen
from snellen.api import Run
from snellen.report.sections.side_by_side import side_by_side_section

NAMES = ("plain", "linear")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("beside") / "run"
    models = {"plain": PLAIN, "linear": LINEAR}
    return run_small(folder, models=models, open_test="all", analyses=["units"])


def stored(run: Run) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    return content


def section_of(run: Run) -> Any:
    content = stored(run)
    return side_by_side_section(facts_of(run.folder), {one["name"]: one for one in content["models"]})


def planted(run: Run, a: slice, b: slice) -> Any:
    """The pair after predictions are planted that are wrong exactly at these places of the test."""
    for name, wrong in zip(NAMES, (a, b), strict=True):
        right = np.ones(stored(run)["roles"]["counts"]["test"], bool)
        right[wrong] = False
        plant(run.folder, run.record.models[name], "test", right)
    [pair] = section_of(run)["pairs"]
    return pair


def test_counts_and_recalls_are_those_of_the_predictions(run: Run) -> None:
    [pair] = stored(run)["side_by_side"]["pairs"]
    a, b = (run.record.predictions(name, "test") for name in NAMES)
    assert a is not None and b is not None and a.labels is not None
    right = [one.predicted == a.labels for one in (a, b)]
    assert (pair["first"], pair["second"], pair["role"], pair["images"]) == (*NAMES, "test", len(a))
    counts = [pair[key] for key in ("both", "only_first", "only_second", "neither")]
    assert counts == [int(((right[0] == x) & (right[1] == y)).sum()) for x, y in ((1, 1), (1, 0), (0, 1), (0, 0))]
    for code, one in enumerate(pair["recalls"]["listed"]):
        recalls = [each[a.labels == code].mean() for each in right]
        assert [one["first"], one["second"]] == pytest.approx(recalls)
        assert one["change"] == pytest.approx(recalls[1] - recalls[0]) and one["low"] <= one["change"] <= one["high"]


def test_the_page_shows_both_models_and_their_units(run: Run) -> None:
    page = html5lib.parse((run.folder / "pages/side_by_side.html").read_text("utf-8"), namespaceHTMLElements=False)
    content = stored(run)
    assert len(page.findall(".//section[@id='matrices']//div[@data-model]")) == 2
    units = content["side_by_side"]["units"]["plain"][0]
    assert units["units"] == 16 and len(page.findall(".//div[@class='unit']")) == len(units["shown"]) == 4
    matrices = [
        each["roles"]["test"]["confusion"] for name in NAMES for each in content["models"] if each["name"] == name
    ]
    change = (np.array(matrices[1]) - np.array(matrices[0])).ravel()
    cells = page.findall(".//section[@id='differences']//table[@aria-labelledby='difference-0']/tbody/tr/td")
    assert [int((cell.text or "0").replace("−", "-")) for cell in cells] == change.tolist()


def test_a_win_and_a_tie_are_told_apart(run: Run, tmp_path: Path) -> None:
    kept = {path: path.read_bytes() for path in run.folder.rglob("*test*") if path.is_file()}
    try:
        win, tie = planted(run, slice(0, 200), slice(0, 20)), planted(run, slice(0, 40), slice(41, 82))
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
    assert win["verdict"] == "clearly worse" and "`linear` is clearly more accurate than" in win["sentences"][0]
    assert (win["only_second"], win["only_first"]) == (180, 0)
    assert tie["verdict"] == "cannot tell" and "cannot be told apart" in tie["sentences"][0]
    assert "no evidence that they are equal" in tie["sentences"][0]


def test_no_interval_where_a_search_chose_or_over_folds(tmp_path: Path) -> None:
    for name, changes in (
        ("searched", SEARCHED),
        ("folds", {"models": {"plain": PLAIN, "linear": LINEAR}, "folds": 3}),
    ):
        [pair] = stored(run_small(tmp_path / name, **{**changes, "open_test": []}))["side_by_side"]["pairs"]
        recalls = pair["recalls"]
        assert recalls["covers"] is None and recalls["why_none"] and "no intervals" in pair["sentences"][2]
        assert all(one["low"] is None and one["high"] is None for one in recalls["listed"])


def test_counts_of_one_network_of_several_are_said_to_be_that(tmp_path: Path) -> None:
    """Mean recalls may rise where the matrix of the first seed falls: `Shirt` of `fashion-mlp` did."""
    models = {"plain": PLAIN, "linear": LINEAR}
    [pair] = stored(run_small(tmp_path, models=models, seeds=2, open_test=[]))["side_by_side"]["pairs"]
    counts = [one for one in pair["sentences"] if one.startswith(("Of 3", "Of the confusions", "Of 2"))]
    assert len(counts) == 2 and all(one.endswith("(counts of the network of seed 0).") for one in counts)


def test_one_model_has_no_page_and_no_link(tmp_path: Path) -> None:
    alone = run_small(tmp_path / "run", models={"linear": LINEAR})
    assert "side_by_side" not in stored(alone) and not (alone.folder / "pages/side_by_side.html").exists()
    assert "side_by_side.html" not in alone.report.read_text(encoding="utf-8")


def test_names_of_classes_are_escaped(tmp_path: Path) -> None:
    images, labels = blobs(90)
    data = snellen.from_arrays(images, labels, class_names=["<b>one", "two & two", "`three`"])
    run = run_small(
        tmp_path / "run", data=data, models={"plain": PLAIN, "linear": LINEAR}, split={"test": 0.3, "validation": 0.3}
    )
    text = (run.folder / "pages/side_by_side.html").read_text(encoding="utf-8")
    assert "<b>one" not in text and "&lt;b&gt;one" in text
