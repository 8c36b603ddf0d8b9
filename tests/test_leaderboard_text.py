"""Protects tables that leave Snellen: every number with its interval, names of any kind, a warning that stays."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from snellen.api import Run
from snellen.errors import UnknownName
from snellen.leaderboard_text import FORMATS, leaderboard_text

SCORES = {f"{role}_{name}": None for role in ("folds", "test") for name in ("accuracy", "low", "high")}
ROWS = [
    {"model": "a|b_1\\", "kind": "model", "group": "a", "may_be_best": True, "seeds": 1, "validation_accuracy": 0.8649}
    | {"validation_low": 0.855, "validation_high": 0.8742, **SCORES},
    {"model": "50 % & more", "kind": "baseline", "group": None, "may_be_best": None, "seeds": None}
    | {"validation_accuracy": None, "validation_low": None, "validation_high": None, **SCORES},
]
FRAME = pl.DataFrame(ROWS)


def test_markdown() -> None:
    lines = leaderboard_text(FRAME, "markdown").splitlines()
    assert lines[:4] == [
        "| model | group | validation |",
        "|---|---|---|",
        r"| a\|b_1\\ | a + | 86.5 (85.5 to 87.4) |",
        "| 50 % & more |  |  |",
    ]
    assert "95 % intervals" in lines[-1]


def test_latex() -> None:
    text = leaderboard_text(FRAME, "latex", "A warning.")
    assert text.splitlines()[0] == "% A warning."
    assert r"  a|b\_1\textbackslash{} & a + & 86.5 (85.5 to 87.4) \\" in text
    assert r"  50 \% \& more &  &  \\" in text
    assert text.count(r"\begin{tabular}{lll}") == text.count(r"\end{tabular}") == 1


def test_csv_is_the_frame() -> None:
    text = leaderboard_text(FRAME, "csv", "A warning.")
    assert text.startswith("# A warning.\n")
    read = pl.read_csv(io.StringIO(text.partition("\n")[2]))
    assert read["validation_accuracy"].to_list() == FRAME["validation_accuracy"].to_list()
    assert read.columns == FRAME.columns


def test_another_format() -> None:
    with pytest.raises(UnknownName, match="latex"):
        leaderboard_text(FRAME, "latx")


@pytest.mark.parametrize("form", FORMATS)
def test_of_a_run(form: str, run_copy: Path) -> None:
    run = Run(run_copy)
    text = run.leaderboard_text(form)  # type: ignore[arg-type]
    for row in run.leaderboard.iter_rows(named=True):
        assert row["model"].replace("_", "\\_" if form == "latex" else "_") in text
