"""Protects the choice and the test: validation alone chooses, the test is opened for the chosen model, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from runs import edit_json, facts_of, run_small, set_in_json
from sklearn.metrics import accuracy_score, f1_score

from snellen.api import Run
from snellen.errors import RunError
from snellen.evaluate.model_choice import ranking, to_open
from snellen.evaluate.record import RunRecord
from snellen.files import journal


def with_results(folder: Path, measures: dict[str, tuple[float, float]], **study: Any) -> RunRecord:
    """The run as if validation had given these losses and accuracies, under a study with other values."""
    record = RunRecord.open(folder)
    for model, (loss, accuracy) in measures.items():
        set_in_json(record.job(model).path / "result.json", reloaded_loss=loss, reloaded_accuracy=accuracy)
    record = RunRecord.open(folder)
    record.__dict__["study"] = record.study.model_copy(update=study)
    return record


MEASURES = {"linear": (0.3, 0.8), "dense": (0.2, 0.7), "conv": (0.5, 0.8)}


@pytest.mark.parametrize(
    ("choose_by", "expected"), [("accuracy", ["linear", "conv", "dense"]), ("loss", ["dense", "linear", "conv"])]
)
def test_validation_ranks(run_copy: Path, choose_by: str, expected: list[str]) -> None:
    """Equal accuracies are ordered by loss."""
    assert ranking(with_results(run_copy, MEASURES, choose_by=choose_by)) == expected


def test_complete_ties_keep_the_order_of_the_study(run_copy: Path) -> None:
    assert ranking(with_results(run_copy, dict.fromkeys(MEASURES, (0.3, 0.8)))) == ["linear", "dense", "conv"]


def test_other_roles_choose_nothing(run_copy: Path) -> None:
    """Test, calibration and training predictions may be gone: the ranking is the same."""
    expected = ranking(RunRecord.open(run_copy))
    for role in ("train", "calibration", "test"):
        for path in run_copy.glob(f"jobs/*/predictions/{role}.safetensors"):
            path.unlink()
    assert ranking(RunRecord.open(run_copy)) == expected


def test_failed_models_are_not_ranked(run_copy: Path) -> None:
    record = RunRecord.open(run_copy)
    edit_json(record.job("linear").path / "result.json", lambda result: {**result, "status": "failed", "reason": "x"})
    assert sorted(ranking(RunRecord.open(run_copy))) == ["conv", "dense"]


@pytest.mark.parametrize(
    ("open_test", "expected"),
    [("chosen", ["linear"]), ("all", ["linear", "conv", "dense"]), (("dense", "conv"), ["conv", "dense"]), ((), [])],
)
def test_which_models_open_the_test(run_copy: Path, open_test: Any, expected: list[str]) -> None:
    record = with_results(run_copy, MEASURES, open_test=open_test)
    assert to_open(record, ranking(record)) == expected


def test_the_test_is_opened_once_for_the_chosen_model_and_written_down(small_run: Run) -> None:
    evaluation = small_run.evaluation
    assert evaluation.opened == (evaluation.chosen,) and evaluation.chosen == evaluation.ranked[0]
    assert (evaluation.openings.this_run, evaluation.openings.ever) == (1, 1)
    (opening,) = [each for each in journal.read(small_run.folder / "journal.jsonl") if each["event"] == "test opened"]
    assert opening["model"] == evaluation.chosen and opening["reason"] == "open_test: chosen"
    tested = small_run.scores.filter(pl.col("role") == "test")["model"].unique().to_list()
    assert tested == [evaluation.chosen]
    assert [path.parts[-3] for path in small_run.folder.glob("jobs/*/predictions/test.safetensors")] == [
        small_run.record.models[str(evaluation.chosen)]
    ]


def test_running_again_opens_nothing_more_and_a_new_directory_does_not_reset_the_count(
    own_user: Path, tmp_path: Path
) -> None:
    models = {"linear": {"layers": "linear", "train": {"epochs": 1}}}
    counts = [
        run_small(tmp_path / folder, models=models, study=study).evaluation.openings
        for folder, study in (("a", "a"), ("a", "a"), ("b", "b"))
    ]
    assert [(count.this_run, count.ever) for count in counts] == [(1, 1), (1, 1), (1, 2)]


def test_scores_are_those_of_the_stored_predictions(small_run: Run) -> None:
    evaluation = small_run.evaluation
    for model in small_run.record.done:
        for role in ("train", "validation", "calibration"):
            stored = small_run.predictions(model, role)
            assert stored is not None and stored.labels is not None
            expected = {
                "accuracy": accuracy_score(stored.labels, stored.predicted),
                "macro_f1": f1_score(stored.labels, stored.predicted, average="macro", zero_division=0),
            }
            for measure, value in expected.items():
                estimate = evaluation.estimate(model, role, measure)
                assert estimate is not None and estimate.value == pytest.approx(value)
                assert estimate.n == len(stored)


def test_the_stored_table_is_the_evaluation(small_run: Run) -> None:
    stored = pl.read_parquet(small_run.folder / "scores.parquet")
    assert stored.equals(small_run.scores)
    assert facts_of(small_run.folder).evaluation.ranked == small_run.evaluation.ranked


def test_unknown_scores_are_none(small_run: Run) -> None:
    assert small_run.evaluation.estimate("linear", "test", "accuracy") is None or small_run.chosen == "linear"
    assert small_run.evaluation.estimate("linear", "validation", "brier") is None


def test_no_run_and_an_unfinished_run(tmp_path: Path, run_copy: Path) -> None:
    with pytest.raises(RunError, match="no run of a study here"):
        RunRecord.open(tmp_path)
    (tmp_path / "study.yaml").write_text("study: a")
    with pytest.raises(RunError, match=r"interrupted before anything was trained.*Run its study again"):
        RunRecord.open(tmp_path)
    (run_copy / "evaluation.json").unlink()
    with pytest.raises(RunError, match=r"the run is not finished.*Run the study"):
        facts_of(run_copy)
