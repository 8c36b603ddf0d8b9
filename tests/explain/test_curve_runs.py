"""Protects curves in a run: trained after the study's jobs, once, counted beforehand, drawn from what is stored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import edit_json, run_small, small_study

from snellen.api import Run
from snellen.errors import RunError, StudyError
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.analysis_inputs import ModelOfRun
from snellen.explain.curves.analysis import make as make_curve
from snellen.report.pages.curves import curve_page
from snellen.report.pages.page_inputs import PageInputs
from snellen.run.check import check_study
from snellen.run.run_folder import Settings
from snellen.run.verify import verify
from snellen.statistics.seed_intervals import recipe_mean
from snellen.study.analyses import Curves
from snellen.tables import plan_sentences

MODELS: dict[str, Any] = {
    "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}]},
    "small": {"layers": ["flatten", {"dense": {"units": 2, "activation": "relu"}}]},
    "linear": {"layers": "linear"},
}
CURVE: dict[str, Any] = {"models": ["dense"], "over": "width", "values": [2, 8, 16], "epochs": 2}


def trained(folder: Path) -> list[str]:
    """Jobs that ended, in order, over all runs of a folder."""
    lines = (folder / "journal.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line)["record"] for line in lines]
    return [record["job"] for record in records if record["event"] == "job done"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small models, and three widths of one of them."""
    return run_small(tmp_path_factory.mktemp("curve"), models=MODELS, analyses=[{"curves": CURVE}])


def test_points_are_trained_after_the_models_and_none_twice(run: Run) -> None:
    record, order = RunRecord.open(run.folder), trained(run.folder)
    [curve] = record.curves
    assert len(order) == len(set(order)) == 3 + 9
    assert set(order[:3]) == set(record.models.values())
    assert set(order[3:]) == curve.jobs


def test_the_table_has_the_recipe_interval_of_each_point(run: Run) -> None:
    record = RunRecord.open(run.folder)
    found = run.analysis("curves", "dense", **{key: value for key, value in CURVE.items() if key != "models"})
    rows = found.tables["points"].to_dicts()
    for row, point in zip(rows, record.curves[0].points, strict=True):
        parts = [record.folder_of(job).read_predictions("validation") for job in point.seeds.values()]
        right = np.stack([part.predicted == part.labels for part in parts if part])
        expected = recipe_mean(right)
        assert row["accuracy"] == pytest.approx(expected.value) and row["deviation"] == pytest.approx(
            expected.deviation
        )
        assert row["low"] == pytest.approx(max(0.0, expected.low or 0)) and row["networks"] == 3
    assert len(found.tables["networks"]) == 9 and len(found.tables["comparisons"]) == 3


def test_models_that_differ_in_the_value_and_the_epochs_alone_stand_on_the_curve(run: Run) -> None:
    found = run.analysis("curves", "dense", **{key: value for key, value in CURVE.items() if key != "models"})
    assert [(one["model"], one["value"], one["epochs"]) for one in found.facts["models"]] == [
        ("dense", 16, 3),
        ("small", 2, 3),
    ]


def test_the_page_and_the_report_say_what_was_found(run: Run) -> None:
    report = json.loads((run.folder / "report.json").read_text("utf-8"))
    [entry] = report["analyses"]
    assert entry["title"] == "curve over width of dense" and entry["sentences"]
    page = (run.folder / entry["page"]).read_text("utf-8")
    assert len(page) < 5_000_000 and "http" not in page.split("<main>")[1].split("</main>")[0]
    assert page.count('data-figure="') == 2 and "Curve over width of dense" in page


def test_what_is_there_is_not_trained_again_and_what_is_gone_is(tmp_path: Path) -> None:
    analyses = [{"curves": {**CURVE, "values": [2, 4], "seeds": 2}}]
    run_small(tmp_path, models=MODELS)
    before = trained(tmp_path)
    run_small(tmp_path, models=MODELS, analyses=analyses)
    after = trained(tmp_path)
    points = RunRecord.open(tmp_path).curves[0].points
    assert after[: len(before)] == before and set(after[len(before) :]) == RunRecord.open(tmp_path).curves[0].jobs
    lost = points[1].seeds[1]
    (tmp_path / "jobs" / lost / "result.json").unlink()
    run_small(tmp_path, models=MODELS, analyses=analyses)
    assert set(trained(tmp_path)[len(after) :]) == set(points[1].seeds.values())  # a pack is performed as recorded


