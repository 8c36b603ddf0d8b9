"""Protects runs and bundles that an earlier version made: they open, report, predict and go on.

made_2026_11_29/make.py says what they are. When one of these tests fails, the code is to be changed, never the files.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors
import pytest
from safetensors.numpy import load_file
from sklearn.datasets import load_digits

import snellen
from snellen import cli
from snellen.train.results import JobFolder

MADE = Path(__file__).parent / "made_2026_11_29"
EXPECTED = load_file(MADE / "expected.safetensors")["probabilities"]
PICTURES = load_digits().images[: len(EXPECTED), ..., None].astype(np.uint8)
ON_CPU = ("--device", "cpu", "--threads", 1)
CLOCKS = ("seconds", "time", "sha256")
Command = Callable[..., str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_user: Path) -> Command:
    """Runs `snellen` with these arguments, which must end well; returns what it printed."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["snellen", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        assert not ended.value.code, printed.out + printed.err
        return printed.out

    return run


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A copy of the finished run, to change at will."""
    return Path(shutil.copytree(MADE / "finished", tmp_path / "finished"))


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A copy of the run that was interrupted in a search."""
    return Path(shutil.copytree(MADE / "unfinished", tmp_path / "unfinished"))


def read(path: Path) -> Any:
    """A JSON file without clocks, nor checksums of files that have some."""
    return without_clocks(json.loads(path.read_text(encoding="utf-8")))


def without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_clocks(inner) for key, inner in value.items() if key not in CLOCKS}
    return [without_clocks(item) for item in value] if isinstance(value, list) else value


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Content and time of change of every file."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def accuracy(job: Path, role: str) -> float:
    """Computed from the stored predictions alone."""
    stored = load_file(job / "predictions" / f"{role}.safetensors")
    return float((stored["probabilities"].argmax(1) == stored["labels"]).mean())


def test_a_run_opens_with_all_that_was_stored(finished: Path) -> None:
    run = snellen.Run(finished)
    plan = json.loads((finished / "plan.json").read_text(encoding="utf-8"))["models"]
    assert run.chosen == "searched"
    assert run.leaderboard["model"].to_list()[:2] == ["searched", "phases"]
    for row in run.leaderboard.filter(run.leaderboard["kind"] == "model").iter_rows(named=True):
        jobs = [finished / "jobs" / job for job in plan[row["model"]]["seeds"].values()]
        assert row["seeds"] == len(jobs) == 2
        np.testing.assert_allclose(row["validation_accuracy"], np.mean([accuracy(job, "validation") for job in jobs]))
        assert 0 < row["folds_accuracy"] < 1
    assert run.leaderboard.filter(run.leaderboard["kind"] == "baseline").height == 3
    assert run.history("phases")["phase"].to_list() == [1, 1, 2, 2]
    for role, count in {"train": 157, "validation": 60, "calibration": 20, "test": 300, "out_of_fold": 217}.items():
        predictions = run.predictions("searched", role)
        assert predictions is not None and len(predictions) == count
    assert run.predictions("phases", "test") is None
    assert run.record.search_of("searched") is not None and run.record.found.models["searched"]
    assert [finding for finding in run.findings if finding.severity == "error"] == []


@pytest.mark.parametrize(("analysis", "model"), [("units", "searched"), ("errors", None)])
def test_an_analysis_is_read_not_made_again(finished: Path, analysis: str, model: str | None) -> None:
    before = files(finished / "analyses")
    found = snellen.Run(finished).analysis(analysis, model)
    [path] = (finished / "analyses").glob(f"*/{analysis}-*/result.json")
    assert found.facts == json.loads(path.read_text(encoding="utf-8"))["facts"] and found.sentences
    assert set(found.tables) == {file.stem for file in path.parent.glob("*.parquet")}
    assert set(found.arrays) == set(load_file(path.parent / "arrays.safetensors"))
    assert files(finished / "analyses") == before


def test_the_report_is_written_again_from_the_files(finished: Path, command: Command) -> None:
    """With the same scores, whatever its sentences say now."""
    kept = {name: files(finished / name) for name in ("jobs", "floors", "analyses", "search", "figures")}
    scores, evaluation = pl.read_parquet(finished / "scores.parquet"), read(finished / "evaluation.json")
    command("report", finished)
    assert {name: files(finished / name) for name in kept} == kept
    pages = {path.name for path in (finished / "pages").iterdir()}
    assert pages == {"units-searched.html", "errors.html", "side_by_side.html"} and (finished / "report.html").is_file()
    report, again = read(finished / "report.json"), pl.read_parquet(finished / "scores.parquet")
    again = again.filter(pl.col("measure").is_in(scores["measure"].unique().to_list()))  # others were added since
    for column in scores.select(polars.selectors.numeric()).columns:
        np.testing.assert_allclose(scores[column].to_numpy(), again[column].to_numpy(), atol=1e-9, err_msg=column)
    assert report["chosen"] == evaluation["chosen"]
    assert report["openings"]["this_run"] == evaluation["openings"]["this_run"] == 1
    assert [model["model"] for model in report["leaderboard"]] == ["searched", "phases"]
    assert "error" not in {finding["severity"] for finding in report["findings"]}


