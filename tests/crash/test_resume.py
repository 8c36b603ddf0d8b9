"""Protects the promise that nothing is lost: killed at any moment and run again, a study ends with the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import crash_cases as cases
import numpy as np
import pytest
from crash_cases import DISK, STEP, Moment

from snellen.errors import RunLocked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL and fork")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert cases.run(folder) == 0
    assert cases.moments(folder)[STEP] == 2 * 3 * cases.STEPS_AN_EPOCH
    return folder


def some_moments(whole: Path, kind: str, number: int, seed: int) -> list[Moment]:
    """Moments of one kind, spread over the whole run: one at a random place in each of `number` equal parts."""
    total = cases.moments(whole)[kind]
    places = (np.arange(number) + np.random.default_rng(seed).random(number)) / number * total
    return [(kind, int(place)) for place in places]


def killed_and_resumed(folder: Path, kills: list[Moment], whole: Path) -> None:
    """Killed at each moment of one chain of runs, then left alone; at most an epoch is repeated a kill."""
    for moment in kills:
        assert cases.run(folder, moment) in (-signal.SIGKILL, 0)
    assert cases.run(folder) == 0
    assert cases.outcome(folder) == cases.outcome(whole)
    repeated = cases.moments(folder)[STEP] - cases.moments(whole)[STEP]
    assert 0 <= repeated <= len(kills) * cases.STEPS_AN_EPOCH


def test_the_same_study_in_two_folders_is_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    assert cases.run(tmp_path / "run") == 0
    assert cases.outcome(tmp_path / "run") == cases.outcome(whole)
    assert {"jobs", "packs", "models"} <= {name.split("/")[0] for name in cases.outcome(whole)["names"]}


def test_killed_in_saves(whole: Path, tmp_path: Path) -> None:
    killed_and_resumed(tmp_path / "run", some_moments(whole, DISK, 3, seed=1), whole)


def test_killed_in_steps_and_while_resuming(whole: Path, tmp_path: Path) -> None:
    """The second and third kill hit the resume of the first."""
    killed_and_resumed(tmp_path / "run", [(STEP, 30), (STEP, 25), (DISK, 50)], whole)


def test_killed_from_outside(whole: Path, tmp_path: Path) -> None:
    process = cases.start(tmp_path / "run")
    wait_for(tmp_path / "run", "packs/*/checkpoint.json")
    process.kill()
    process.join()
    killed_and_resumed(tmp_path / "run", [], whole)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(50))
def test_killed_at_fifty_moments(whole: Path, tmp_path: Path, moment: int) -> None:
    every = some_moments(whole, DISK, 25, seed=2) + some_moments(whole, STEP, 25, seed=3)
    killed_and_resumed(tmp_path / "run", [every[moment]], whole)


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(10))
def test_ten_resumes_killed(whole: Path, tmp_path: Path, chain: int) -> None:
    random = np.random.default_rng(chain)
    kills = [(STEP, int(random.integers(1, 60))), (DISK, int(random.integers(30, 90))), (STEP, int(random.integers(30)))]
    killed_and_resumed(tmp_path / "run", kills, whole)


def wait_for(folder: Path, pattern: str) -> None:
    """Until a file of that name is there; a child is a process, and nothing else tells."""
    until = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert time.monotonic() < until, f"no {pattern} in {folder}"
        time.sleep(0.005)


LONG = 3000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_asked_to_stop_it_saves_and_exits_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    """The real command line. The resume trains the epochs that are left and no other, from the saved state."""
    (tmp_path / "study.yaml").write_text(cases.study().document.text)
    command = [sys.executable, "-m", "snellen", "run", str(tmp_path / "study.yaml"), "--threads", "1"]
    command += ["--out", str(tmp_path / "run"), "--set", f"models.conv.train.epochs={LONG}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(tmp_path / "run", "packs/*/pack.json")
    time.sleep(0.5)
    asked = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert process.returncode == 130, output.decode()
    assert b"run the same command to go on" in output
    [checkpoint] = (tmp_path / "run").glob("packs/*/checkpoint.json")
    assert b'"epoch": ' in checkpoint.read_bytes()
    assert not list((tmp_path / "run").glob("jobs/*/result.json"))
