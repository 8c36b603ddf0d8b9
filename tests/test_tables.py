"""Protects the leaderboard on the terminal and in Python: groups instead of ranks, means over seeds and folds, and
every name on a narrow terminal."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from runs import LINEAR, facts_of, run_small

from snellen.api import Run
from snellen.console import console_for
from snellen.findings.rules import judge
from snellen.run.write_report import FinishedRun
from snellen.tables import fitting, print_finished, print_leaderboard


def printed(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the leaderboard on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    facts = facts_of(run.folder)
    print_leaderboard(console_for(), facts.record, facts.evaluation)
    print_finished(FinishedRun(run.folder, facts.record, facts.evaluation, judge(facts), ()))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("name", ["small_run", "seeds_run", "folds_run", "search_run"])
def test_every_model_stands_with_its_letters(
    name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run: Run = request.getfixturevalue(name)
    lines, evaluation = printed(run, capsys, monkeypatch), run.evaluation
    for model in evaluation.ranked:
        [line] = [line for line in lines if line.startswith((f"{model} ", f"{model} *"))]
        assert evaluation.comparisons.groups[model] in line.replace("*", "").split()[1]
        assert ("+" in line) == evaluation.comparisons.best[model].not_worse
        value = evaluation.over_folds(model) or evaluation.standing(model, "validation")
        assert value is not None and f"{100 * (value.value or 0):.1f}" in line
    assert max(map(len, lines[: len(evaluation.ranked) + 2])) <= 80
    assert any("could not be told apart" in line for line in lines)


def test_no_line_of_the_leaderboard_is_broken_or_cut_on_a_narrow_terminal(
    small_run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(small_run, capsys, monkeypatch)
    rows = lines[2 : lines.index(next(line for line in lines if line.startswith("Models that share")))]
    assert len(rows) == len(small_run.evaluation.ranked) + len(small_run.evaluation.baselines)
    assert any(row.startswith("logistic regression ") for row in rows)
    assert lines[1].rstrip().endswith("time") and all(row.rstrip().endswith(" s") for row in rows)


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        (31, ["model", "parameters", "test %", "time"]),
        (30, ["model", "test %", "time"]),
        (19, ["model", "test %", "time"]),
        (18, ["model", "test %"]),
        (5, ["model", "test %"]),
    ],
)
def test_a_column_is_left_out_where_it_does_not_fit(width: int, kept: list[str]) -> None:
    row = {"model": "net", "parameters": "7", "test %": "1", "time": "1 s"}
    assert fitting(["model", "parameters", "test %", "time"], [row], width) == kept


def test_a_long_name_is_broken_before_a_column_is_left_out() -> None:
    columns = ["model", "parameters", "time"]
    assert fitting(columns, [{"model": "n" * 70}], 19 + 2 + 10 + 2 + 4) == columns


def test_one_model_has_no_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    lines = printed(run_small(tmp_path, models={"linear": LINEAR}), capsys, monkeypatch)
    assert "group" not in lines[1].split() and not any("could not be told apart" in line for line in lines)


def test_the_leaderboard_in_python(seeds_run: Run, folds_run: Run) -> None:
    evaluation, rows = seeds_run.evaluation, seeds_run.leaderboard.filter(pl.col("kind") == "model")
    assert rows["model"].to_list() == list(evaluation.ranked)
    assert rows["group"].to_list() == [evaluation.comparisons.groups[model] for model in evaluation.ranked]
    assert rows["seeds"].to_list() == [3, 3, 3] and rows["folds_accuracy"].is_null().all()
    for row in rows.iter_rows(named=True):
        found = evaluation.recipe(row["model"], "validation")
        assert found is not None and (row["validation_accuracy"], row["validation_low"]) == (found.value, found.low)
    folds = folds_run.leaderboard.filter(pl.col("kind") == "model")
    assert folds["folds_accuracy"].to_list() == [
        folds_run.evaluation.folds[model].mean.value for model in folds_run.evaluation.ranked
    ]
    assert "rank" not in rows.columns


def test_out_of_fold_predictions_in_python(folds_run: Run, seeds_run: Run) -> None:
    pooled = folds_run.predictions("plain", "out_of_fold")
    assert pooled is not None and len(pooled) == 1_288
    assert seeds_run.predictions("plain", "out_of_fold") is None