def test_check_counts_them_and_a_curve_that_does_not_fit_says_what_would(tmp_path: Path) -> None:
    study = small_study(models=MODELS, analyses=[{"curves": CURVE}])
    checked = check_study(study.file, Settings(None, "cpu", 1), None)
    [row] = checked["curves"]
    assert (row["model"], row["over"], row["points"], row["jobs"]) == ("dense", "width", 3, 9)
    assert checked["jobs"] == 3 + 9 and 0 < row["seconds"] < checked["seconds"]
    assert any(
        said.startswith("The curve of dense over width: 3 points, for which 9 jobs") for said in plan_sentences(checked)
    )
    with pytest.raises(StudyError, match=r"no hidden `dense` layer.*dense, small"):
        run_small(tmp_path, models=MODELS, analyses=[{"curves": {"models": ["linear"]}}])
    assert not (tmp_path / "jobs").exists()


def test_a_curve_that_was_not_trained_says_how_to_get_it(run: Run) -> None:
    with pytest.raises(RunError, match=r"not trained.*analyses"):
        run.analysis("curves", "dense", over="width", values=[3, 5])


def test_points_that_failed_are_left_out_and_told(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    points, options = RunRecord.open(folder).curves[0].points, Curves(**CURVE)
    for job in points[0].seeds.values():
        edit_json(folder / "jobs" / job / "result.json", lambda result: result | {"status": "failed"})
    edit_json(folder / "jobs" / points[1].seeds[0] / "result.json", lambda result: result | {"status": "failed"})
    found = make_curve(ModelOfRun(RunRecord.open(folder), "dense"), options)
    assert found.facts["missing"] == [[None, 2]]
    assert found.tables["points"].select("value", "networks").rows() == [(8, 2), (16, 3)]
    for point in points[1:]:
        for job in point.seeds.values():
            edit_json(folder / "jobs" / job / "result.json", lambda result: result | {"status": "failed"})
    nothing = make_curve(ModelOfRun(RunRecord.open(folder), "dense"), options)
    assert nothing.sentences == ["No network of this curve of `dense` ended well."]
    page = curve_page(
        PageInputs(
            PlannedAnalysis("curves", options, "dense"),
            nothing,
            json.loads((folder / "report.json").read_text("utf-8")),
        )
    )
    assert "ended well" in page and "data-figure" not in page.split("<main>")[1].split("</main>")[0]


def test_models_are_compared_at_each_number_of_images_a_class(tmp_path: Path) -> None:
    """A model of two units is worse than a linear one wherever both have learned something."""
    curve = {"over": "images_a_class", "values": [5, 60], "epochs": 12, "models": ["linear", "small"]}
    folder = run_small(tmp_path, models=MODELS, analyses=[{"curves": curve}]).folder
    report = json.loads((folder / "report.json").read_text("utf-8"))
    learning = report["learning_curves"]
    assert [(one["model"], one["size"], one["networks"]) for one in learning["points"]] == [
        (model, size, 3) for model in ("small", "linear") for size in (5, 60)
    ]
    [pair] = learning["crossings"]
    assert [one["size"] for one in pair["sizes"]] == [5, 60] and pair["from_size"] in (5, 60)
    assert "`linear` is better than `small`" in pair["sentence"]
    [use] = [one for one in report["answer"] if one["code"] == "SNL170"]
    assert use["values"]["candidates"]["60"] == ["linear"]
    assert "`linear`, shown to be better than the other (at " in use["sentence"]
    assert use["sentence"].endswith("Nothing is said beyond 60 images a class.")
    assert [(one["size"], one["of"]) for one in learning["use"]] == [(5, 2), (60, 2)]
    assert [one["model"] for one in learning["use"][1]["points"]] == ["linear"]
    html = (folder / "report.html").read_text("utf-8")
    assert 'data-figure="learning-curves"' in html and ">better than the other</td>" in html
    [page] = [one["page"] for one in report["analyses"] if one["model"] == "linear"]
    assert "training images a class" in (folder / page).read_text("utf-8")
    outcomes = {check.name: check.outcome for check in verify(folder, draw=True)}
    assert set(outcomes.values()) == {"equal"}