@pytest.mark.parametrize("bundle", ["bundle", "bundle.zip", "finished/models/phases"])
def test_a_bundle_predicts_what_it_predicted(bundle: str, tmp_path: Path, command: Command) -> None:
    np.save(tmp_path / "pictures.npy", PICTURES)
    command("predict", MADE / bundle, tmp_path / "pictures.npy", "--csv", tmp_path / "answers.csv")
    with open(tmp_path / "answers.csv", encoding="utf-8", newline="") as file:
        answers = [[float(row[f"p({name})"]) for name in "012"] for row in csv.DictReader(file)]
    np.testing.assert_allclose(answers, EXPECTED, atol=1e-5)
    np.testing.assert_allclose(snellen.load_bundle(MADE / bundle).predict(PICTURES), EXPECTED, atol=1e-5)


def test_a_finished_run_trains_nothing_again(finished: Path, command: Command) -> None:
    before = {name: files(finished / name) for name in ("jobs", "packs", "floors", "analyses")}
    search = read(finished / "search/searched.json")
    command("run", finished / "study.yaml", "--out", finished, *ON_CPU)
    assert read(finished / "search/searched.json") == search
    after = {name: files(finished / name) for name in before}
    added = after["analyses"].keys() - before["analyses"].keys()
    assert all(Path(name).parts[1].startswith("exploration-") for name in added)  # the data were not explored then
    after["analyses"] = {name: file for name, file in after["analyses"].items() if name not in added}
    assert after == before
    assert not (finished / "history").exists() and (finished / "report.html").is_file()


def test_with_one_more_seed_only_that_is_trained(finished: Path, command: Command) -> None:
    before = files(finished / "jobs")
    command("run", finished / "study.yaml", "--out", finished, "--set", "seeds=3", *ON_CPU)
    after = files(finished / "jobs")
    assert {name: after[name] for name in before} == before
    added = {Path(name).parts[0] for name in after.keys() - before.keys()}
    seeds = {json.loads(after[f"{job}/job.json"][1])["trajectory"]["seed"] for job in added}
    assert (len(added), seeds) == (9, {2})
    assert snellen.Run(finished).leaderboard["seeds"].to_list()[:2] == [3, 3]


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(
    unfinished: Path, tmp_path: Path, command: Command
) -> None:
    """The same bytes where all was done by the same processor and torch, else the same within rounding."""
    [checkpoint] = unfinished.glob("packs/*/checkpoint.json")
    saved = json.loads(checkpoint.read_text(encoding="utf-8"))
    trained = [record["seconds"] for record in saved["progress"][0]["history"]]
    assert (saved["epoch"], len(list(unfinished.glob("paused/*/checkpoint.json")))) == (3, 4)
    whole, there = tmp_path / "whole", read(unfinished / "environment.json")
    command("run", unfinished / "study.yaml", "--out", whole, *ON_CPU)
    command("run", unfinished / "study.yaml", "--out", unfinished, *ON_CPU)
    assert list_of(unfinished) == list_of(whole)
    [job] = {ids[0] for ids in saved["lanes"]}
    history = json.loads((unfinished / "jobs" / job / "history.json").read_text(encoding="utf-8"))
    assert [record["seconds"] for record in history[:3]] == trained, "the epochs before the interruption are kept"
    exactly = there == read(whole / "environment.json")
    for name in list_of(whole):
        compare(unfinished / name, whole / name, exactly)


def list_of(run: Path) -> list[str]:
    """What a run has of each job, of its packs and of its search."""
    paths = (path for folder in ("jobs", "packs", "paused", "search") for path in (run / folder).rglob("*.*"))
    return sorted(path.relative_to(run).as_posix() for path in paths)


def compare(one: Path, other: Path, exactly: bool) -> None:
    """Asserts that two files are the same but for clocks, or nearly."""
    if one.suffix == ".safetensors":
        arrays, others = load_file(one), load_file(other)
        assert arrays.keys() == others.keys()
        for name, array in arrays.items():
            assert array.dtype == others[name].dtype
            if array.dtype.kind == "f":
                np.testing.assert_allclose(array, others[name], rtol=0, atol=0 if exactly else 1e-3, err_msg=str(one))
            else:
                np.testing.assert_array_equal(array, others[name])
    elif exactly and one.name == "job.json":
        jobs = [JobFolder(path.parent).read_job() for path in (one, other)]  # later versions write more values
        assert jobs[0] == jobs[1], one
    elif exactly:
        assert read(one) == read(other), one
