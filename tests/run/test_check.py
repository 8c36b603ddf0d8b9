"""Protects what `snellen check` says before anything is spent: jobs, trajectories, epochs and disk of the run that
follows, and a time of the right size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from runs import small_study

from snellen.run import Settings
from snellen.run.check import check_study
from snellen.run.pricing import wall_share
from snellen.study.document import open_document
from snellen.tables import plan_sentences

TRAINING: dict[str, Any] = {"learning_rate": 3e-3, "batch_size": 64, "epochs": 4}
HALVING: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": {"choice": [4, 16]}, "activation": "relu"}}],
    "train": {"learning_rate": {"choice": [1e-2, 1e-3, 1e-4]}, "epochs": 4},
    "search": {"method": "halving", "factor": 2},
}
GRID: dict[str, Any] = {
    "layers": "linear",
    "train": {"epochs": {"choice": [2, 4]}, "batch_size": {"choice": [64, 128]}},
    "search": "grid",
}
PHASES: dict[str, Any] = {"layers": "linear", "train": [{"epochs": 3}, {"epochs": 2}]}


def checked(models: dict[str, Any], **sections: Any) -> dict[str, Any]:
    study = small_study(models=models, train=TRAINING, **sections)
    return check_study(study.file, Settings(None, "cpu", 1, None))


def trained(folder: Path) -> tuple[int, int]:
    """(jobs, epochs) of a run, those of one trajectory counted once."""
    reached: dict[str, int] = {}
    jobs = [path.parent for path in folder.glob("jobs/*/result.json")]
    for job in jobs:
        values = json.loads((job / "job.json").read_text(encoding="utf-8"))
        key = json.dumps([values["trajectory"], values["stop"]["validation_rows"]])
        epochs = json.loads((job / "result.json").read_text(encoding="utf-8"))["epochs"]
        reached[key] = max(epochs, reached.get(key, 0))
    return len(jobs), sum(reached.values())


@pytest.mark.parametrize(
    ("models", "sections"),
    [
        ({"a": HALVING}, {}),
        ({"a": HALVING, "b": {"layers": "linear"}}, {"seeds": 2, "folds": 3}),
        ({"a": GRID}, {"seeds": 2}),
        ({"a": PHASES, "same": PHASES}, {"seeds": 3}),
        ({"a": PHASES}, {"folds": 2}),
    ],
    ids=["halving", "seeds and folds", "grid over epochs", "phases", "phases and folds"],
)
def test_jobs_and_epochs_are_those_of_the_run(models: dict[str, Any], sections: dict[str, Any], tmp_path: Path) -> None:
    """The final network trains as long as the folds kept, which nobody knows before: its epochs are at most."""
    found = checked(models, **sections)
    small_study(models=models, train=TRAINING, **sections).run(out=tmp_path, device="cpu", threads=1, progress=False)
    jobs, epochs = trained(tmp_path)
    assert found["jobs"] == jobs
    if sections.get("folds"):
        assert epochs <= found["epochs"] < epochs + 6
    else:
        assert found["epochs"] == epochs
    stored = sum(path.stat().st_size for path in (tmp_path / "jobs").rglob("*") if path.is_file())
    assert stored / 2 < found["disk_bytes"] < 2 * stored


def test_a_search_says_its_rungs_and_what_it_saves() -> None:
    """6 combinations: 6 to epoch 1, 3 to 2, 1 to 4; with 3 more epochs a promoted one goes on: 6 + 3 + 2 of 24."""
    found = checked({"a": HALVING})
    search = found["models"][0]["search"]
    assert search["trials"] == 6 and search["epochs"] == 11 and search["in_full"] == 24
    rungs = [{"trials": 6, "epochs": 1}, {"trials": 3, "epochs": 2}, {"trials": 1, "epochs": 4}]
    assert search["rungs"] == [rungs]
    said = " ".join(plan_sentences(found))
    assert (
        "a searches by halving: at most 6 trials and 11 epochs of 24: 6 to epoch 1, 3 to epoch 2, 1 to epoch 4." in said
    )


def test_a_grid_over_epochs_says_what_sharing_saves() -> None:
    """2 and 4 epochs of two batch sizes: two trajectories of 4 for 12 epochs asked for."""
    found = checked({"a": GRID})
    assert found["saved_epochs"] == 4 and found["models"][0]["trajectories"] == 2 and found["models"][0]["jobs"] == 4
    assert "which saves 4 epochs" in " ".join(plan_sentences(found))


def test_seeds_and_folds_are_multiplied() -> None:
    found = checked({"a": {"layers": "linear"}}, seeds=2, folds={"count": 3, "repeats": 2}, open_test="all")
    row = found["models"][0]
    assert (row["jobs"], row["seeds"], row["fold_networks"], row["all_epochs"]) == (14, 2, 12, 56)
    assert (found["final_networks"], found["jobs"], found["epochs"]) == (1, 15, 60)
    said = " ".join(plan_sentences(found))
    assert "2 seeds and 3 folds twice: 14 networks a model, and 1 network on all rows." in said


@pytest.mark.parametrize(("over", "seeds", "said"), [("seeds", 1, True), ("seeds", 2, False), (None, 1, False)])
def test_a_mean_over_one_seed_is_told(over: str | None, seeds: int, said: bool) -> None:
    found = checked({"a": {**HALVING, "search": {**HALVING["search"], "mean_over": over}}}, seeds=seeds)
    told = "a is searched by the mean over seeds, but the study has only one seed: the mean is one network"
    assert (told in " ".join(plan_sentences(found))) == said


@pytest.mark.parametrize(("seeds", "said"), [(1, True), (3, False)])
def test_a_curve_of_one_seed_is_told(seeds: int, said: bool) -> None:
    dense = {"layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}]}
    found = checked({"a": dense}, analyses=[{"curves": {"values": [2, 4], "seeds": seeds}}])
    assert ("One seed gives no spread and no comparisons." in " ".join(plan_sentences(found))) == said


def test_models_that_are_the_same_are_trained_once() -> None:
    found = checked({"a": {"layers": "linear"}, "b": {"layers": ["flatten"]}})
    assert found["jobs"] == 1 and found["epochs"] == 4 and [row["jobs"] for row in found["models"]] == [1, 1]


def test_a_limit_of_seconds_is_the_most_that_a_search_takes() -> None:
    endless = {**HALVING, "search": {"method": "random", "seconds": 0.01}}
    limited, free = checked({"a": endless}), checked({"a": {**HALVING, "search": {"method": "random", "trials": 6}}})
    assert limited["models"][0]["seconds"] < free["models"][0]["seconds"]
    assert limited["models"][0]["search"]["trials"] in (None, 6)


def test_feature_steps_are_priced() -> None:
    plain = {"layers": [{"dense": {"units": 4}}]}
    with_features = {**plain, "features": [{"pca": 0.9}]}
    rows = checked({"a": {"layers": ["flatten", {"dense": {"units": 4}}]}, "b": with_features})["models"]
    assert rows[1]["parameters"] < rows[0]["parameters"] and rows[1]["seconds"] > 0


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    json.dumps(checked({"a": HALVING, "b": GRID}, folds=2))
    assert list(tmp_path.iterdir()) == []


def test_packs_are_shared_among_processes_in_their_order() -> None:
    """Two workers take 3 and 1, then 2 goes to the second: 3 of 6 seconds. One worker takes all."""
    assert wall_share([3.0, 1.0, 2.0], 2) == 0.5
    assert wall_share([3.0, 1.0, 2.0], 1) == 1.0
    assert wall_share([6.0], 2) == 1.0 and wall_share([], 2) == 1.0


def test_the_notebooks_file_of_house_numbers_is_one_setting(tmp_path: Path) -> None:
    """One HDF5 file of grey numbers from 0 to 255; its X_val is both other parts. Study and networks stay."""
    images = np.random.default_rng(0).uniform(0, 255, (120, 32, 32)).astype(np.float32)
    labels = np.arange(120) % 10
    with h5py.File(tmp_path / "SVHN_single_grey1.h5", "w") as file:
        for name, rows in (("train", slice(80)), ("test", slice(80, None)), ("val", slice(None))):
            file[f"X_{name}"], file[f"y_{name}"] = images[rows], labels[rows]
    study = open_document("svhn-ann-cnn").study([f"data={tmp_path / 'SVHN_single_grey1.h5'}"])
    checked = check_study(study, Settings(device="cpu", threads=1))
    assert {role: number for role, number in checked["roles"].items() if number} == {
        "train": 64,
        "validation": 16,
        "test": 40,
    }
    assert any("X_val is not used" in remark for remark in checked["data"]["remarks"])
    assert [model["parameters"] for model in checked["models"]] == [68_010, 310_250, 267_306, 164_362]
