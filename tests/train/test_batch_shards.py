"""Protects the number of parts that threads share a batch in: a rule on the job, recorded first, kept after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import blobs
from training_cases import job, lane, material

import snellen
from snellen.files.stored import read_json
from snellen.models.zoo import ZOO
from snellen.train import loop
from snellen.train.backend.choose import COMPILED, TORCH
from snellen.train.run_context import RunContext
from snellen.train.strategy import rule
from snellen.train.thread_team import ThreadTeam
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

LENET: dict[str, Any] = {"layers": ZOO["lenet-5"], "input_shape": (32, 32, 1), "classes": 10}


def place(folder: Path, threads: int) -> RunContext:
    return RunContext(folder, snellen.from_arrays(*blobs(90), pixel_range=(0, 255)), material(), {"threads": threads})


@pytest.mark.parametrize(
    ("changes", "lanes", "most", "parts"),
    [
        ({"batch_size": 32}, 1, 2, 2),
        ({"batch_size": 32}, 1, 1, 1),
        ({"batch_size": 32}, 4, 2, 1),
        ({"batch_size": 15}, 1, 2, 1),
        ({"batch_size": 32}, 1, 16, 2),
        ({"batch_size": 128}, 1, 16, 8),
        ({"batch_size": 4096}, 1, 16, 16),
        ({"batch_size": 32, "layers": ["flatten", {"dense": 16}], "classes": 3}, 1, 2, 1),
    ],
)
def test_the_rule(changes: dict[str, Any], lanes: int, most: int, parts: int) -> None:
    """A step of one lane with 45 MFLOP a part and 8 rows a part; LeNet-5 at batch 32 has 90."""
    assert rule.shards_by_rule(job(**{**LENET, **changes}).trajectory, lanes, most) == parts


def test_the_kernels_want_more_work_a_part() -> None:
    """They do it sooner, and to hand a part over takes as long as ever."""
    assert [
        rule.shards_by_rule(job(**LENET, batch_size=size).trajectory, 1, 16, COMPILED) for size in (32, 64, 256)
    ] == [1, 2, 8]


def test_no_parts_where_more_of_torchs_own_threads_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = job(**LENET, batch_size=32).trajectory
    monkeypatch.setattr(rule, "FLOP_PER_THREAD", 20e6)
    assert rule.threads_by_rule(one, 1, 16) > 2 and rule.shards_by_rule(one, 1, 16) == 1


def test_they_are_recorded_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that paused goes on in its parts with one thread a job allowed, and ends as it would have."""
    monkeypatch.setattr(rule, "FLOP_PER_SHARD", {TORCH: 1.0, COMPILED: 1.0})
    used: list[int] = []
    monkeypatch.setattr(loop, "ThreadTeam", lambda parts: used.append(parts) or ThreadTeam(parts))  # type: ignore[func-returns-value]
    pack = [lane(layers=["flatten", {"dense": 8}, "batch_norm", {"dropout": 0.2}])]
    first, later, straight = place(tmp_path / "a", 2), place(tmp_path / "a", 1), place(tmp_path / "b", 2)
    train_pack(pack, first, Silent(), until=2)
    strategy = read_json(first.pack_folder(pack) / "pack.json")["strategy"]
    assert (strategy["parts"], strategy["threads"], strategy["name"]) == (2, 2, "one lane, batches in 2 parts")
    train_pack(pack, later, Silent())
    train_pack(pack, straight, Silent())
    assert used == [2] * 8
    one, other = (where.folder(pack[0].ids[0]).weights.read_bytes() for where in (later, straight))
    assert one == other
