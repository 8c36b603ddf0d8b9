"""Protects searches and folds from a process that dies: whenever it does, the run that goes on has the same trials, the
same winner and the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import crash_cases as cases
import numpy as np
import pytest
from crash_cases import DISK, STEP

SEARCHED: dict[str, Any] = {
    "models": {
        "dense": {
            "layers": ["flatten", {"dense": {"units": {"choice": [8, 16]}, "activation": "relu"}}],
            "train": {"optimizer": "adam", "learning_rate": {"choice": [0.01, 0.001]}, "epochs": 2, "batch_size": 128},
            "search": {"method": "halving", "factor": 2},
        }
    },
    "train": {},
    "folds": 2,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert cases.run(folder, **SEARCHED) == 0
    return folder


def outcome(folder: Path) -> dict[str, Any]:
    search = json.loads((folder / "search/dense.json").read_text())
    return {**cases.outcome(folder), "search": cases.without_clocks(search)}


def some_moments(whole: Path, count: int, seed: int) -> list[cases.Moment]:
    total, random = cases.moments(whole), np.random.default_rng(seed)
    return [(kind, int(random.integers(total[kind]))) for kind in [DISK, STEP] * (count // 2)]


def killed_and_resumed(folder: Path, moment: cases.Moment, whole: Path) -> None:
    assert cases.run(folder, moment, **SEARCHED) in (-9, 0), "0 where the run is over before that moment"
    assert cases.run(folder, **SEARCHED) == 0
    assert outcome(folder) == outcome(whole)


@pytest.mark.parametrize("number", range(4))
def test_killed_at_some_moments(whole: Path, tmp_path: Path, number: int) -> None:
    killed_and_resumed(tmp_path / "run", some_moments(whole, 4, seed=1)[number], whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(30))
def test_killed_at_thirty_moments(whole: Path, tmp_path: Path, number: int) -> None:
    killed_and_resumed(tmp_path / "run", some_moments(whole, 30, seed=2)[number], whole)
