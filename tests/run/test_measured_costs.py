"""Protects the measured cost of predictions: measured once after training, again for another machine or another model,
covered by `verify`, and not needed by the report of an older run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from runs import LINEAR, PLAIN, edit_json, run_small, small_study
from typer.testing import CliRunner

from snellen import run as running
from snellen.api import Run
from snellen.cli import app
from snellen.console import PlainConsole
from snellen.errors import IdentityError
from snellen.evaluate.cost_file import read_costs
from snellen.files import hashes
from snellen.progress import Terminal
from snellen.run.measure_costs import measuring_seconds
from snellen.run.verify import verify

TWO: dict[str, Any] = {"linear": LINEAR, "plain": PLAIN}


def sections(folder: Path) -> set[str]:
    return set(json.loads((folder / "report.json").read_text(encoding="utf-8"))) & {"cost", "learning_curves"}


def test_every_network_and_baseline_is_measured_with_the_machine(small_run: Run) -> None:
    stored = read_costs(small_run.folder)
    environment = json.loads((small_run.folder / "environment.json").read_text(encoding="utf-8"))
    assert stored is not None
    machine = stored.machine
    assert [machine.processor, machine.device, machine.threads, machine.torch] == [
        environment[key] for key in ("processor", "device", "threads", "torch")
    ]
    assert (len(stored.networks), len(stored.baselines)) == (3, 2)
    for one in (*stored.networks.values(), *stored.baselines.values()):
        assert len(one.alone_ms) == len(one.batch_ms) >= 3 and min(*one.alone_ms, *one.batch_ms) > 0
    assert "costs.json" in hashes.hashes(small_run.folder)
    assert sections(small_run.folder) == {"cost"}
    html = (small_run.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="cost"' in html and 'data-figure="cost-prediction"' in html and "Which model to use" in html


def test_it_is_measured_once_and_again_for_a_new_model_or_another_machine(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_small(folder, models=TWO)
    first = (folder / "costs.json").read_bytes()
    run_small(folder, models=TWO)
    assert (folder / "costs.json").read_bytes() == first
    hashes.release(folder, [folder / "costs.json"])
    edit_json(folder / "costs.json", lambda stored: {**stored, "machine": {**stored["machine"], "processor": "other"}})
    run_small(folder, models=TWO)
    again = read_costs(folder)
    assert again is not None and again.machine.processor != "other"
    run_small(folder, models={**TWO, "second": PLAIN | {"train": {"epochs": 1}}})
    more = read_costs(folder)
    assert more is not None and len(more.networks) == 3
    assert (folder / "history/1/costs.json").is_file()


def test_that_it_is_measured_is_said_once(tmp_path: Path) -> None:
    study, stream = small_study(models=TWO), io.StringIO()
    for _ in range(2):
        terminal = Terminal(PlainConsole(file=stream, width=100))
        running.run(study.document, study.file, running.Settings(tmp_path / "run", "cpu", 1), terminal)
    said = [line for line in stream.getvalue().splitlines() if "measuring" in line]
    assert said == ["  measuring how long predictions of 2 models and 2 baselines take"]


@pytest.mark.parametrize(
    ("of_image", "has_backbone", "seconds"),
    [([1e-4], False, 9 * 512e-4), ([1e-2, 1e-3], False, 20.0), ([0.04], True, 3 * 256 * 0.04), ([], False, 0.0)],
)
def test_how_long_it_takes(of_image: list[float], has_backbone: bool, seconds: float) -> None:
    """With 46 ms for an image, three rounds of 512 took over a minute, which no estimate had."""
    assert measuring_seconds(of_image, 2, has_backbone) == pytest.approx(seconds)


def test_a_run_without_the_file_reports_without_the_section(run_copy: Path) -> None:
    (run_copy / "costs.json").unlink()
    hashes.release(run_copy, [run_copy / "costs.json"])
    assert CliRunner().invoke(app, ["report", str(run_copy)]).exit_code == 0
    assert sections(run_copy) == set()
    html = (run_copy / "report.html").read_text(encoding="utf-8")
    assert 'id="cost"' not in html and "#cost" not in html


def test_a_changed_file_is_found(run_copy: Path) -> None:
    edit_json(run_copy / "costs.json", lambda stored: {**stored, "machine": {**stored["machine"], "pictures": 7}})
    found = {check.name: check for check in verify(run_copy)}
    assert found["stored files"].details == ("costs.json: changed",)
    assert found["report"].outcome == "differs"
    result = CliRunner().invoke(app, ["report", str(run_copy)])
    assert result.exit_code == 1 and "SNL902" in (run_copy / "report.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"machine": {}},
        {"networks": {"a": {"alone_ms": [], "batch_ms": [1.0], "parameters": 1, "trained_parameters": 1}}},
        {"extra": 1},
    ],
)
def test_a_file_of_another_kind_is_refused(run_copy: Path, change: dict[str, Any]) -> None:
    edit_json(run_copy / "costs.json", lambda stored: {**stored, **change})
    with pytest.raises(IdentityError, match=r"costs\.json"):
        read_costs(run_copy)
