"""Protects logs: in a file every line stays whole, and the leaderboard comes before the analyses, once."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from runs import LINEAR, run_small

import snellen
from snellen import run as running
from snellen.console import PlainConsole, console_for, print_table
from snellen.findings.first_screen.statement import LABELS
from snellen.progress import Terminal

LONG = "a line of a log that is longer than a terminal: " + "word " * 60


@pytest.mark.parametrize("stderr", [False, True])
def test_a_file_gets_whole_lines(
    stderr: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console = console_for(stderr=stderr)
    console.print(LONG)
    table = Table("model", box=None)
    table.add_row("m" * 300)
    console.print(table)
    written = capsys.readouterr()
    lines = (written.err if stderr else written.out).splitlines()
    assert lines[0].rstrip() == LONG.rstrip() and len(lines) == 3
    assert lines[2].strip() == "m" * 300


def test_who_sets_columns_gets_them(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    console_for().print(LONG)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_cell_of_a_table_is_lost_on_a_narrow_terminal(width: int) -> None:
    table = Table(title="the title", box=None, pad_edge=False)
    table.add_column("model", overflow="fold", min_width=8)
    for column in ("validation %", "test %", ""):
        table.add_column(column, no_wrap=True)
    table.add_row("a-net-with-a-long-name *", "93.4 (89.9-95.7)", "91.4 (88.0-93.9)", "unfamiliar")
    table.add_row("baseline", "97.6 (95.1-98.8)", "not evaluated", "")
    console = PlainConsole(file=io.StringIO(), width=width)
    print_table(console, table)
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in written and max(map(len, written.splitlines())) <= width
    for word in ("the title", "validation", "93.4", "(88.0-93.9)", "unfamiliar", "baseline", "97.6", "evaluated"):
        assert word in written
    assert "a-net-with-a-long-name" in written.replace("\n", "") or width == 80


def test_no_other_file_makes_a_console() -> None:
    """Each would wrap its lines at 80 columns in a log."""
    source = Path(snellen.__file__).parent
    makers = {path.name for path in source.rglob("*.py") if "Console(" in path.read_text(encoding="utf-8")}
    assert makers == {"console.py"}


def test_the_leaderboard_is_printed_before_the_analyses_and_once(tmp_path: Path, own_user: Path) -> None:
    study = snellen.Study("early", data="digits", models={"linear": LINEAR}, analyses=["errors", "data"])
    console = PlainConsole(file=io.StringIO(), width=200)
    finished = running.run(study.document, study.file, running.Settings(tmp_path / "run", "cpu", 1), Terminal(console))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    [title] = [at for at, line in enumerate(lines) if line.startswith("early: best validation")]
    analysing = [at for at, line in enumerate(lines) if "analysing" in line]
    trained = max(at for at, line in enumerate(lines) if "kept" in line and "validation accuracy" in line)
    assert trained < title < min(analysing) and len(analysing) == 2
    assert finished.report.exists()


def test_the_command_prints_one_leaderboard_and_no_wrapped_line(tmp_path: Path, own_user: Path) -> None:
    run = run_small(tmp_path / "run", models={"a_model_with_a_name_that_is_much_longer_than_others": LINEAR})
    command = [sys.executable, "-m", "snellen", "report", str(run.folder)]
    unset = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unset)
    lines = done.stdout.splitlines()
    assert sum("best validation" in line for line in lines) == 1, done.stderr
    starts = (
        *(f"{label}: " for label in LABELS.values()),
        "Report: ",
        "95 %",
        "What a model beats ",
        "Models that",
        "model ",
        "small: ",
    )
    names = ("a_model_with_a_name_that_is_much_longer_than_others", "logistic", "nearest", "majority")
    assert [line for line in lines if line.strip() and not line.startswith((*starts, *names))] == []
