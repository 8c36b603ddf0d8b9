"""Protects what the bench prints and writes: which targets are missed, what stands in the documents."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import accuracy
import figure
import pytest
import serving
import shown
import table
from ratios import Line, Ratio

LINE = Line("A, one model", "0.50 ms", "4.00 ms", Ratio(8.04, 7.0, 9.0), Ratio(2.0, 2.0, 2.0), 5, 0.153)
REPORT = shown.Report((LINE,), {}, [], "2 cores.", "whole")
TOP = Path(__file__).parents[2]


def test_a_line_of_the_results() -> None:
    wanted = ["A, one model", "0.50 ms", "4.00 ms", "8.0 (7.0 to 9.0)", "2.0", "5, reached", "15 %"]
    assert table.results_row(LINE) == wanted


def test_what_was_not_measured_is_left_empty() -> None:
    bare = replace(LINE, best=None, target=None, peak=None)
    assert table.results_row(bare)[4:] == ["", "", ""]


@pytest.mark.parametrize(("ratio", "said"), [(4.99, "5, missed"), (5.0, "5, reached")])
def test_a_missed_target_is_said(ratio: float, said: str) -> None:
    assert table.target(replace(LINE, ratio=Ratio(ratio, 1, 9))) == said


def test_markdown_has_a_cell_for_every_column() -> None:
    text = table.markdown(table.RESULTS_HEAD, [table.results_row(LINE)])
    assert [len(re.findall(r"\|", line)) for line in text.splitlines()] == [8, 8, 8]


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.replace_between(text, "new") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"


@pytest.mark.parametrize(
    "text", ["", table.BEGIN, f"{table.END}{table.BEGIN}", f"{table.BEGIN}{table.BEGIN}{table.END}"]
)
def test_documents_without_both_markers_are_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        table.replace_between(text, "new")


def test_the_documents_have_the_markers() -> None:
    for name in shown.DOCUMENTS:
        table.replace_between((TOP / name).read_text("utf-8"), "new")


def test_writing_fills_both_documents(tmp_path: Path) -> None:
    for name in (*shown.DOCUMENTS, shown.FIGURE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"head\n{table.BEGIN}\n{table.END}\n", "utf-8")
    shown.write(REPORT, tmp_path)
    readme, results = ((tmp_path / name).read_text("utf-8") for name in shown.DOCUMENTS)
    assert "| A, one model | **8.0** | 2.0 | 5, reached |" in readme and shown.FIGURE in readme
    assert "8.0 (7.0 to 9.0)" in results and results.startswith("head\n")
    assert (tmp_path / shown.FIGURE).read_text("utf-8").startswith("<svg")


def test_a_small_bench_says_that_it_is_not_to_be_quoted() -> None:
    assert "not the numbers to quote" in replace(REPORT, size="quick").whole()
    assert "not the numbers to quote" not in REPORT.whole()


def test_the_figure_has_every_line_and_its_target() -> None:
    other = replace(LINE, what="t-SNE", target=None)
    drawn = figure.svg([LINE, other])
    assert drawn.count(">8.0</text>") == 2 and "t-SNE</text>" in drawn
    targets = [mark for mark in figure.records([LINE, other]) if mark["kind"] == figure.TARGET]
    assert targets == [{"what": "A, one model", "kind": figure.TARGET, "x": 5}]
    assert f">{figure.TARGET}</text>" in drawn and f">{figure.BEST}</text>" in drawn


def test_the_figure_has_the_second_run_where_there_was_one() -> None:
    drawn = figure.svg([LINE], [replace(LINE, ratio=Ratio(7.5, 7, 8))])
    assert f">{figure.AGAIN}</text>" in drawn and f">{figure.AGAIN}</text>" not in figure.svg([LINE])


def test_import_compilation_and_evaluation_are_apart() -> None:
    row = {"ms": [1.0, 2.0, 4.0], "cpu_ms": [3.0], "evaluation_us": 12.34}
    row |= {"data_seconds": 0.5, "cold_seconds": 1.5, "warm_seconds": 0.25}
    noisy = {**row, "warm_seconds": -0.1}
    found = {
        "tools": [{"import_seconds": 5.0}, {"import_seconds": 1.0}],
        "rows": {"Keras fit": row, "one model": noisy},
    }
    keras, ours = table.apart_rows("A", found)
    assert keras == ["A", "Keras fit", "5.00", "0.50", "1.50", "0.25", "2.00", "150 %", "3.00", "12.3"]
    assert ours[5] == "in the noise"
    assert ours[2] == "1.00" and len(ours) == len(table.APART_HEAD)


def test_differences_have_welchs_interval() -> None:
    """By hand: means 0.96 and 0.93, variances 1e-4 and 1e-4, n = 3 each: 4 degrees of freedom, t = 2.776."""
    half = 2.7764 * (2 * 1e-4 / 3) ** 0.5
    said = accuracy.difference([0.95, 0.96, 0.97], [0.92, 0.93, 0.94])
    assert said == f"+0.0300 ({0.03 - half:+.4f} to {0.03 + half:+.4f})"


def test_a_tool_answers_in_order_and_prepares_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def prepare(*key: Any) -> serving.Prepared:
        made.append("prepare")
        return serving.Prepared(
            lambda: made.append("train"), lambda: made.append("evaluate"), lambda: None, 0.125, 0, "so"
        )

    orders = [{"do": what, "job": "A", "lanes": 1, "way": "w", "steps": 2} for what in ("prepare", "prepare", "train")]
    orders += [{**orders[0], "do": "evaluate"}, {"do": "peak", "threads": 3}]
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(order) + "\n" for order in orders)))
    monkeypatch.setattr(sys, "stdout", said)
    serving.serve(prepare, 0.0, {"peak": lambda order: {"flops": order["threads"]}}, tool="a tool")
    about, first, _, trained, _, peak = (json.loads(line) for line in said.getvalue().splitlines())
    assert made == ["prepare", "train", "prepare", "train", "train", "evaluate"]
    assert (
        about["tool"] == "a tool" and first["data_seconds"] == 0.125 and first["how"] == "so" and peak == {"flops": 3}
    )
    assert trained.keys() == {"seconds", "cpu_seconds"}
