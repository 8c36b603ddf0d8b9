"""Protects the floors of a run: fitted once for the same images, stored like jobs, in every leaderboard, and apart
from models whatever these are called."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import MODELS, SECTIONS, blobs, findings_of, run_small
from sklearn.metrics import accuracy_score

import snellen
from snellen import run as running
from snellen.api import Run
from snellen.console import PlainConsole, console_for
from snellen.errors import IdentityError
from snellen.evaluate.baselines import baseline_key
from snellen.files import journal
from snellen.models import baselines
from snellen.models.baselines import BASELINES
from snellen.progress import Terminal
from snellen.tables import print_leaderboard
from snellen.train.baselines import BaselineFolder, read_baselines

QUICK: dict[str, Any] = {"linear": {"layers": "linear", "train": {"epochs": 1}}}


def stored(folder: Path) -> dict[str, bytes]:
    """Every file of the floors of a run but the clocks in their results."""
    found = (path for path in sorted(folder.glob("floors/*/**/*")) if path.is_file() and path.name != "result.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the floors that are fitted from now on."""
    names: list[str] = []
    real = baselines.fit

    def fit(name: str, *arguments: Any) -> baselines.Fitted:
        names.append(name)
        return real(name, *arguments)

    monkeypatch.setattr(baselines, "fit", fit)
    return names


def test_floors_are_stored_with_digests_and_predict_what_they_were_not_fitted_to(small_run: Run) -> None:
    found = read_baselines(small_run.folder)
    assert list(found) == list(BASELINES)
    for name, folder in found.items():
        result = folder.read_result()
        assert result is not None and result.status == "done" and result.label == name
        roles = {path.stem for path in (folder.path / "predictions").iterdir()}
        assert roles == {"validation", "calibration"}
        assert len(result.sha256) == 3 and not folder.job.changed_files(result)
        told = folder.job.read_predictions("validation")
        model = small_run.predictions("linear", "validation")
        assert told is not None and model is not None and told.labels is not None
        assert (told.rows == model.rows).all() and (told.ids == model.ids).all()
        assert result.validation_accuracy == pytest.approx(accuracy_score(told.labels, told.predicted))


def test_the_same_bytes_in_two_folders_and_no_second_fit(tmp_path: Path, own_user: Path, fits: list[str]) -> None:
    for _ in range(2):
        run_small(tmp_path / "a", models=QUICK)
    assert fits == list(BASELINES)
    run_small(tmp_path / "b", models=QUICK)
    assert len(fits) == 6 and stored(tmp_path / "a") == stored(tmp_path / "b")


def test_other_models_keep_the_floors_and_other_rows_do_not(run_copy: Path, own_user: Path, fits: list[str]) -> None:
    before, names = stored(run_copy), (run_copy / "floors.json").read_bytes()
    run_small(run_copy, models=QUICK, seed=7)
    assert not fits and stored(run_copy) == before
    assert (run_copy / "history/1/floors.json").read_bytes() == names == (run_copy / "floors.json").read_bytes()
    run = run_small(run_copy, models=QUICK, split={**SECTIONS["split"], "seed": 3})
    assert fits == list(BASELINES) and (run_copy / "floors.json").read_bytes() != names
    assert before.items() <= stored(run_copy).items()
    assert run.evaluation.best_baseline is not None


def test_a_floor_without_a_result_is_fitted_again(run_copy: Path, own_user: Path, fits: list[str]) -> None:
    """As a killed process leaves it."""
    before = stored(run_copy)
    folder = read_baselines(run_copy)["nearest centroid"].path
    (folder / "result.json").unlink()
    shutil.rmtree(folder / "predictions")
    run_small(run_copy)
    assert fits == ["nearest centroid"] and stored(run_copy) == before


def test_a_result_that_is_none_is_named(run_copy: Path) -> None:
    path = read_baselines(run_copy)["majority class"].path / "result.json"
    path.write_text('{"floor": "majority class"}', encoding="utf-8")
    with pytest.raises(IdentityError, match="fit this baseline again"):
        BaselineFolder(path.parent).read_result()


def test_one_that_needs_too_much_memory_fails_alone(
    tmp_path: Path, own_user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any) -> baselines.Fitted:
        raise MemoryError("1 TiB")

    failing = baselines.Baseline(exhausted, BASELINES["logistic regression"].predict)
    monkeypatch.setitem(BASELINES, "logistic regression", failing)
    run = run_small(tmp_path / "run", models=QUICK)
    assert run.evaluation.baselines == ("nearest centroid", "majority class")
    rows = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))["floors"]
    assert [row["status"] for row in rows] == ["done", "done", "failed"] and "1 TiB" in rows[-1]["reason"]
    assert "failed: out of memory (1 TiB)" in run.report.read_text(encoding="utf-8")


def test_the_leaderboard_has_them_below_the_models(small_run: Run) -> None:
    board, evaluation = small_run.leaderboard, small_run.evaluation
    assert board["kind"].to_list() == ["model"] * 3 + ["baseline"] * 3
    assert tuple(board["model"].to_list()[3:]) == evaluation.baselines
    assert board["validation_accuracy"][3:].is_sorted(descending=True) and board["test_accuracy"][3:].is_null().all()
    assert set(evaluation.baselines) == set(BASELINES) and evaluation.opened_baselines == ()
    scores = small_run.scores.filter(pl.col("model").str.starts_with("floor: "))
    assert set(scores["role"]) == {"validation", "calibration"} and set(scores["covers"]) == {"other images"}


