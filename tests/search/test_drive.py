"""Protects searches at work: what is promoted goes on from where it was, an interrupted search ends as if it had not
been, nothing is trained twice, and the winner is what the study then trains, folds and tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import runs

import snellen
from snellen.api import Run
from snellen.errors import StudyError
from snellen.train import step_runner, train_pack
from snellen.train.executors import sequential
from snellen.train.step import training_step

DENSE: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": {"choice": [8, 16]}, "activation": "relu"}}],
    "train": {"learning_rate": {"choice": [0.01, 0.001, 0.0001]}, "epochs": 4},
    "search": {"method": "halving", "factor": 2},
}


def study(model: dict[str, Any], **changes: Any) -> snellen.Study:
    return runs.small_study(models={"dense": model}, **changes)


def run(folder: Path, model: dict[str, Any], **changes: Any) -> Run:
    return study(model, **changes).run(out=folder, device="cpu", threads=1, progress=False)


def outcome(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "search/dense.json").read_text())["outcome"])


def rounds(folder: Path) -> list[list[tuple[int, int]]]:
    """Trial and epoch of every ask, round by round."""
    stored = json.loads((folder / "search/dense.json").read_text())["rounds"]
    return [[(ask["trial"], ask["to_epoch"]) for ask in done["asks"]] for done in stored]


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("halved"), DENSE).folder


def test_the_best_half_goes_on(halved: Path) -> None:
    asked = rounds(halved)
    assert [len(each) for each in asked] == [6, 3, 1] and [each[0][1] for each in asked] == [1, 2, 4]
    stored = json.loads((halved / "search/dense.json").read_text())["rounds"]
    for before, after in pairwise(stored):
        ranked = sorted(before["told"], key=lambda told: (-told["score"], told["trial"]))
        assert {ask["trial"] for ask in after["asks"]} == {told["trial"] for told in ranked[: len(after["asks"])]}
    trials = outcome(halved)["trials"]
    assert [trial["cut"] for trial in trials].count(False) == 1
    assert sum(trial["epoch"] for trial in trials) == 3 * 1 + 2 * 2 + 4


def test_cut_trials_have_a_history_and_no_weights(halved: Path) -> None:
    for trial in outcome(halved)["trials"]:
        (job,) = trial["jobs"]
        result = json.loads((halved / "jobs" / job / "result.json").read_text())
        assert result["status"] == ("stopped" if trial["cut"] else "done")
        assert (halved / "jobs" / job / "weights.safetensors").exists() != trial["cut"]
        assert len(json.loads((halved / "jobs" / job / "history.json").read_text())) == trial["epoch"]
    assert not list((halved / "paused").glob("*"))


def test_the_winner_is_the_model_of_the_run(halved: Path) -> None:
    record = runs.facts_of(halved).record
    found = outcome(halved)
    (winner,) = (trial for trial in found["trials"] if trial["number"] == found["winner"])
    assert record.models["dense"] == winner["jobs"][0], "what the search trained is not trained again"
    job = record.job("dense").read_job()
    assert job.trajectory.learning_rate == winner["assignment"]["train.learning_rate"]
    assert record.model("dense").last_phase.learning_rate == job.trajectory.learning_rate


def test_the_curve_of_the_winner_is_that_of_the_same_job_run_straight_through(halved: Path, tmp_path: Path) -> None:
    found = outcome(halved)
    values = next(trial["assignment"] for trial in found["trials"] if trial["number"] == found["winner"])
    units = values["layers.1.dense.units"]
    plain: dict[str, Any] = {"layers": ["flatten", {"dense": {"units": units, "activation": "relu"}}]}
    plain["train"] = {"learning_rate": values["train.learning_rate"], "epochs": 4}
    straight = run(tmp_path / "straight", plain)
    ours, theirs = (runs.facts_of(folder).record.job("dense") for folder in (halved, straight.folder))
    assert ours.path.name == theirs.path.name
    assert [record["epoch"] for record in ours.read_history()] == [1, 2, 3, 4]
    for one, other in zip(ours.read_history(), theirs.read_history()):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)


def test_a_grid_over_epochs_trains_one_trajectory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def counting(*arguments: Any) -> Any:
        steps.append(1)
        return training_step(*arguments)

    monkeypatch.setattr(step_runner, "training_step", counting)
    model = {"layers": "linear", "train": {"epochs": {"choice": [1, 2, 3]}}, "search": "grid"}
    folder = run(tmp_path / "grid", model).folder
    trials = outcome(folder)["trials"]
    assert [trial["epoch"] for trial in trials] == [1, 2, 3]
    (steps_an_epoch,) = {-(-runs.facts_of(folder).record.data["roles"]["counts"]["train"] // 64)}
    assert len(steps) == 3 * steps_an_epoch, "three cells for the price of the longest"
    assert outcome(folder)["winner"] == max(trials, key=lambda trial: (trial["score"], -trial["number"]))["number"]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("packs", [1, 2, 3])
def test_an_interrupted_search_ends_as_if_it_had_not_been(
    halved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: int
) -> None:
    """Killed after so many packs: the same rounds, the same winner, and no job is brought to its end twice."""
    done: list[int] = []
    original = train_pack.train_pack

    def killed(*arguments: Any) -> None:
        if len(done) == packs:
            raise Killed
        original(*arguments)
        done.append(1)

    monkeypatch.setattr(sequential, "train_pack", killed)
    with pytest.raises(Killed):
        run(tmp_path / "run", DENSE)
    monkeypatch.setattr(sequential, "train_pack", original)
    again = run(tmp_path / "run", DENSE).folder
    assert rounds(again) == rounds(halved)
    assert outcome(again) == outcome(halved)


def test_a_search_that_an_earlier_version_began_goes_on_with_scores_of_what_trials_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in its last round, with trials scored by the best of any epoch: it ends as one of this version."""
    train = {"learning_rate": {"choice": [0.3, 0.2, 0.1, 0.03]}, "epochs": 32, "measure": "loss", "batch_size": 32}
    search = {"method": "halving", "factor": 4, "objective": "accuracy"}
    model = {"layers": ["flatten", {"dense": 10}], "train": train, "search": search}
    whole, folder = run(tmp_path / "whole", model).folder, tmp_path / "run"
    shutil.copytree(whole, folder)
    (folder / "evaluation.json").unlink()

    def as_before(stored: dict[str, Any]) -> dict[str, Any]:
        for done in stored["rounds"][:-1]:
            for told in done["told"]:
                told["score"] = max(told["curve"])
        return {**stored, "rounds": stored["rounds"][:-1], "asked": stored["rounds"][-1]["asks"], "outcome": None}

    before = json.loads((whole / "search/dense.json").read_text())["rounds"][0]["told"]
    runs.edit_json(folder / "search/dense.json", as_before)
    stored = json.loads((folder / "search/dense.json").read_text())["rounds"][0]["told"]
    assert [one["score"] for one in stored] != [one["score"] for one in before], "else this test cannot fail"
    again = run(folder, model).folder
    told = json.loads((again / "search/dense.json").read_text())["rounds"][0]["told"]
    assert [one["score"] for one in told] == [one["score"] for one in before]
    assert rounds(again) == rounds(whole) and outcome(again) == outcome(whole)


