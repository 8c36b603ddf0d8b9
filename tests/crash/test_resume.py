"""Protects the promise that nothing is lost: killed at any moment and run again, a study ends with the same bytes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import crash_cases as cases
import numpy as np
import pytest
from crash_cases import DISK, STEP, Moment

from snellen.errors import RunLocked
from snellen.files.atomic import partly_moved

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


def killed_and_resumed(folder: Path, kills: list[Moment], whole: Path, trained: int = 0) -> None:
    """Killed at each moment of one chain of runs, then left alone; at most an epoch is repeated a kill.

    trained: epochs that are saved already.
    """
    for moment in kills:
        assert cases.run(folder, moment) in (-signal.SIGKILL, 0)
    assert cases.run(folder) == 0
    assert cases.outcome(folder) == cases.outcome(whole)
    repeated = cases.moments(folder)[STEP] + trained * cases.STEPS_AN_EPOCH - cases.moments(whole)[STEP]
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
    """Wherever it is soon after the first epoch was saved."""
    with cases.held(tmp_path / "run", (STEP, cases.STEPS_AN_EPOCH)) as process:
        assert list((tmp_path / "run").glob("packs/*/checkpoint.json"))
    process.kill()
    process.join()
    assert cases.run(tmp_path / "run") == 0
    assert cases.outcome(tmp_path / "run") == cases.outcome(whole)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(50))
def test_killed_at_fifty_moments(whole: Path, tmp_path: Path, moment: int) -> None:
    every = some_moments(whole, DISK, 25, seed=2) + some_moments(whole, STEP, 25, seed=3)
    killed_and_resumed(tmp_path / "run", [every[moment]], whole)


CHAIN = ((STEP, 1, 60), (DISK, 30, 90), (STEP, 0, 30))


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(10))
def test_ten_resumes_killed(whole: Path, tmp_path: Path, chain: int) -> None:
    random = np.random.default_rng(chain)
    kills = [(kind, int(random.integers(first, last))) for kind, first, last in CHAIN]
    killed_and_resumed(tmp_path / "run", kills, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_asked_to_stop_it_saves_exits_and_goes_on(tmp_path: Path, whole: Path, number: signal.Signals) -> None:
    """The real command line, with checkpoints so far apart that only the asking saves one."""
    folder, study = tmp_path / "run", tmp_path / "study.yaml"
    study.write_text(cases.study().document.text, encoding="utf-8")
    command = [sys.executable, "-c", INTERRUPTIBLE, "run", str(study), "--threads", "1", "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None and "the third epoch\n" in iter(process.stdout.readline, "")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Interrupted. Finished work is kept: run the same command to go on." in output
    [checkpoint] = folder.glob("packs/*/checkpoint.json")
    assert json.loads(checkpoint.read_text())["epoch"] == 2
    killed_and_resumed(folder, [], whole, trained=2)


INTERRUPTIBLE = f"""
import signal
import snellen.cli
from snellen.train import step_runner
real, steps = step_runner.training_step, []

def training_step(*arguments):
    # waits in the third epoch until it is interrupted
    steps.append(1)
    if len(steps) == {2 * cases.STEPS_AN_EPOCH + 5}:
        print("the third epoch", flush=True)
        signal.pause()
    return real(*arguments)

step_runner.training_step = training_step
snellen.cli.main()
"""


def test_a_second_process_is_refused_at_once(whole: Path, tmp_path: Path) -> None:
    """While the first goes on as if nothing had been."""
    with (
        cases.held(tmp_path / "run", (STEP, 5)) as first,
        pytest.raises(RunLocked, match=rf"process {first.pid} on .*, since 20"),
    ):
        cases.study().run(out=tmp_path / "run", progress=False)
    first.join()
    assert cases.outcome(tmp_path / "run") == cases.outcome(whole)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Content and time of change of every file."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_running_again_trains_nothing(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    before = {part: files(folder / part) for part in ("jobs", "packs")}
    assert cases.run(folder) == 0
    assert {part: files(folder / part) for part in ("jobs", "packs")} == before
    assert not (folder / "history").exists()
    assert cases.moments(folder)[STEP] == 0
    assert cases.outcome(folder) == cases.outcome(whole)


def test_a_checkpoint_left_beside_a_result_goes(whole: Path, tmp_path: Path) -> None:
    """Killed after the result was written, before the checkpoint was removed."""
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    for pack in (folder / "packs").iterdir():
        (pack / "current-0.safetensors").write_bytes(b"")
    assert cases.run(folder) == 0
    assert cases.outcome(folder) == cases.outcome(whole)


EARLIER = (
    "study.yaml",
    "resolved.yaml",
    "plan.json",
    "data.json",
    "scores.parquet",
    "epochs.csv",
    "report.html",
    "report.json",
)
EDITED = {**cases.STUDY["models"], "dense": {"layers": ["flatten", {"dense": 8}, "relu"]}}


def test_an_edited_study_trains_only_what_changed(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    before = files(folder)
    assert cases.run(folder, models=EDITED) == 0
    after = files(folder)
    assert cases.moments(folder)[STEP] == 3 * cases.STEPS_AN_EPOCH
    assert {name: after[name] for name in before if name.startswith("jobs/")}.items() <= before.items()
    assert len({name.split("/")[1] for name in after if name.startswith("jobs/")}) == 3
    for name in EARLIER:
        assert after[f"history/1/{name}"][1] == before[name][1]
    assert after["report.html"][1] != before["report.html"][1]
    assert cases.run(folder) == 0
    assert sorted(path.name for path in (folder / "history").iterdir()) == ["1", "2"]
    assert cases.moments(folder)[STEP] == 3 * cases.STEPS_AN_EPOCH, "the first study's jobs are still there"
    assert (folder / "scores.parquet").read_bytes() == (whole / "scores.parquet").read_bytes()


SAMPLE, REST = (22, 29), (15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 30, 31, 32, 33, 34)


@pytest.mark.parametrize("operation", [*SAMPLE, *(pytest.param(each, marks=pytest.mark.slow) for each in REST)])
def test_killed_while_the_earlier_study_moves_to_history(whole: Path, tmp_path: Path, operation: int) -> None:
    """Nothing of the earlier study is lost or spread over two numbers, wherever the move is cut off."""
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    assert cases.run(folder, (DISK, operation), models=EDITED) == -signal.SIGKILL
    assert partly_moved(folder / "history/1") or operation in REST
    assert cases.run(folder, models=EDITED) == 0
    assert [path.name for path in (folder / "history").iterdir()] == ["1"]
    for name in EARLIER:
        assert (folder / "history/1" / name).read_bytes() == (whole / name).read_bytes(), name
