"""Processes under measurement, and the environment in which Keras lives beside ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
TUNED = ("keras>=3.10", "keras-tuner>=1.4.7", "tensorboard")  # the last: KerasTuner imports it without asking for it
REQUIREMENTS = {
    "cpu": (
        *TUNED,
        "tensorflow-cpu>=2.19; platform_machine == 'x86_64' or platform_machine == 'AMD64'",
        "tensorflow>=2.19; platform_machine != 'x86_64' and platform_machine != 'AMD64'",
    ),
    "cuda": (*TUNED, "tensorflow[and-cuda]>=2.19"),
}
THREADS = {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY"}
"""What would tell one tool, and not the other, how many cores to use."""


def environment() -> dict[str, str]:
    """Of every process that is measured."""
    return {name: value for name, value in os.environ.items() if name not in THREADS}


class Failed(RuntimeError):
    """A process under measurement did not do what it was told; other parts of the bench go on."""


class Tool:
    """A process that does what it is told, one thing at a time."""

    def __init__(self, python: str, script: str, *arguments: str) -> None:
        self.script, pipe = script, subprocess.PIPE
        command = [python, str(HERE / script), *arguments]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment())
        self.about = self.answer()

    def __enter__(self) -> Tool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    def order(self, **values: Any) -> None:
        """Begins something."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(values) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What it says when that is over."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"{self.script} died: exit code {self.process.wait()}")
        return dict(json.loads(line))

    def ask(self, **values: Any) -> dict[str, Any]:
        """Both."""
        self.order(**values)
        return self.answer()


def together(tools: Sequence[Tool], **order: Any) -> list[dict[str, Any]]:
    """The same thing done by all tools at the same time."""
    for tool in tools:
        tool.order(**order)
    return [tool.answer() for tool in tools]


def call(python: str, script: str, *arguments: str) -> dict[str, Any]:
    """What a script of this folder prints, as JSON in its last line."""
    command = [python, str(HERE / script), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment())
    if done.returncode:
        raise Failed(f"{script} died: exit code {done.returncode}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def keras_python(device: str) -> str:
    """The Python of an environment of our own that has Keras, built once."""
    folder = HERE / ".venv-keras"
    found = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    built = folder / "requirements.json"
    wanted = json.dumps(REQUIREMENTS[device])
    if not built.exists() or built.read_text("utf-8") != wanted:
        venv.create(folder, with_pip=True)
        subprocess.run([str(found), "-m", "pip", "install", "--quiet", *REQUIREMENTS[device]], check=True)
        built.write_text(wanted, "utf-8")
    return str(found)
