"""Protects the bench's two runs and its parts: they are kept apart, compared, and one that fails ends no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import again
import how
import memory
import notebook
import pytest
import run
import shown
import table
from bench_cases import bench_of, priced
from ratios import Line, Ratio

FIRST = [
    Line("A", "", "", Ratio(4.0, 3.0, 5.0)),
    Line("B", "", "", Ratio(2.0, 1.9, 2.1)),
    Line("t", "", "", Ratio(5, 5, 5)),
]
SECOND = [
    replace(FIRST[0], ratio=Ratio(4.4, 4.0, 5.0)),
    replace(FIRST[1], ratio=Ratio(1.6, 1.5, 1.7)),
    Line("only here", "", "", Ratio(1, 1, 1)),
]


def part(measure: Any) -> ModuleType:
    module = ModuleType("part")
    module.measure = measure  # type: ignore[attr-defined]
    return module


def test_the_second_run_says_how_far_it_is_from_the_first() -> None:
    """A rose by a tenth, with ranges that overlap; B fell by a fifth, to a range apart."""
    assert [round(again.change(pair), 3) for pair in again.pairs(FIRST, SECOND)] == [0.1, -0.2]
    said = again.words(FIRST, SECOND)
    assert "of 2 ratios" in said and "by 15 % in the median and by -20 % at most (B)" in said
    assert said.endswith("of 2 with ranges, 1 have ranges that overlap, not B.")
    assert again.words(FIRST, []) == ""


def test_the_second_ratio_stands_beside_the_first() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.results(FIRST, SECOND).splitlines()]
    assert rows[0][3:5] == ["times as fast as its `fit` (blocks)", "second run"]
    assert [row[4] for row in rows[2:]] == ["4.4 (4.0 to 5.0)", "1.6 (1.5 to 1.7)", ""]
    assert {len(row) for row in rows} == {len(table.RESULTS_HEAD) + 1}


def test_the_two_runs_are_kept_apart(tmp_path: Path) -> None:
    given = run._arguments(["--run", "2", "--size", "tiny", "--out", str(tmp_path)])
    one, two = (run._bench(given, number, "python").kept for number in run.RUNS)
    two.once("folds", dict)
    assert given.run == 2 and one.find("folds") is None and two.find("folds") is not None


def test_a_run_that_measured_nothing_is_not_the_first(tmp_path: Path) -> None:
    parts = (run.PARTS["blocks"],)
    empty, full = bench_of(tmp_path / "1"), bench_of(tmp_path / "2", blocks_B=priced(8.0, 4.0))
    alone = shown.collect(empty, full, parts)
    assert [line.what for line in alone.lines] == ["B, one model", "B, 10 models"] and alone.again == ()
    both = shown.collect(full, full, parts)
    assert both.again == both.lines and both.peaks == {"matrix products": 60e9, "convolutions": 100e9}
    assert "convolutions 100 GFLOP/s, matrix products 60 GFLOP/s; of the first" in both.whole()


def test_a_part_that_fails_ends_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(bench: Any) -> None:
        raise RuntimeError("Keras is ill")

    def is_stopped(bench: Any) -> None:
        raise KeyboardInterrupt

    bench = bench_of(tmp_path)
    assert not run.measured(bench, "search", part(fails), False) and "Keras is ill" in capsys.readouterr().err
    assert run.measured(bench, "search", part(lambda bench: None), False)
    with pytest.raises(KeyboardInterrupt):
        run.measured(bench, "search", part(is_stopped), False)


def test_memory_is_a_multiple_of_the_images_and_the_models() -> None:
    """A: 55,000 x 784 bytes are 43.1 MB; models of 0.9 MB; 132 MB are three times as much."""
    ours, theirs = {"imported": 2e8, "grown": 131.9e6, "models": 880e3}, {"imported": 5e8, "grown": 5e8, "models": 0.0}
    cells = memory.row("A", 10, ours, theirs)
    assert cells == ["A", "10", "44 MB", "132 MB", "3.0, kept", "500 MB (11.6)", "200 / 500 MB"]
    assert memory.row("A", 10, {**ours, "grown": 133e6}, theirs)[4] == "3.0, missed"
    assert len(cells) == len(table.MEMORY_HEAD)


def test_keras_run_whole_is_a_ratio_only_where_both_got_there(tmp_path: Path) -> None:
    ours = {"training_seconds": 50.0, "test": [0.85]}
    theirs = {"seconds": 600.0, "validation": [0.7, 0.8401], "test": 0.838}
    [line] = notebook.lines(bench_of(tmp_path / "both", reach=ours, notebook=theirs))
    assert line.ratio == Ratio(12, 12, 12) and "2 epochs" in line.theirs
    for name, found in {
        "ours": {"reach": {**ours, "test": [0.83]}},
        "keras": {"notebook": {**theirs, "validation": [0.8]}},
    }.items():
        [line] = notebook.lines(bench_of(tmp_path / name, **{"reach": ours, "notebook": theirs, **found}))
        assert line.ratio is None


def test_how_a_pack_computed_is_read_from_its_record() -> None:
    record = {"name": "one lane, batches in 2 parts", "way": "kernels", "chosen_by": "rule"}
    assert how.words_of(record, "avx512") == "one lane, batches in 2 parts, kernels (avx512)"
    by_torch = {**record, "way": "torch", "chosen_by": "measurement"}
    assert how.words_of(by_torch, "off").endswith("parts, torch, measured")
    assert how.words_of(by_torch, "avx2").endswith("parts, torch and single kernels (avx2), measured")


def test_the_summary_lies_beside_the_runs(tmp_path: Path) -> None:
    shown.store(shown.Report(tuple(FIRST), {}, [], "2 cores.", "whole", again=tuple(SECOND)), tmp_path / "bench")
    stored = SimpleNamespace(**json.loads((tmp_path / "bench" / "bench.json").read_text("utf-8")))
    assert [len(stored.lines), len(stored.again)] == [3, 3] and (tmp_path / "bench" / "bench.svg").exists()
