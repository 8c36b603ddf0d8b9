"""Protects studies in Python: the same run as from a file, tables as polars frames, and reports that need no data."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import altair
import html5lib
import numpy as np
import polars as pl
import pytest
from runs import MODELS, SECTIONS, blobs, run_small, small_study

import snellen
from snellen.api import Run
from snellen.deploy.predict import open_model
from snellen.errors import DataError, RunError, SnellenError, StudyError, UnknownName
from snellen.files.cache import cache_folder
from snellen.report import notebook
from snellen.run import report
from snellen.study.document import parse, to_yaml

IMAGES, LABELS = blobs(240)
ARRAYS: dict[str, Any] = {
    "models": {"linear": {"layers": "linear"}},
    "split": {"test": 60, "validation": 60},
    "train": {"epochs": 3, "learning_rate": 0.01},
}


def in_memory(**changes: Any) -> snellen.Study:
    return snellen.Study(
        "mine", **{"data": snellen.from_arrays(IMAGES, LABELS, class_names=("a", "b", "c")), **ARRAYS, **changes}
    )


def test_arrays_in_memory_become_a_finished_run(own_user: Path, tmp_path: Path) -> None:
    run = in_memory().run(out=tmp_path / "run", progress=False)
    assert run.chosen == "linear" and run.report.is_file()
    tested = run.predictions("linear", "test")
    assert tested is not None and len(tested) == 60
    np.testing.assert_array_equal(tested.labels, LABELS[tested.rows])
    np.testing.assert_array_equal(run.model().predict(IMAGES[tested.rows][..., None]), tested.probabilities)
    assert run.model().classes == ("a", "b", "c")
    assert run.leaderboard["test_accuracy"][0] > 0.5


def test_python_and_a_file_are_the_same_study(small_run: Run, tmp_path: Path) -> None:
    written = to_yaml({"study": "small", "data": "digits", "models": MODELS, **SECTIONS})
    assert parse(written, "f").study() == small_study().file
    (tmp_path / "small.yaml").write_text(written, encoding="utf-8")
    assert snellen.Study.load(tmp_path / "small.yaml").file == small_study().file
    changed = snellen.Study.load(tmp_path / "small.yaml", ["models.dense.train.epochs=9"])
    assert changed.file.models["dense"].last_phase.epochs == 9


def test_the_same_study_gives_the_same_bytes(small_run: Run, own_user: Path, tmp_path: Path) -> None:
    again = run_small(tmp_path / "again")
    for path in sorted(small_run.folder.glob("jobs/*/**/*.safetensors")):
        assert path.read_bytes() == (again.folder / path.relative_to(small_run.folder)).read_bytes()


def test_tables_are_polars_frames(small_run: Run) -> None:
    leaderboard, scores, history = small_run.leaderboard, small_run.scores, small_run.history("dense")
    assert all(isinstance(table, pl.DataFrame) for table in (leaderboard, scores, history))
    leaderboard = leaderboard.filter(pl.col("kind") == "model")  # the floors below: tests/train/test_stored_floors.py
    assert leaderboard["model"].to_list() == list(small_run.evaluation.ranked)
    assert leaderboard["validation_accuracy"].is_sorted(descending=True)
    assert leaderboard["test_accuracy"].is_null().to_list() == [False, True, True]
    assert history.columns[:3] == ["epoch", "loss", "accuracy"] and history["epoch"].to_list() == [1, 2, 3]
    assert set(scores["role"].unique()) == {"train", "validation", "calibration", "test"}
    bounded = scores.drop_nulls("value")
    assert bounded.filter(
        (pl.col("low") > pl.col("value") + 1e-9) | (pl.col("high") < pl.col("value") - 1e-9)
    ).is_empty()


def test_findings_come_conclusions_first(small_run: Run) -> None:
    severities = [finding.severity for finding in small_run.findings]
    assert severities[0] == "result" and severities == sorted(severities, key=lambda each: each != "result")


def test_the_test_of_other_models_stays_closed(small_run: Run) -> None:
    closed = [model for model in MODELS if model != small_run.chosen]
    assert all(small_run.predictions(model, "test") is None for model in closed)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda run: run.history("dens"), "unknown model 'dens'.*Did you mean 'dense'"),
        (lambda run: run.predictions("linaer"), "unknown model 'linaer'.*Did you mean 'linear'"),
        (lambda run: run.predictions("dense", "tests"), "unknown role 'tests'.*Did you mean 'test'"),
        (lambda run: run.model("con"), "unknown model 'con'.*Did you mean 'conv'"),
        (lambda run: snellen.Study.load("digit"), "unknown study 'digit'.*Did you mean 'digits'"),
    ],
)
def test_unknown_names_suggest(small_run: Run, ask: Any, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        ask(small_run)


def test_a_misspelt_data_set_suggests(own_user: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown file, folder or data set 'digit'.*Did you mean 'digits'"):
        small_study(data="digit").run(out=tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"epochs": 3}, StudyError),
        ({"models": {}}, StudyError),
        ({"data": 3}, StudyError),
        ({"models": {"a": {"layers": ["flatten"], "train": {"learning_rate": -1}}}}, StudyError),
    ],
)
def test_mistakes_are_told_when_the_study_is_made(changes: dict[str, Any], error: type[SnellenError]) -> None:
    with pytest.raises(error):
        small_study(**changes)


def test_bad_arrays_are_told_when_they_are_given() -> None:
    with pytest.raises(DataError, match="different numbers of images and labels"):
        snellen.from_arrays(IMAGES, LABELS[:-1])


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run of a study here"):
        Run(tmp_path)


def test_check_prices_every_model_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checked = small_study(models={name: MODELS[name] for name in ("linear", "dense")}).check(device="cpu", threads=1)
    assert checked["model"].to_list() == ["linear", "dense"] and checked["parameters"].to_list() == [650, 1_210]
    assert (checked["seconds"] > 0).all() and (checked["memory_bytes"] > 0).all()
    assert list(tmp_path.iterdir()) == []


STAMP = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\+00:00| UTC)")


def test_a_report_needs_the_stored_files_alone(own_user: Path, tmp_path: Path) -> None:
    """The data set gone, the caches emptied: the same report but for the time it was made."""
    source = tmp_path / "mine.npz"
    np.savez(source, images=IMAGES, labels=LABELS)
    study = snellen.Study("mine", data=source, **ARRAYS)
    run = study.run(out=tmp_path / "run", progress=False)
    before = {name: (run.folder / name).read_text(encoding="utf-8") for name in ("report.json", "report.html")}
    source.unlink()
    shutil.rmtree(cache_folder())
    (run.folder / "report.html").unlink()
    finished = report(run.folder)
    assert finished.judgement.others == tuple(each for each in run.findings if each.severity != "result")
    for name, text in before.items():
        assert STAMP.sub("", (run.folder / name).read_text(encoding="utf-8")) == STAMP.sub("", text)
    assert json.loads(before["report.json"])["chosen"] == "linear"


def test_the_report_holds_the_scores(small_run: Run) -> None:
    content = json.loads((small_run.folder / "report.json").read_text(encoding="utf-8"))
    assert [row["model"] for row in content["leaderboard"]] == list(small_run.evaluation.ranked)
    for row in content["leaderboard"]:
        for role, scores in row["scores"].items():
            kept = small_run.scores.filter((pl.col("model") == row["model"]) & (pl.col("role") == role))
            for measure, estimate in scores.items():
                value = kept.filter((pl.col("measure") == measure) & pl.col("class").is_null())["value"].item()
                assert estimate["value"] == pytest.approx(value)


def test_a_notebook_shows_a_run_a_study_and_curves(small_run: Run) -> None:
    shown = html5lib.parseFragment(small_run._repr_html_(), namespaceHTMLElements=False)
    said = " ".join("".join(shown.itertext()).split())
    assert f"{small_run.chosen} is chosen" in said and str(small_run.report.as_posix()) in said
    for one in small_run.statements:
        assert one.sentence.replace("`", "").replace(" %", "\xa0%") in "".join(shown.itertext())
    rows = [["".join(cell.itertext()) for cell in row.iter("td")] for row in shown.iter("tr")][1:]
    assert [row[0].split()[0] for row in rows[: len(MODELS)]] == list(small_run.evaluation.ranked)
    assert [row[3] == "not evaluated" for row in rows[: len(MODELS)]] == [False, True, True]
    assert f"{100 * small_run.leaderboard['validation_accuracy'][0]:.1f}" in rows[0][2]
    study = "".join(html5lib.parseFragment(small_study()._repr_html_(), namespaceHTMLElements=False).itertext())
    assert "flatten > dense > dropout" in study and "batch_size: 64" in study
    curves = small_run.curves("dense", "accuracy")
    text = curves.to_json()
    assert isinstance(curves, altair.LayerChart) and "var(--" not in text and "#17549b" in text
    assert f"{small_run.history('dense')['validation_accuracy'][0]}" in text


def test_a_notebook_shows_hostile_names_as_text() -> None:
    attack = "<script>pwned</script>"
    shown = notebook.run_summary(attack, attack, [attack], [], Path("x"))
    assert "<script>" not in shown and shown.count("&lt;script&gt;") == 3
    assert "<script>" not in notebook.study_summary(attack, attack, {attack: [attack]}, attack)


def test_a_run_that_is_not_finished_says_so(small_run: Run, tmp_path: Path) -> None:
    shutil.copytree(small_run.folder, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    assert "not finished" in Run(tmp_path / "run")._repr_html_()


@pytest.mark.parametrize("name", snellen.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(snellen, name) is not None


def test_a_name_that_is_not_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        snellen.Studdy  # noqa: B018


def test_a_path_may_be_text_wherever_one_is_taken(small_run: Run, tmp_path: Path) -> None:
    folder = str(small_run.folder)
    again = Run(folder)
    assert again == small_run and again.folder == small_run.folder and again.report == small_run.report
    assert len(snellen.load_bundle(f"{folder}/models/linear").classes) == len(open_model(folder).classes) == 10
    np.savez(tmp_path / "mine.npz", images=IMAGES, labels=LABELS)
    models = {"linear": {"layers": "linear"}}
    for data in ("mine.npz", {"source": Path("mine.npz")}, Path("mine.npz")):
        study = snellen.Study("text", data=data, models=models, train={"epochs": 1}, split={"test": 60})
        assert study.check(data_dir=str(tmp_path))["model"].to_list() == ["linear"]
    run = study.run(out=str(tmp_path / "run"), data_dir=str(tmp_path), progress=False, device="cpu", threads=1)
    assert isinstance(run.folder, Path) and run.model().predict(IMAGES[:2]).shape == (2, 3)