def test_the_report_has_them_marked(small_run: Run) -> None:
    content = json.loads((small_run.folder / "report.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in content["leaderboard"]] == list(small_run.evaluation.ranked)
    page = small_run.report.read_text(encoding="utf-8")
    for row in content["floors"]:
        estimate = small_run.evaluation.estimate(baseline_key(row["floor"]), "validation", "accuracy")
        assert estimate is not None and row["scores"]["validation"]["accuracy"]["value"] == estimate.value
        assert f'{row["floor"]} <span class="floor">baseline</span>' in page
    count = small_run.record.data["roles"]["counts"]["train"]
    assert f"saw {count:,} of {count:,} training images and converged after" in page


def test_a_sample_of_the_training_images_is_named(
    tmp_path: Path, own_user: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(baselines, "WORK", 64 * 10 * 305)
    monkeypatch.setattr(baselines, "ROUNDS", 20)
    study = snellen.Study("small", data="digits", models=QUICK, **SECTIONS)
    console = PlainConsole(file=io.StringIO(), width=40)
    settings = running.Settings(tmp_path / "run", "cpu", 1)
    finished = running.run(study.document, study.file, settings, Terminal(console))
    label = "logistic regression (300 training images)"
    assert label in Run(finished.folder).leaderboard["model"].to_list()
    page = finished.report.read_text(encoding="utf-8")
    assert '<span class="few">300 training images</span>' in page
    count = finished.record.data["roles"]["counts"]["train"]
    told = f"saw 300 of {count:,} training images and was stopped before it converged, after 20 rounds"
    assert told in page
    print_leaderboard(console_for(), finished.record, finished.evaluation)
    assert "(300" in capsys.readouterr().out
    line = next(line for line in console.file.getvalue().splitlines() if "baselines" in line)  # type: ignore[attr-defined]
    assert line.startswith("  baselines, validation accuracy: majority class 1") and line.endswith(" s")


def test_the_test_is_opened_for_them_only_with_all(tmp_path: Path, own_user: Path) -> None:
    models = {name: {**MODELS[name], "train": {"epochs": 1}} for name in ("linear", "dense")}
    run = run_small(tmp_path / "run", models=models)
    assert run.evaluation.openings.this_run == 1 and not list(run.folder.glob("floors/*/predictions/test.*"))
    for _ in range(2):
        run = run_small(tmp_path / "run", models=models, open_test="all")
        assert run.evaluation.openings.this_run == 5  # the second model and three floors more, once each
        assert set(run.evaluation.opened_baselines) == set(BASELINES)
    events = [each for each in journal.read(run.folder / "journal.jsonl") if each["event"] == "test opened"]
    assert [each["model"] for each in events[2:]] == [baseline_key(name) for name in run.evaluation.baselines]
    assert run.leaderboard["test_accuracy"].null_count() == 0
    for name, folder in read_baselines(run.folder).items():
        told = folder.job.read_predictions("test")
        estimate = run.evaluation.estimate(baseline_key(name), "test", "accuracy")
        assert told is not None and told.labels is not None and estimate is not None
        assert estimate.value == pytest.approx(accuracy_score(told.labels, told.predicted))
    sentence = next(each.sentence for each in findings_of(run.folder) if each.code == "SNL004")
    assert "evaluate models 5 times" in sentence and all(f"`baseline {name}`" in sentence for name in BASELINES)
    closed = run_small(tmp_path / "run", models=models)
    assert closed.evaluation.opened_baselines == () and closed.leaderboard["test_accuracy"].null_count() == 4


def test_a_model_may_have_the_name_of_a_floor(tmp_path: Path, own_user: Path) -> None:
    """And two classes, few rows and images in memory are enough."""
    images, labels = blobs(60, classes=2)
    study = snellen.Study(
        "small",
        data=snellen.from_arrays(images, labels),
        models={"logistic regression": {"layers": "linear", "train": {"epochs": 1, "learning_rate": 1e-9}}},
        split={"test": 12, "validation": 12},
    )
    run = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    board = run.leaderboard
    same = board.filter(pl.col("model") == "logistic regression")
    assert same["kind"].to_list() == ["model", "baseline"] and same["validation_accuracy"][1] == 1
    assert run.evaluation.ranked == ("logistic regression",)
    assert len(np.unique(run.scores.filter(pl.col("model") == "logistic regression")["job"])) == 1


WEAK = {"weak": {"layers": "linear", "train": {"epochs": 1, "learning_rate": 1e-9}}}


def test_a_model_below_the_floor_is_named_and_without_it_nothing_is_said(tmp_path: Path, own_user: Path) -> None:
    """One that hardly trained, beside one that is above every floor."""
    strong = {"dense": {"layers": ["flatten", {"dense": 64}, "relu"], "train": {"epochs": 40}}}
    run = run_small(tmp_path / "run", models={**strong, **WEAK})
    (found,) = [each for each in findings_of(run.folder) if each.code == "SNL110" and each.severity == "warning"]
    best = run.evaluation.best_baseline
    assert best is not None and best[1].value is not None
    assert found.values["model"] == "weak" and found.values["floor"] == best[0] == "logistic regression"
    one = run.evaluation.comparisons.between("weak", baseline_key(best[0]), "validation")
    assert one is not None and one.verdict.worse and found.severity == "warning"
    assert f"by {-100 * one.difference.value:.1f} points (" in found.sentence and "over images" in found.sentence
    run = run_small(tmp_path / "run", models=strong)
    assert not [each for each in findings_of(run.folder) if each.code == "SNL110" and each.severity == "warning"]
