"""Protects that a run says how its networks were computed: on the terminal, in report.json and on the page."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_cases import digits_report
from runs import LINEAR, small_study

from snellen import run as running
from snellen.api import Run
from snellen.console import PlainConsole
from snellen.evaluate.record import RunRecord
from snellen.progress import Terminal
from snellen.report import page
from snellen.report.sections.computation import computed_section
from snellen.run import pricing
from snellen.run.check import check_study
from snellen.train.lane import Lane
from snellen.train.strategy import cache, rule
from snellen.train.strategy.estimate import Cost, estimate_cost
from snellen.train.strategy.rule import Strategy, Timing, Timings

SETTINGS = running.Settings(None, "cpu", 1)


@pytest.fixture
def pairs_are_fast(monkeypatch: pytest.MonkeyPatch, own_user: Path) -> list[str]:
    """Whatever is trained is measured: pairs are twice as fast as what the rule says. Notes what measured."""
    noted: list[str] = []

    def pretend(one: Lane, offered: list[Strategy]) -> Timings:
        noted.append(one.ids[0])
        usual = rule.choose_side_by_side(one)
        return {usual: Timing(0.002, 0.002), replace(usual, width=2): Timing(0.001, 0.001)}

    monkeypatch.setattr(cache, "measure", pretend)
    monkeypatch.setenv("SNELLEN_STRATEGY", "always")
    return noted


def test_what_was_measured_is_told_and_shown(tmp_path: Path, pairs_are_fast: list[str]) -> None:
    study = small_study(models={"linear": LINEAR}, seeds=4, train={"epochs": 2, "batch_size": 64})
    console = PlainConsole(file=io.StringIO(), width=200)
    finished = running.run(study.document, study.file, replace(SETTINGS, out=tmp_path / "run"), Terminal(console))
    [row] = json.loads((tmp_path / "run/report.json").read_text("utf-8"))["computed"]
    assert row == {
        **{"models": ["linear"], "packs": 2, "lanes": 4, "side_by_side": 2, "parts": 1, "threads": 1},
        **{"way": row["way"], "kernels": row["kernels"], "chosen_by": "measurement", "step_ms": 1.0},
    }
    told = [line for line in console.file.getvalue().splitlines() if "measured" in line]  # type: ignore[attr-defined]
    how = f"{row['way']}, at most 2 lanes side by side: 1 ms a step and lane, measured"
    assert told == [f"  linear, seed 0 and 1 more: {how}"]
    assert '<td class="number">1</td></tr>' in finished.report.read_text("utf-8").split("How it was computed")[1]
    assert len(pairs_are_fast) == 1


def test_check_measures_nothing_and_knows_what_the_cache_knows(
    tmp_path: Path, pairs_are_fast: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    priced = []

    def noting(pack: Sequence[Lane], *others: Any) -> Cost:
        priced.append(len(pack))
        return estimate_cost(pack, *others)

    monkeypatch.setattr(pricing, "estimate_cost", noting)
    study = small_study(models={"linear": LINEAR}, seeds=4)
    check_study(study.file, SETTINGS)
    assert not pairs_are_fast and priced == [4]
    running.run(study.document, study.file, replace(SETTINGS, out=tmp_path / "run"))
    check_study(study.file, SETTINGS)
    assert len(pairs_are_fast) == 1 and priced == [4, 2]


def lanes_of(run: Run) -> int:
    return sum(len(json.loads(path.read_text("utf-8"))["lanes"]) for path in run.folder.glob("packs/*/pack.json"))


def test_every_network_is_in_a_row(seeds_run: Run, folds_run: Run, search_run: Run) -> None:
    for run, models in (
        (seeds_run, {"plain", "dropped", "linear"}),
        (folds_run, {"plain", "linear"}),
        (search_run, {"dense", "linear"}),
    ):
        rows = computed_section(RunRecord.open(run.folder))
        assert sum(row["lanes"] for row in rows) == lanes_of(run) > len(models)
        assert {model for row in rows for model in row["models"]} == models
        assert {(row["chosen_by"], row["step_ms"], row["threads"]) for row in rows} == {("rule", None, 1)}


def test_packs_of_an_earlier_version_and_of_other_studies(run_copy: Path) -> None:
    paths = sorted(run_copy.glob("packs/*/pack.json"))
    for path in paths[1:]:
        values = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({"lanes": values["lanes"], "strategy": {"threads": 1, "name": "one lane"}}))
    paths[0].write_text(json.dumps({"lanes": [["0" * 16]], "strategy": {"threads": 3}}))
    rows = computed_section(RunRecord.open(run_copy))
    assert rows[-1]["models"] == [] and rows[-1]["threads"] == 3
    assert {row["way"] for row in rows} == {"torch"} and len(rows) == len(paths)


def shown(rows: list[dict[str, Any]]) -> str:
    content, images = digits_report()
    return page.render(content | {"computed": rows}, images)


def test_the_page_writes_rules_and_times() -> None:
    row = {"models": ["a", "b"], "packs": 3, "lanes": 9, "side_by_side": 4, "parts": 2, "threads": 1}
    row |= {"way": "kernels", "kernels": "avx2", "chosen_by": "measurement", "step_ms": 0.12345}
    other = row | {"models": [], "way": "torch", "kernels": "off", "step_ms": None}
    html = shown([row, other]).split("How it was computed")[1].split("</details>")[0]
    assert html.count("<tr>") == 3
    for text in ("a and b", "kernels (avx2)", "<td>torch</td>", ">0.123<", ">by rule<", "earlier phases or studies"):
        assert text in html
    assert "How it was computed" not in shown([])
