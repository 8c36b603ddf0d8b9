"""A small study on digits that can be killed at any moment, run in processes of its own, and what its outcome is."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import children
import pytest

import snellen
from snellen.train import run_context, step_runner
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.step import training_step

STUDY: dict[str, Any] = {
    "study": "crash",
    "data": "digits",
    "split": {"test": 300, "validation": 300},
    "train": {"optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.05, "epochs": 3, "batch_size": 64},
    "models": {
        "conv": {
            "layers": [{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "relu", "flatten", {"dropout": 0.3}],
        },
        "dense": {"layers": ["flatten", {"dense": 16}, "relu"], "train": {"optimizer": "adam", "learning_rate": 0.01}},
    },
}
STEPS_AN_EPOCH = 19
DISK, STEP = "disk", "step"
DISK_OPERATIONS = ("replace", "fsync", "unlink", "mkdir", "truncate")
CLOCKS = ("seconds", "time", "made")
Moment = tuple[str, int]


def study(**changes: Any) -> snellen.Study:
    return snellen.Study(**{**STUDY, **changes})


def start(folder: Path, moment: Moment | None = None, **changes: Any) -> BaseProcess:
    """Begins the study in `folder` in a child that kills itself at `moment`: before its n-th operation of a kind."""
    return children.start(_run, folder, moment, changes)


@contextmanager
def held(folder: Path, moment: Moment) -> Iterator[BaseProcess]:
    """The study in a child that waits at `moment` until the block ends, and then goes on."""
    here, there = Pipe()
    process = children.start(_run, folder, moment, {}, there)
    there.close()
    here.recv()
    yield process
    here.send("go on")


def run(folder: Path, moment: Moment | None = None, **changes: Any) -> int | None:
    """The same, and waits: the exit code, -9 when it was killed."""
    process = start(folder, moment, **changes)
    process.join(120)
    return process.exitcode


def _run(folder: Path, moment: Moment | None, changes: Mapping[str, Any], parent: Connection | None = None) -> None:
    """Saves a checkpoint after every epoch, and notes every operation in <folder>.counts.

    parent: who says at `moment` when to go on; without one the process kills itself.
    """
    counts = {DISK: 0, STEP: 0}
    log = open(folder.with_name(f"{folder.name}.counts"), "ab", buffering=0)  # noqa: SIM115  # until it is killed

    def counted(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            if (kind, counts[kind]) == moment:
                if parent is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                else:
                    parent.send("here")
                    parent.recv()
            counts[kind] += 1
            log.write(kind[:1].encode())
            return real(*arguments, **options)

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for name in DISK_OPERATIONS:
            patch.setattr(os, name, counted(DISK, getattr(os, name)))
        patch.setattr(step_runner, "training_step", counted(STEP, training_step))
        patch.setattr(run_context, "Checkpoint", partial(Checkpoint, interval_seconds=0))
        study(**changes).run(out=folder, threads=1, device="cpu", progress=False)


def moments(folder: Path) -> dict[str, int]:
    """How many operations of each kind all children together came to in this folder."""
    log = folder.with_name(f"{folder.name}.counts").read_bytes()
    return {kind: log.count(kind[:1].encode()) for kind in (DISK, STEP)}


def outcome(folder: Path) -> dict[str, Any]:
    """Every file of a finished run that must not depend on when or where it was made; JSON without clocks."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    contents = {name: (folder / name).read_bytes() for name in names if name.startswith(("jobs/", "packs/", "floors"))}
    contents |= {name: (folder / name).read_bytes() for name in ("scores.parquet", "resolved.yaml", "data.json")}
    contents |= {name: (folder / name).read_bytes() for name in names if name.startswith("models/conv/model.")}
    return {"names": names, **{name: _comparable(name, content) for name, content in contents.items()}}


def _comparable(name: str, content: bytes) -> Any:
    return without_clocks(json.loads(content)) if name.endswith(".json") else content


def without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_clocks(inner) for key, inner in value.items() if key not in CLOCKS}
    return [without_clocks(item) for item in value] if isinstance(value, list) else value
