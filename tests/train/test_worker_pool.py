"""Protects the pool: any number of workers gives the same bytes, one that dies costs only its pack, and none outlives
the run, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from runs import blobs
from training_cases import lane, material

import snellen
from snellen.errors import IdentityError
from snellen.files.stored import read_json
from snellen.train.executors import sequential, worker_pool
from snellen.train.executors.worker_pool import Pool, train_lanes
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.strategy import packs as strategy_packs
from snellen.train.strategy import rule
from snellen.train.strategy.packs import form_packs
from snellen.train.watcher import Silent

LAYERS = ["flatten", {"dense": {"units": 8, "activation": "relu"}}, {"dropout": 0.2}]


class Noting(Silent):
    """Notes what it is told of which pack, and calls `then` when an epoch is told."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.told: list[tuple[str, Any]] = []
        self.then = then

    def began(self, lanes: Any) -> None:
        self.told.append(("began", lanes[0].ids))

    def ended(self, lanes: Any) -> None:
        self.told.append(("ended", lanes[0].ids))

    def switched_to(self, lanes: Any) -> None:
        self.told.append(("turned", lanes[0].ids))

    def trained(self, place: int, record: Any) -> None:
        self.told.append(("trained", record["epoch"]))
        self.then()


def place(folder: Path, workers: int) -> RunContext:
    dataset = snellen.from_arrays(*blobs(90), pixel_range=(0, 255))
    return RunContext(folder, dataset, material(), {"threads": 1}, workers)


def lanes(epochs: int = 3) -> list[Lane]:
    """Of three shapes: three packs, of two, one and one."""
    return [lane(layers=LAYERS, seed=seed, epochs=epochs) for seed in range(2)] + [
        lane(layers=["flatten", {"dense": units}], epochs=epochs) for units in (3, 5)
    ]


def outcome(folder: Path) -> dict[str, bytes]:
    """Every file but the clocks of histories and results, and the hashes of these."""
    clocks = ("history.json", "result.json", "hashes.jsonl")
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in clocks)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(autouse=True)
def every_pack_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_packs, "WORTH_SECONDS", 0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is left behind by one process."""
    folder = tmp_path_factory.mktemp("whole")
    train_lanes(lanes(), place(folder, workers=1), Noting())
    return outcome(folder)


def test_two_workers_leave_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    watcher = Noting()
    train_lanes(lanes(), place(tmp_path, workers=2), watcher)
    assert outcome(tmp_path) == whole
    firsts = [pack[0].ids for pack in form_packs(lanes(), lambda lane: 0)]
    assert [ids for what, ids in watcher.told if what == "began"] == firsts, "in the order of the plan"
    assert sorted(ids for what, ids in watcher.told if what == "ended") == sorted(firsts)
    assert sum(what == "trained" for what, _ in watcher.told) == 4 * 3
    assert not (tmp_path / ".workers").exists() and not children()


def children() -> list[psutil.Process]:
    """Workers of this process that are alive."""
    return [each for each in psutil.Process().children() if any(worker_pool.WORKER in word for word in each.cmdline())]


def test_a_worker_that_dies_loses_only_its_pack_which_is_run_again(tmp_path: Path, whole: dict[str, bytes]) -> None:
    killed: list[int] = []
    planted: list[Path] = []

    def kill_one() -> None:
        if not killed:
            victim = children()[0]
            killed.append(victim.pid)
            victim.kill()
            for folder in (tmp_path / "jobs").iterdir():
                planted.append(folder / ".result.json.0.tmp")
                planted[-1].write_text("of a write that was cut off")

    train_lanes(lanes(), place(tmp_path, workers=2), Noting(kill_one))
    assert killed and not all(path.exists() for path in planted), "what the dead one left half written is gone"
    for path in planted:
        path.unlink(missing_ok=True)
    assert outcome(tmp_path) == whole


def test_workers_stay_for_the_next_round(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Two rounds of a search: to the first epoch, then to the end; one worker dies between them."""
    in_turn_place, here = place(tmp_path / "in turn", workers=1), place(tmp_path / "workers", workers=2)
    for until in (1, None):
        train_lanes(lanes(), in_turn_place, Noting(), until)
    with worker_pool.Local(here) as executor:
        executor.train_lanes(lanes(), Noting(), 1)
        first = children()
        first[0].kill()
        executor.train_lanes(lanes(), Noting())
        assert {first[1].pid} < {each.pid for each in children()} and len(first) == 2
    assert outcome(here.run) == outcome(in_turn_place.run)
    assert not children()


