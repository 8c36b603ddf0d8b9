"""Protects the exploration of a run: of its own roles, the test only once it is opened; its page, its file, its
sentences."""

from __future__ import annotations

import json
from pathlib import Path

import html5lib
import numpy as np
import polars as pl
import pytest
from runs import run_small
from sklearn.feature_selection import f_classif

from snellen.api import Run
from snellen.explain.exploration import CONSTANT, STEPS, stored_exploration
from snellen.report.sections.exploration import exploration_section
from snellen.run.analyses import split_again
from snellen.run.flow import report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("exploration") / "run")


def facts_of(run: Run) -> dict:
    found = stored_exploration(run.record)
    assert found is not None
    return found.facts


def test_numbers_are_of_the_roles_of_the_run(run: Run) -> None:
    data, facts = split_again(run.record, None), facts_of(run)
    for one in facts["roles"]:
        own = data.dataset.images[data.roles.rows[one["role"]]]
        assert one["images"] == len(own) and one["values"]["zeros"] == pytest.approx((own == 0).mean())
        assert one["values"]["median"] == np.quantile(own, 0.5, method="inverted_cdf")
    assert [one["role"] for one in facts["roles"]] == ["train", "validation", "calibration", "test"]


def test_a_test_that_is_not_opened_stays_out(tmp_path: Path) -> None:
    closed = run_small(tmp_path / "run", open_test=[])
    assert [one["role"] for one in facts_of(closed)["roles"]] == ["train", "validation", "calibration"]
    assert "The test was not opened" in (closed.folder / "pages" / "exploration.html").read_text(encoding="utf-8")
    content = json.loads((closed.folder / "report.json").read_text(encoding="utf-8"))
    assert content["exploration"]["role"] == "validation"


def test_the_file_beside_the_page_has_every_pixel(run: Run) -> None:
    data = split_again(run.record, None)
    rows = data.roles.rows["train"]
    pixels, labels = data.dataset.images[rows].reshape(len(rows), -1).astype(float), data.dataset.labels[rows]
    table = pl.read_csv(run.folder / "pages" / "pixels.csv")
    assert table.height == 64 and table["mean"].to_list() == pytest.approx(pixels.mean(axis=0).tolist())
    varied = np.flatnonzero(np.ptp(pixels, axis=0) > 0)
    f = f_classif(pixels[:, varied], labels)[0] * 9 / (len(rows) - 10)
    assert table["between_classes"].to_numpy()[varied] == pytest.approx(f / (1 + f), abs=1e-6)
    related = [np.corrcoef(pixels[:, pixel], labels)[0, 1] for pixel in varied]
    assert table["correlation_with_label"].to_numpy()[varied] == pytest.approx(related, abs=1e-6)
    assert table["between_classes"].null_count() == 64 - len(varied)


def test_the_page_shows_all_of_it_and_the_report_links_to_it(run: Run) -> None:
    page = html5lib.parse((run.folder / "pages" / "exploration.html").read_text("utf-8"), namespaceHTMLElements=False)
    assert len(page.findall(".//table[@class='sortable every']/tbody/tr")) == 64
    assert len(page.findall(".//table[@class='sortable varied']/tbody/tr")) == 10
    assert page.find(".//section[@id='every']//a[@href='pixels.csv']") is not None
    html = html5lib.parse(run.report.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    assert html.find(".//section[@id='data']//a[@href='pages/exploration.html']") is not None
    stored = stored_exploration(run.record)
    assert stored is not None
    matrix = stored.arrays["correlation"]
    assert matrix.shape == (65, 65) and set(matrix.diagonal()) == {2 * STEPS, CONSTANT}


def test_the_report_is_written_again_without_the_images(run: Run) -> None:
    before = (run.folder / "pages" / "pixels.csv").read_bytes()
    (run.folder / "pages" / "pixels.csv").unlink()
    report(run.folder)
    assert (run.folder / "pages" / "pixels.csv").read_bytes() == before


@pytest.mark.parametrize(("sign", "said"), [(-1, "those with lower recall"), (1, "those with higher recall")])
def test_whether_varied_classes_are_hard_is_computed(run: Run, sign: int, said: str) -> None:
    content = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    chosen = next(model for model in content["models"] if model["chosen"])
    found = stored_exploration(run.record)
    assert found is not None
    spread = {name: one["spread"] for name, one in zip(content["data"]["classes"], found.facts["spread"])}
    for row in chosen["roles"]["test"]["per_class"]:
        row["recall"]["value"] = 0.5 + sign * spread[row["class"]]
    section = exploration_section(found, content["data"]["classes"], chosen)
    assert f"The more varied classes are {said}: rank correlation {sign}.00" in section["sentences"][1]
    assert [one["spread"] for one in section["classes"]] == sorted(spread.values(), reverse=True)


def test_two_classes_are_too_few_to_tell(tmp_path: Path) -> None:
    two = run_small(tmp_path / "run", data={"source": "digits", "classes": ["0", "1"]}, split={"validation": 0.3})
    sentences = json.loads((two.folder / "report.json").read_text(encoding="utf-8"))["exploration"]["sentences"]
    assert "Whether more varied classes have a lower recall cannot be told: 2 classes are too few." in sentences