def test_a_finished_search_is_not_repeated(halved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(halved, tmp_path / "again")
    before = outcome(halved)

    def forbidden(lanes: Sequence[Any], *_: Any) -> None:
        raise AssertionError(f"trained again: {lanes}")

    monkeypatch.setattr(sequential, "train_pack", forbidden)
    assert outcome(run(tmp_path / "again", DENSE).folder) == before


def test_what_another_search_trained_changes_nothing(halved: Path, tmp_path: Path) -> None:
    """A grid over the same space stands first in the study and trains all to their ends: halving still sees rungs, cuts
    those that it cut alone, and has the same winner."""
    models = {"grid": {**DENSE, "search": "grid"}, "dense": DENSE}
    beside_grid = runs.small_study(models=models)
    folder = beside_grid.run(out=tmp_path / "run", device="cpu", threads=1, progress=False).folder
    alone, beside = outcome(halved), outcome(folder)
    assert beside["winner"] == alone["winner"]
    assert [(each["cut"], each["epoch"], each["score"]) for each in beside["trials"]] == [
        (each["cut"], each["epoch"], each["score"]) for each in alone["trials"]
    ]
    assert runs.facts_of(folder).evaluation.searches["dense"].candidates == sum(
        not each["cut"] for each in alone["trials"]
    )


def test_another_space_is_another_search(halved: Path, tmp_path: Path) -> None:
    shutil.copytree(halved, tmp_path / "other")
    wider = {**DENSE, "train": {**DENSE["train"], "learning_rate": {"choice": [0.03, 0.01]}}}
    folder = run(tmp_path / "other", wider).folder
    assert [len(each) for each in rounds(folder)] == [4, 2, 1]
    assert (folder / "history/1/search/dense.json").exists()


def test_what_an_earlier_search_cut_may_be_taken_up_again(tmp_path: Path) -> None:
    """Two trials were cut after one epoch; a later search wants two of each, and is told of two."""
    slow = [1e-5, 2e-5]
    rates = {"choice": [*slow, 0.01, 0.02]}
    first = {
        "layers": "linear",
        "train": {"learning_rate": rates, "epochs": 4},
        "search": {**DENSE["search"], "factor": 4},
    }
    folder = run(tmp_path / "run", first).folder
    assert [trial["cut"] for trial in outcome(folder)["trials"][:2]] == [True, True]
    train = {"learning_rate": {"choice": slow}, "epochs": 4}
    run(tmp_path / "run", {"layers": "linear", "train": train, "search": DENSE["search"]})
    for done in json.loads((folder / "search/dense.json").read_text())["rounds"]:
        asked = [ask["to_epoch"] for ask in done["asks"]]
        assert [told["epoch"] for told in done["told"]] == [len(told["curve"]) for told in done["told"]] == asked


@pytest.mark.parametrize("method", ["random", "tpe", "hyperband"])
def test_methods_run_to_their_end(tmp_path: Path, method: str) -> None:
    model = {
        "layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}],
        "train": {"learning_rate": {"log": [1e-4, 1e-1]}, "epochs": 2},
        "search": {"method": method} | ({"trials": 3, "round_size": 2} if method != "hyperband" else {"factor": 2}),
    }
    found = outcome(run(tmp_path / method, model).folder)
    assert len(found["trials"]) >= 3
    scores = [trial["score"] for trial in found["trials"] if not trial["cut"]]
    assert next(t["score"] for t in found["trials"] if t["number"] == found["winner"]) == max(scores)


@pytest.mark.parametrize(("over", "networks"), [("folds", 3), ("seeds", 2)])
def test_a_score_may_be_the_mean_over_folds_or_seeds(tmp_path: Path, over: str, networks: int) -> None:
    search = {"method": "grid", "mean_over": over}
    model = {"layers": "linear", "train": {"learning_rate": {"choice": [0.01, 0.001]}, "epochs": 2}, "search": search}
    folder = run(tmp_path / over, model, folds=3, seeds=2).folder
    for trial in outcome(folder)["trials"]:
        assert len(trial["jobs"]) == networks
        best = []
        for job in trial["jobs"]:
            history = json.loads((folder / "jobs" / job / "history.json").read_text())
            best.append(min(history, key=lambda record: record["validation_loss"])["validation_accuracy"])
        assert trial["score"] == pytest.approx(sum(best) / networks)


@pytest.mark.parametrize(("measure", "objective"), [("loss", "accuracy"), ("accuracy", "loss"), ("loss", "loss")])
def test_the_score_of_a_trial_is_that_of_the_network_that_it_keeps(
    tmp_path: Path, measure: str, objective: str
) -> None:
    """Not that of the best of any epoch: with a large rate the epochs of lowest loss and best accuracy differ."""
    train = {"learning_rate": {"choice": [0.3, 0.1, 0.03]}, "epochs": 8, "measure": measure, "batch_size": 32}
    model = {"layers": ["flatten", {"dense": 10}], "train": train, "search": {"method": "grid", "objective": objective}}
    folder = run(tmp_path / "run", model).folder
    found, differ = outcome(folder), 0
    best, of = (min, f"validation_{measure}") if measure == "loss" else (max, f"validation_{measure}")
    for trial in found["trials"]:
        (job,) = trial["jobs"]
        history = json.loads((folder / "jobs" / job / "history.json").read_text())
        kept = best(history, key=lambda record: record[of])
        assert json.loads((folder / "jobs" / job / "result.json").read_text())["kept_epoch"] == 1 + history.index(kept)
        assert trial["score"] == pytest.approx(kept[f"validation_{objective}"])
        every = [record[f"validation_{objective}"] for record in history]
        differ += trial["score"] != pytest.approx(min(every) if objective == "loss" else max(every))
    assert (differ > 0) == (measure != objective), "else this test cannot tell the two apart"
    scores = [trial["score"] for trial in found["trials"]]
    assert found["winner"] == 1 + scores.index(min(scores) if objective == "loss" else max(scores))


def test_a_trial_that_fails_is_ranked_last(tmp_path: Path) -> None:
    model: dict[str, Any] = {
        "layers": ["flatten", *[{"dense": 32}] * 3],
        "train": {"optimizer": "sgd", "learning_rate": {"choice": [10.0, 0.01]}, "epochs": 2},
        "search": "grid",
    }
    found = outcome(run(tmp_path / "one", model).folder)
    assert [trial["score"] is None for trial in found["trials"]] == [True, False] and found["winner"] == 2
    model["train"]["learning_rate"] = {"choice": [10.0, 9.0]}
    with pytest.raises(StudyError, match="no trial of the search of `dense` ended well"):
        run(tmp_path / "none", model)


def test_folds_then_one_network_on_all_rows(tmp_path: Path) -> None:
    """Cross-validated networks choose; the test is opened for one trained on all rows, as long as theirs were kept."""
    folder = run(tmp_path / "folds", {"layers": "linear", "train": {"epochs": 3}}, folds=3, seeds=2).folder
    record = runs.facts_of(folder).record
    planned = record.planned["dense"]
    assert len(planned.folds) == 6 and len(planned.final) == 1
    final = record.folder_of(planned.final[0])
    rows = record.data["roles"]["counts"]
    train = final.read_predictions("train")
    assert train is not None and len(train) == rows["train"] + rows["validation"]
    kept = sorted(record.folder_of(fold.job).read_result().kept_epoch for fold in planned.folds)  # type: ignore[union-attr]
    result = final.read_result()
    assert result is not None and result.epochs == result.kept_epoch == round((kept[2] + kept[3]) / 2)
    assert final.predictions_path("test").exists() and not record.job("dense").predictions_path("test").exists()
    held_out = [record.folder_of(fold.job).read_predictions("held_out") for fold in planned.folds if fold.seed == 0]
    assert sum(len(each) for each in held_out if each) == rows["train"] + rows["validation"]
    bundle = json.loads((folder / "models/dense/model.json").read_text())
    assert bundle["job"] == planned.final[0]