def test_a_pack_that_kills_its_worker_twice_fails_and_the_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = form_packs(lanes(), lambda lane: 0)
    give = Pool._give_pack

    def give_and_kill(self: Pool, worker: worker_pool.Worker) -> None:
        give(self, worker)
        if worker.pack is not None and worker.pack[0].ids == packs[1][0].ids:
            worker.process.kill()

    monkeypatch.setattr(Pool, "_give_pack", give_and_kill)
    here = place(tmp_path, workers=2)
    train_lanes(lanes(), here, Noting())
    for pack in packs:
        result = here.folder(pack[0].ids[0]).read_result()
        assert result is not None
        assert result.status == ("failed" if pack == packs[1] else "done")
        if pack == packs[1]:
            assert result.reason == "the process that trained it died 2 times (signal 9)"


def test_what_a_user_can_mend_is_said_by_the_parent(tmp_path: Path) -> None:
    here = place(tmp_path, workers=2)
    sequential.packs_of(lanes(), here, None)
    for pack in form_packs(lanes(), lambda lane: 0):
        (here.pack_folder(pack) / "checkpoint.json").write_text("[]")
    with pytest.raises(IdentityError, match=r"checkpoint\.json: not a checkpoint"):
        train_lanes(lanes(), here, Noting())
    assert not children() and not (tmp_path / ".workers").exists()


def test_work_beside_the_largest_pack_is_what_is_worth_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pack here is 3 epochs of 4 steps, 4 ms; workers are recorded as one thread each, however many there are."""
    packs, here = form_packs(lanes(), lambda lane: 0), place(tmp_path, workers=1)
    for worth, expected in ((0.007, True), (0.012, False)):
        monkeypatch.setattr(strategy_packs, "WORTH_SECONDS", worth)
        assert sequential.is_for_workers(packs, here, None) == expected
        assert not sequential.is_for_workers(packs[:1], here, None)
    monkeypatch.setattr(strategy_packs, "WORTH_SECONDS", 0.007)
    assert not sequential.is_for_workers(packs, here, 1), "one epoch of three"


@pytest.mark.parametrize(("worth", "threads"), [(0.0, 1), (10.0, 8)])
def test_packs_for_workers_are_recorded_with_one_thread_however_many_workers_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worth: float, threads: int
) -> None:
    monkeypatch.setattr(strategy_packs, "WORTH_SECONDS", worth)
    monkeypatch.setattr(rule, "FLOP_PER_THREAD", 1)
    here = replace(place(tmp_path, workers=1), environment={"threads": 8})
    for pack in sequential.packs_of(lanes(), here, None):
        assert read_json(here.pack_folder(pack) / "pack.json")["strategy"]["threads"] == threads


def test_a_small_study_is_trained_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_packs, "WORTH_SECONDS", 10.0)
    monkeypatch.setattr(worker_pool, "Pool", None)
    train_lanes(lanes(1), place(tmp_path, workers=2), Noting())
    assert sequential.is_finished(lanes(1)[0], place(tmp_path, workers=2))


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import signal, threading
from pathlib import Path
from train_local import Noting, every, lanes, place
from snellen.train.executors import worker_pool
worker_pool.SAVE_SECONDS = 50.0  # on a crowded machine
signal.signal(signal.SIGTERM, signal.default_int_handler)
every()
noted = []
def note():
    noted.append(1)
    if len(noted) == 20:  # one worker at least is beyond its first epoch, whose record comes before its end
        print("epoch", flush=True)
worker_pool.train_lanes(lanes(5_000), place(Path(sys.argv[1]), 2), Noting(note))
"""


def begin(folder: Path, tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A run of two workers that goes on for long, in a script without a main guard, after its first epoch."""
    text = Path(__file__).read_text("utf-8") + "\n\ndef every() -> None:\n    strategy_packs.WORTH_SECONDS = 0.0\n"
    (tmp_path / "train_local.py").write_text(text, "utf-8")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(tmp_path)), "utf-8")
    folder.mkdir()
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    variables = os.environ | {"PYTHONPATH": paths}
    command, pipe = [sys.executable, str(script), str(folder)], subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, env=variables)
    assert process.stdout is not None and process.stdout.readline() == b"epoch\n"
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    return process, workers


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_all_workers_save_and_end(tmp_path: Path, number: signal.Signals) -> None:
    process, workers = begin(tmp_path / "run", tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    assert not [each for each in workers if each.is_running()]
    assert len(list((tmp_path / "run").glob("packs/*/checkpoint.json"))) >= 1
    assert not (tmp_path / "run/.workers").exists()


def test_workers_end_with_the_one_that_began_them(tmp_path: Path) -> None:
    """Killed, it can tell them nothing."""
    process, workers = begin(tmp_path / "run", tmp_path)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    assert list((tmp_path / "run").glob("packs/*/checkpoint.json")), "they saved before"
