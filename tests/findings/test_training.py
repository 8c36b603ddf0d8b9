"""Protects what is said of how networks were trained: of how many of them it is true, by the files of each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import SECTIONS, edit_json, facts_of

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES
from snellen.models.predictions import save_predictions
from snellen.train.overfitting import Losses

Change = Callable[[Path], None]
ASKED = SECTIONS["train"]["epochs"]


@pytest.fixture
def seeds(seeds_run: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seeds_run.folder, tmp_path / "seeds"))


@pytest.fixture
def folds(folds_run: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folds_run.folder, tmp_path / "folds"))


def said(folder: Path, code: str, model: str = "plain") -> list[Finding]:
    return [each for each in RULES[code](facts_of(folder)) if each.values["model"] == model]


def jobs(folder: Path, model: str = "plain") -> list[str]:
    return list(RunRecord(folder).planned[model].seeds.values())


def history(folder: Path, job: str, losses: list[float], **result: Any) -> None:
    """Another course of the validation loss, and the epoch that it makes the kept one."""
    files = RunRecord(folder).folder_of(job)
    known = files.read_history()[0]
    edit_json(
        files.path / "history.json",
        lambda _: [{**known, "epoch": at + 1, "validation_loss": loss} for at, loss in enumerate(losses)],
    )
    kept = int(np.argmin(losses)) + 1
    edit_json(files.path / "result.json", lambda old: {**old, "kept_epoch": kept, "epochs": len(losses), **result})


def losses(folder: Path, job: str, validation: float, train: float) -> None:
    """Losses of a last epoch, beside 0.5 after the kept one."""
    wobble = np.linspace(-0.05, 0.05, 200, dtype=np.float32)
    kept = dict.fromkeys(("train", "validation"), np.full(200, 0.5, np.float32))
    Losses(kept, {"train": train + wobble, "validation": validation + wobble}).save(
        RunRecord(folder).folder_of(job).losses, job
    )


def test_training_that_ended_too_early_is_counted_over_the_seeds(seeds: Path) -> None:
    first, second, third = jobs(seeds)
    falling, back = [2.0, 1.5, 1.0], [2.0, 1.0, 1.5]
    for job in (first, second, third):
        history(seeds, job, falling)
    [found] = said(seeds, "SNL102")
    assert "In 3 of 3 networks of `plain` the kept epoch is the last of 3" in found.sentence
    assert "over all 3 validation loss fell 6 of the last 6 times" in found.sentence and "p = 0.016" in found.sentence
    history(seeds, third, back)
    assert not said(seeds, "SNL102"), "5 of 6 are no evidence"
    history(seeds, first, back)
    assert not said(seeds, "SNL102")


def test_a_single_fall_of_the_loss_is_no_evidence(run_copy: Path) -> None:
    [job] = jobs(run_copy, "linear")
    history(run_copy, job, [2.0, 1.9999, 1.9998])
    assert not said(run_copy, "SNL102", "linear"), "the accuracies of this history are all the same"


def test_a_network_that_stopped_early_is_not_under_trained(seeds: Path) -> None:
    """Fewer epochs than were asked for: patience ended it."""
    for job in jobs(seeds):
        history(seeds, job, [2.0, 1.5, 1.0], epochs=2)
    assert not said(seeds, "SNL102")


def test_over_fitting_is_counted_over_the_seeds_with_their_own_numbers(seeds: Path) -> None:
    first, _, third = jobs(seeds)
    for job, rise in ((first, 0.6), (third, 0.7)):
        edit_json(RunRecord(seeds).folder_of(job).path / "result.json", lambda old: {**old, "kept_epoch": 2})
        losses(seeds, job, validation=rise, train=0.4)
    [found] = said(seeds, "SNL115")
    assert found.sentence.startswith(
        "2 of 3 networks of `plain` over-fitted, that of seed 0 after epoch 2: up to epoch 3"
    )
    assert re.search(r"rose by 0\.1000 .*; that of seed 2 after epoch 2: .* rose by 0\.2000 ", found.sentence)
    losses(seeds, first, validation=0.6, train=0.6)
    [found] = said(seeds, "SNL115")
    assert found.sentence.startswith("1 of 3 networks of `plain` over-fitted, that of seed 2")
    losses(seeds, third, validation=0.5, train=0.4)
    assert not said(seeds, "SNL115"), "the interval of the rise holds 0"


def test_networks_whose_last_losses_are_unknown_are_not_counted(seeds: Path) -> None:
    """As in old runs: the kept epoch is not the last, and nothing is stored of the last."""
    first, second, _ = jobs(seeds)
    for job in (first, second):
        edit_json(RunRecord(seeds).folder_of(job).path / "result.json", lambda old: {**old, "kept_epoch": 2})
    losses(seeds, first, validation=0.6, train=0.4)
    [found] = said(seeds, "SNL115")
    assert found.sentence.startswith("1 of 2 networks of `plain` over-fitted, that of seed 0")


def constant(folder: Path, job: str, role: str) -> None:
    """Stored predictions that call every image a 3."""
    files = RunRecord(folder).folder_of(job)
    stored = files.read_predictions(role)
    assert stored is not None
    same = np.eye(10, dtype=np.float32)[np.full(len(stored), 3)]
    save_predictions(files.predictions_path(role), replace(stored, probabilities=same), job)


def test_networks_that_say_the_same_of_all_are_counted(seeds: Path) -> None:
    assert not said(seeds, "SNL107")
    constant(seeds, jobs(seeds)[1], "validation")
    [found] = said(seeds, "SNL107")
    assert "Of 3 networks of `plain`, 1 predict a single class for every validation image (3)" in found.sentence


def test_those_of_folds_and_the_one_on_all_rows_are_looked_at_too(folds: Path) -> None:
    model = str(facts_of(folds).evaluation.chosen)
    planned = RunRecord(folds).planned[model]
    constant(folds, planned.folds[-1].job, "held_out")
    constant(folds, planned.final[-1], "train")
    of_folds, final = said(folds, "SNL107", model)
    assert (
        f"Of 6 networks of `{model}` in cross-validation, 1 predict a single class for every held-out image"
        in of_folds.sentence
    )
    assert (
        f"The network of `{model}` trained on all rows but the test predicts 3 for every train image" in final.sentence
    )


def test_a_failed_seed_or_final_network_is_named(seeds: Path, folds: Path) -> None:
    broken: dict[str, Any] = {"status": "failed", "reason": "the loss became nan"}
    edit_json(RunRecord(seeds).job("plain").path / "result.json", lambda old: {**old, **broken})
    [found] = said(seeds, "SNL101")
    assert found.sentence == (
        "Training failed for 1 of 3 networks of `plain` with different seeds, the first with: the loss became nan. The "
        "network that represents `plain` is among them, so the model is not ranked."
    )
    model = str(facts_of(folds).evaluation.chosen)
    final = RunRecord(folds).planned[model].final[-1]
    edit_json(RunRecord(folds).folder_of(final).path / "result.json", lambda old: {**old, **broken})
    [found] = said(folds, "SNL101", model)
    assert found.sentence == (
        f"The network of `{model}` trained on all rows but the test: training failed: the loss became nan"
    )
