"""Protects that a new thing touches two places: its file, and one line in its registry. One of each kind is added to a
copy of the package, and a study that uses all of them is run with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import snellen

PACKAGE = Path(snellen.__file__).parent


@dataclass(frozen=True)
class New:
    """A thing of one kind. file: that it is written in, new or of its kind; registry: file and name of the dict literal
    that gets the line."""

    code: str
    file: str
    registry: tuple[str, str]
    line: str


NEW: dict[str, New] = {
    "activation": New(
        '''
@final
class Cube(Elementwise):
    """x to the third power."""

    kind: Literal["cube"] = "cube"

    def values(self, x: Tensor) -> Tensor:
        return x**3
''',
        "models/activations.py",
        ("models/activations.py", "ACTIVATIONS"),
        '"cube": Cube,',
    ),
    "layer": New(
        '''
"""A layer that multiplies each channel by a trained number."""

from typing import Literal

import numpy as np

from snellen.models.layer import Layer


class Gain(Layer):
    """gain * x."""

    kind: Literal["gain"] = "gain"

    def output_shape(self, shape):
        return shape

    def init(self, key, shape):
        return {"gain": np.ones((len(key.seeds), shape[-1]))}, {}

    def apply(self, parameters, state, x, step):
        gain = parameters["gain"]
        return x * gain.view(len(gain), *[1] * (x.dim() - 2), -1), {}
''',
        "models/gain.py",
        ("models/layers.py", "LAYERS"),
        '"gain": Gain,',
    ),
    "optimizer": New(
        '''
@final
class SignDescent(Optimizer):
    """Every parameter moves by the learning rate, against the sign of its gradient."""

    kind: Literal["sign_descent"] = "sign_descent"

    def slots(self) -> tuple[str, ...]:
        return ()

    def update(self, theta: Tensor, gradient: Tensor, slots: Slots, step: Count, rate: Tensor, layout: Layout) -> None:
        theta.sub_(gradient.sign() * rate)
''',
        "train/optimizers.py",
        ("train/optimizers.py", "OPTIMIZERS"),
        '"sign_descent": SignDescent,',
    ),
    "schedule": New(
        '''
@final
class Alternating(Schedule):
    """The peak in every other step, and half of it between."""

    kind: Literal["alternating"] = "alternating"

    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        return 1.0 if step % 2 else 0.5
''',
        "train/schedules.py",
        ("train/schedules.py", "SCHEDULES"),
        '"alternating": Alternating,',
    ),
    "augmentation": New(
        '''
"""An augmentation that inverts images."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from snellen.train.augment.augmentation import Recolouring


class Invert(Recolouring):
    """Black for white in some of the images."""

    kind: Literal["invert"] = "invert"
    shorthand: ClassVar = "odds"
    strengths: ClassVar = frozenset({"odds"})
    odds: Annotated[float, Field(ge=0, le=1)] = 0.1

    def draw(self, generator, count, shape):
        return (generator.random((count, 1)) < self.odds).astype(float)

    def apply(self, x, numbers):
        return x.lerp(1 - x, numbers[..., None, None])
''',
        "train/augment/invert.py",
        ("train/augment/registry.py", "AUGMENTATIONS"),
        '"invert": Invert,',
    ),
    "metric": New(
        '''
def certainties(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) probability of each answer."""
    return np.asarray(probabilities.max(1))


def certainty(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Their mean."""
    return float(certainties(labels, probabilities).mean())
''',
        "metrics/scores.py",
        ("metrics/scores.py", "METRICS"),
        '"certainty": Metric(certainty, is_fraction_of_images=False, higher_is_better=True, per_image=certainties),',
    ),
}
STUDY = """
study: new-things
data: {source: digits}
split: {test: 300, validation: 300, seed: 1}
models:
  new:
    layers: [{conv: {filters: 4, kernel: 3, activation: cube}}, gain, flatten, {dense: 8}, cube]
    train: {optimizer: sign_descent, learning_rate: 0.002, schedule: alternating, epochs: 2, augment: [{invert: 0.2}]}
seeds: 2
"""


def add(new: New, package: Path) -> None:
    """Adds a thing to a package: its code, and its line in the registry."""
    path, (registry_file, registry_name) = package / new.file, new.registry
    registry = package / registry_file
    name = new.line.split(": ")[1].split("(")[0].strip(",")
    text = registry.read_text(encoding="utf-8")
    begin = next(line for line in text.splitlines() if line.startswith(f"{registry_name}: ") and line.endswith("{"))
    if path == registry:
        text = text.replace(begin, f"{new.code.strip()}\n\n\n{begin}")
    else:
        path.write_text(new.code.strip(), encoding="utf-8")
        module = "snellen." + new.file.removesuffix(".py").replace("/", ".")
        text = text.replace(begin, f"from {module} import {name}\n\n{begin}")
    registry.write_text(text.replace(begin, f"{begin}\n    {new.line}"), encoding="utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package that has all the new things, and the run of a study of them."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(PACKAGE, folder / "snellen", ignore=shutil.ignore_patterns("__pycache__"))
    for new in NEW.values():
        add(new, folder / "snellen")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    call = [sys.executable, "-m", "snellen", "run", "study.yaml", "--out", "run", "--device", "cpu", "--threads", "1"]
    done = subprocess.run(
        call, cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    assert (folder / "run/report.json").exists(), done.stdout + done.stderr
    return folder


def test_two_places_are_touched(extended: Path) -> None:
    """The copy differs from the package in the file and the registry of each new thing alone."""
    copies = {path.relative_to(extended / "snellen").as_posix(): path for path in (extended / "snellen").rglob("*.py")}
    changed = {
        name
        for name, path in copies.items()
        if not (PACKAGE / name).exists() or (PACKAGE / name).read_bytes() != path.read_bytes()
    }
    assert changed == {place for new in NEW.values() for place in (new.file, new.registry[0])}


def test_a_study_of_new_things_is_trained_and_reported(extended: Path) -> None:
    results = [json.loads(path.read_text()) for path in (extended / "run/jobs").glob("*/result.json")]
    assert len(results) == 2 and all(result["status"] == "done" for result in results)
    assert all(result["reloaded_accuracy"] > 0.3 for result in results), "what is stored is what was trained"
    job = next((extended / "run/jobs").glob("*/job.json")).read_text()
    assert all(f'"{name}"' in job for name in ("cube", "gain", "sign_descent", "alternating", "invert"))
    report = json.loads((extended / "run/report.json").read_text())
    assert "certainty" in json.dumps(report)
    assert (extended / "run/report.html").stat().st_size > 100_000


def test_its_seeds_are_lanes_of_one_pack(extended: Path) -> None:
    [pack] = [json.loads(path.read_text()) for path in (extended / "run/packs").glob("*/pack.json")]
    assert len(pack["lanes"]) == 2 and pack["strategy"]["way"] == "torch"
