"""Small finished runs on scikit-learn's digits, made through the Python interface, for tests of what follows one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import snellen
from snellen.api import Run
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Facts, Finding
from snellen.findings.rules import judge
from snellen.models.predictions import save_predictions

MODELS: dict[str, Any] = {
    "linear": {"layers": "linear"},
    "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}, {"dropout": 0.1}]},
    "conv": {
        "layers": [{"conv": {"filters": 4, "kernel": 3, "strides": 2}}, "batch_norm", "relu", "flatten"],
        "train": {"epochs": 2, "schedule": "cosine"},
    },
}
SECTIONS: dict[str, Any] = {
    "split": {"test": 0.25, "validation": 0.2, "calibration": 60},
    "train": {"learning_rate": 3e-3, "epochs": 3, "batch_size": 64},
}

PLAIN: dict[str, Any] = {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}]}
DROPPED = {"layers": [*PLAIN["layers"], {"dropout": 0.1}]}
LINEAR = {"layers": "linear"}
SEARCH: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": {"choice": [4, 8, 32]}, "activation": "relu"}}],
    "train": {"epochs": {"choice": [2, 4]}},
    "search": "grid",
}
RATES = {**SEARCH, "train": {"epochs": 2, "learning_rate": {"choice": [1e-3, 3e-3, 1e-2]}}}
SEEDED: dict[str, Any] = {
    "models": {"plain": PLAIN, "dropped": DROPPED, "linear": LINEAR},
    "seeds": 3,
    "open_test": "all",
}
CROSSED: dict[str, Any] = {"models": {"plain": PLAIN, "linear": LINEAR}, "folds": 3, "seeds": 2}
SEARCHED: dict[str, Any] = {"models": {"dense": SEARCH, "linear": LINEAR}}

CHOOSING: tuple[str, ...] = ("SNL009", "SNL010", "SNL011", "SNL012", "SNL013", "SNL014", "SNL015")
CHOOSING += ("SNL111", "SNL112", "SNL113", "SNL114", "SNL115", "SNL150", "SNL180")
"""Rules about choosing: they need seeds, folds and searches, and have their cases in test_choosing.py."""

EXPLAINED = ("SNL016", "SNL017", "SNL019", "SNL116", "SNL120", "SNL140", "SNL141")
"""Rules about analyses: they need some, and have their cases in tests/explain."""

PLANTED: tuple[str, ...] = ("SNL121", "SNL122", "SNL123", "SNL124", "SNL125", "SNL126", "SNL127", "SNL128")
PLANTED += ("SNL129", "SNL130", "SNL131", "SNL170", "SNL171")
"""Rules about data, classes and cost, which have their cases in test_planted_faults.py and test_cost.py."""

PRETRAINED = ("SNL160", "SNL161")
"""Rules about pretrained networks, which have their cases in tests/run/test_backbones.py."""


def small_study(**changes: Any) -> snellen.Study:
    """Three networks on digits: trained in well under a second, the test opened for the chosen one."""
    return snellen.Study(**{"study": "small", "data": "digits", "models": MODELS, **SECTIONS, **changes})


def run_small(folder: Path, **changes: Any) -> Run:
    """That study, run into `folder`."""
    return small_study(**changes).run(out=folder, device="cpu", threads=1, progress=False)


def edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Replaces the value in a JSON file by `change` of it."""
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


def set_in_json(path: Path, **values: Any) -> None:
    """Gives keys of the object in a JSON file other values."""
    edit_json(path, lambda stored: {**stored, **values})


def facts_of(folder: Path) -> Facts:
    """What the rules may look at, of a run directory as it is now."""
    return _facts(folder, _files(folder))


def findings_of(folder: Path) -> list[Finding]:
    """All findings of a run directory as it is now."""
    return list(_findings(folder, _files(folder)))


Files = frozenset[tuple[str, int, int]]


def _files(folder: Path) -> Files:
    """Path, time of change and size of every file."""
    stats = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
    return frozenset((str(path), each.st_mtime_ns, each.st_size) for path, each in stats)


@lru_cache(maxsize=1)
def _facts(folder: Path, files: Files) -> Facts:
    """Computed again when a file has changed: evaluating a run takes half a second, and one test asks several times."""
    record = RunRecord.open(folder)
    return Facts(record, evaluations.load(record))


@lru_cache(maxsize=1)
def _findings(folder: Path, files: Files) -> tuple[Finding, ...]:
    judgement = judge(_facts(folder, files))
    return (*judgement.results, *judgement.others)


def blobs(rows: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, 6, 6) uint8 images and (N,) labels: noise with a bright bar whose place is the class; learned at once."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    images = generator.integers(0, 80, (rows, 6, 6), dtype=np.uint8)
    for row, label in enumerate(labels):
        images[row, 2 * label : 2 * label + 2] += 150
    return images, labels


def plant(folder: Path, job: str, role: str, right: np.ndarray) -> None:
    """Stored predictions of a job that are right exactly where `right`, (N,) bool, says so; each wrong by one class."""
    files = RunRecord(folder).folder_of(job)
    stored = files.read_predictions(role)
    assert stored is not None and stored.labels is not None
    answers = np.where(right, stored.labels, (stored.labels + 1) % stored.probabilities.shape[1])
    sure = np.full(stored.probabilities.shape, 0.02, np.float32)
    sure[np.arange(len(answers)), answers] = 1 - 0.02 * (stored.probabilities.shape[1] - 1)
    save_predictions(files.predictions_path(role), replace(stored, probabilities=sure), job)


def plant_sure(folder: Path, job: str, role: str, right: np.ndarray, sureness: float, doubt: float) -> None:
    """As `plant`; the probability of the true class is `sureness` where the answer is right, `doubt` where it is
    wrong; the rest is that of one other class."""
    files = RunRecord(folder).folder_of(job)
    stored = files.labelled(role)
    assert stored.labels is not None
    rows, own = np.arange(len(stored)), np.where(right, sureness, doubt)
    sure = np.zeros(stored.probabilities.shape, np.float32)
    sure[rows, (stored.labels + 1) % stored.probabilities.shape[1]] = 1 - own
    sure[rows, stored.labels] = own
    save_predictions(files.predictions_path(role), replace(stored, probabilities=sure), job)
