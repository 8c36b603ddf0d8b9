"""Protects the numbers of the bench: ratios of neighbours, what is extrapolated, what is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import blocks
import folds
import jobs
import ours
import pytest
import ratios
import reach
import run
import table
from bench_cases import ROW, bench_of, priced
from kept import Kept

pytestmark = pytest.mark.usefixtures("by_rule")
FIRST_LAYER = {"A": 784 * 128, "B": 28 * 28 * 6 * 5 * 5, "C": 32 * 32 * 32 * 3 * 3 * 3}
"""Multiply-adds of an image, whose input needs no gradient."""


@pytest.fixture
def by_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured of the ways to compute."""
    monkeypatch.setenv("SNELLEN_STRATEGY", "rule")


def test_a_ratio_is_of_neighbours() -> None:
    """When the machine is slow for a while, both are: the ratio of medians would be 4."""
    assert ratios.ratio_of([10, 20, 40], [5, 10, 2]) == ratios.Ratio(2, 2, 20)
    with pytest.raises(ValueError, match="shorter"):
        ratios.ratio_of([1, 2], [1])


def test_spread_is_a_share_of_the_median() -> None:
    assert ratios.spread([9.0, 10.0, 14.0]) == 0.5


def test_extrapolation_adds_steps_and_evaluations() -> None:
    """By each block: of 9, 10 and 14 ms a step."""
    assert ratios.extrapolated_seconds(1000, 50_000, ROW) == pytest.approx([9 + 5, 10 + 5, 14 + 5])


def test_the_median_block_and_the_peak_make_a_line(tmp_path: Path) -> None:
    [one, several] = blocks.lines(bench_of(tmp_path, blocks_B=priced(fit=8.0, best=4.0)))
    assert one.what == "B, one model" and several.what == f"B, {jobs.MANY} models"
    assert one.ratio == ratios.Ratio(8, 4, 8) and one.best == ratios.Ratio(4, 2, 4)
    assert one.peak == pytest.approx(jobs.JOBS["B"].flop * 32 / 1e-3 / 100e9)
    assert (one.target, several.target) == (2.5, 6)


def test_folds_are_priced_by_blocks_of_b(tmp_path: Path) -> None:
    found: dict[str, Any] = {"networks": 18, "steps": 2000, "pictures": 30_000, "seeds": 3, "training_seconds": 4.0}
    found |= {"whole_seconds": 9.0, "accuracies": [0.8, 0.9], "how": "somehow"}
    [line] = folds.lines(bench_of(tmp_path, blocks_B=priced(fit=8.0, best=4.0), folds=found))
    assert line.ratio and line.ratio.median == pytest.approx((2000 * 0.008 + 3) / 4)
    assert line.best and line.best.median == pytest.approx((2000 * 0.004 + 3) / 4)
    assert "extrapolated" in line.theirs and "9 s with data and report" in line.ours


def test_time_to_an_accuracy_is_a_ratio_only_where_it_was_reached(tmp_path: Path) -> None:
    found = {"training_seconds": 100.0, "whole_seconds": 120.0, "validation": [0.85], "test": [0.841], "how": ""}
    [line] = reach.lines(bench_of(tmp_path / "reached", blocks_C=priced(fit=100.0, best=50.0), reach=found))
    assert line.ratio and line.ratio.median == pytest.approx((14 * 1407 * 0.1 + 14 * 5000 * 1e-4) / 100)
    short = {**found, "test": [0.839]}
    [line] = reach.lines(bench_of(tmp_path / "missed", blocks_C=priced(100.0, 50.0), reach=short))
    assert line.ratio is None and table.results_row(line)[3:6] == ["", "", "8, missed"]


@pytest.mark.parametrize("name", jobs.JOBS)
def test_flop_of_a_image(name: str) -> None:
    """Three times the multiply-adds of the network, two FLOP each, without the gradient of the images."""
    network = ours._lane(name, 0, 32, 1).trajectory.network
    assert jobs.JOBS[name].flop == pytest.approx(6 * network.multiply_adds - 2 * FIRST_LAYER[name], rel=0.01)


def test_ours_trains_and_evaluates_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[int, int]] = []
    monkeypatch.setattr("snellen.train.watcher.Silent.stepped", lambda self, step, of: steps.append((step, of)))
    prepared = ours.prepare("A", 2, "worker", 3)
    prepared.train()
    prepared.evaluate()
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_packs_hold_every_model() -> None:
    assert [sum(ours.packs({"job": name})["packs"]) for name in jobs.JOBS] == [jobs.MANY] * len(jobs.JOBS)


def test_a_measurement_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def measure() -> dict[str, Any]:
        made.append(1)
        return {"seconds": len(made)}

    kept = Kept(tmp_path, {"size": "quick"})
    assert kept.once("search-ours", measure) == kept.once("search-ours", measure)
    assert Kept(tmp_path, {"size": "whole"}).find("search-ours") is None
    assert Kept(tmp_path, {"size": "whole"}).once("search-ours", measure)["seconds"] == 2


def test_an_interrupted_measurement_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> dict[str, Any]:
        raise KeyboardInterrupt

    kept = Kept(tmp_path, {})
    with pytest.raises(KeyboardInterrupt):
        kept.once("folds", interrupted)
    assert kept.find("folds") is None and not kept.all()


def test_only_the_part_is_measured_again(tmp_path: Path) -> None:
    kept = bench_of(tmp_path, search_ours={}, folds={}, blocks_A={}).kept
    kept.forget("search")
    kept.forget("folds")
    assert [kept.find(name) is None for name in ("search-ours", "folds", "blocks-A")] == [True, True, False]


def test_parts_that_are_measured_unless_others_are_asked_for() -> None:
    assert run.usual("whole", "cpu") == [
        *("blocks", "search", "folds", "reach", "accuracy", "tsne", "memory", "notebook"),
    ]
    assert run.usual("quick", "cpu") == ["blocks", "search", "folds", "accuracy", "tsne", "memory"]
    assert "lanes" in run.usual("whole", "cuda:1")


def test_the_bench_is_imported_without_keras() -> None:
    code = "import sys; sys.modules.update(keras=None, tensorflow=None); sys.path.insert(0, 'bench'); import run"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(("given", "size"), [([], "whole"), (["--quick"], "quick"), (["--size", "tiny"], "tiny")])
def test_the_size_is_the_whole_unless_another_is_asked_for(given: list[str], size: str) -> None:
    assert run._arguments(given).size == size
