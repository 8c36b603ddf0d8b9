"""Protects packs that are too large for the memory: what is stored stays, the others go on in smaller packs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import blobs
from training_cases import STEPS, lane, material

import snellen
from snellen.files.stored import read_json
from snellen.models.keys import Key
from snellen.train import step_runner, store_results
from snellen.train.executors.sequential import packs_of
from snellen.train.run_context import RunContext
from snellen.train.step import StepInputs, TrainState, training_step
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

LANES = [lane(seed=seed) for seed in range(4)]


class Noting(Silent):
    """Which lanes it was told of, and after which epoch."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def trained(self, place: int, record: Any) -> None:
        self.told.append((place, record["epoch"]))


def place(folder: Path) -> RunContext:
    return RunContext(folder, snellen.from_arrays(*blobs(90), pixel_range=(0, 255)), material(), {"threads": 1})


def weights(here: RunContext) -> list[bytes]:
    assert all(here.folder(each.ids[0]).is_done() for each in LANES)
    return [here.folder(each.ids[0]).weights.read_bytes() for each in LANES]


def room_for(count: int, monkeypatch: pytest.MonkeyPatch, from_step: int = 1) -> None:
    """More than so many lanes do not fit, from this step on."""

    def greedy(rule: Any, state: TrainState, inputs: StepInputs, workspace: Any) -> Any:
        if len(state.theta) > count and int(inputs.step) >= from_step:
            raise MemoryError("no room")
        return training_step(rule, state, inputs, workspace)

    monkeypatch.setattr(step_runner, "training_step", greedy)


def test_half_of_the_lanes_go_on_from_the_last_whole_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third epoch does not fit: as if all had paused after the second, and gone on in twos."""
    expected, here, watcher = place(tmp_path / "twos"), place(tmp_path / "four"), Noting()
    train_pack(LANES, expected, Silent(), until=2)
    for half in (LANES[:2], LANES[2:]):
        train_pack(half, expected, Silent())
    room_for(2, monkeypatch, from_step=2 * STEPS + 2)
    train_pack(LANES, here, watcher)
    assert weights(here) == weights(expected)
    assert sorted(watcher.told) == [(number, epoch) for number in range(4) for epoch in range(1, 5)]
    packs = [read_json(path)["lanes"] for path in here.run.glob("packs/*/pack.json")]
    assert sorted(packs) == sorted([[list(each.ids) for each in half] for half in (LANES[:2], LANES[2:])])
    assert packs_of(LANES, here, None) == [] and not list(here.run.glob("**/checkpoint.json"))


def test_a_lane_that_does_not_fit_alone_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = place(tmp_path)

    def greedy(rule: Any, state: Any, inputs: StepInputs, workspace: Any) -> Any:
        if isinstance(inputs.key, Key) and 3 in inputs.key.seeds:
            raise MemoryError("no room for the fourth")
        return training_step(rule, state, inputs, workspace)

    monkeypatch.setattr(step_runner, "training_step", greedy)
    train_pack(LANES, here, Silent())
    results = [here.folder(each.ids[0]).read_result() for each in LANES]
    assert [result and result.status for result in results] == ["done", "done", "done", "failed"]
    assert results[3] and "no room for the fourth" in str(results[3].reason)


def test_what_is_stored_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory runs out while the third of four lanes is stored; the first two are not trained again."""
    here, watcher, predict = place(tmp_path), Noting(), store_results.predict_role
    asked: list[str] = []

    def greedy(role: str, rows: Any, job_id: str, where: RunContext) -> Any:
        asked.append(job_id)
        if job_id == LANES[2].ids[0] and asked.count(job_id) == 1:
            raise MemoryError("no room")
        return predict(role, rows, job_id, where)

    monkeypatch.setattr(store_results, "predict_role", greedy)
    train_pack(LANES, here, watcher)
    whole = place(tmp_path / "whole")
    train_pack(LANES, whole, Silent())
    assert weights(here) == weights(whole)
    assert [asked.count(each.ids[0]) for each in LANES[:2]] == [4, 4], "two roles, in each of the two runs"
