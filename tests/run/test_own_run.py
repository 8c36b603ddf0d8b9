"""Protects what is known of a model's own run: which images are its own, whatever their type, and which run it is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import blobs, small_study
from sklearn.datasets import load_digits

import snellen
from snellen.api import Run
from snellen.errors import DataError, IdentityError, RunError
from snellen.run.own_run import OwnRun, find_copies

OWN = np.random.default_rng(0).integers(0, 255, (40, 5, 5, 1), dtype=np.uint8)
ROWS = {"train": np.arange(20), "validation": np.arange(20, 25), "calibration": np.arange(0), "test": np.arange(25, 40)}


@pytest.mark.parametrize("kinds", [(np.uint8, np.uint8), (np.float32, np.uint8), (np.uint8, np.float32)])
def test_exact_copies_are_found_whatever_their_type(kinds: tuple[type, type]) -> None:
    images: np.ndarray = np.concatenate([OWN[[3, 3, 22, 39, 25]], OWN[:2] ^ 1]).astype(kinds[0])
    found = find_copies(images, OWN.astype(kinds[1]), ROWS)
    assert found.role_N.tolist() == ["train", "train", "validation", "test", "test", "", ""]
    assert found.test_place_N.tolist() == [-1, -1, -1, 14, 0, -1, -1]
    assert found.counts() == {"train": 2, "validation": 1, "test": 2}


def test_minus_zero_is_zero_and_rows_in_no_role_are_none() -> None:
    images = np.zeros((1, 5, 5, 1), np.float32)
    assert find_copies(-images, images, {"train": np.array([0])}).role_N.tolist() == ["train"]
    assert find_copies(OWN[:1], OWN, {**ROWS, "train": np.arange(1, 20)}).role_N.tolist() == [""]


def test_the_run_is_that_of_the_model(small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = OwnRun.of(small_run.folder, small_run.model())
    assert chosen is not None and chosen.model == small_run.chosen and chosen.test is not None
    linear = OwnRun.of(small_run.folder / "models/linear", small_run.model("linear"))
    assert linear is not None and linear.model == "linear" and linear.test is None  # its test was not opened
    monkeypatch.chdir(small_run.folder / "models/linear")
    assert OwnRun.of(Path(), small_run.model("linear")) is not None
    bundle = Path(shutil.copytree(small_run.folder / "models/linear", tmp_path / "models/linear"))
    assert OwnRun.of(bundle, small_run.model("linear")) is None


def test_a_run_that_was_trained_again_is_another(run_copy: Path, small_run: Run) -> None:
    model = small_run.model("linear")
    assert OwnRun.of(run_copy, model) is not None
    other = replace(model, description=model.description.model_copy(update={"job": "0" * 16}))
    assert OwnRun.of(run_copy, other) is None


def test_images_of_a_run_of_arrays_are_given_or_not_known(tmp_path: Path) -> None:
    images, labels = blobs(120)
    data, models = snellen.from_arrays(images, labels), {"linear": {"layers": "linear"}}
    study = small_study(data=data, models=models, split={"test": 0.25, "validation": 0.2})
    run = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    model = run.model()
    own, given = OwnRun.of(run.folder, model), OwnRun.of(run.folder, model, study.dataset)
    assert own is not None and given is not None
    with pytest.raises(DataError):
        own.copies(images[..., None], None)
    assert sum(given.copies(images[..., None], None).counts().values()) == 120
    with pytest.raises(RunError, match="were changed"):
        other = snellen.from_arrays(images[::-1], labels)
        OwnRun(own.record, own.model, other).copies(images[..., None], None)


def test_digits_are_all_of_the_run(small_run: Run) -> None:
    own = OwnRun.of(small_run.folder, small_run.model())
    assert own is not None
    found = own.copies(load_digits().images.astype(np.uint8)[..., None], None)
    stored = {role: small_run.predictions("linear", role) for role in ("train", "validation", "calibration")}
    assert found.counts() == {**{role: len(one) for role, one in stored.items() if one is not None}, "test": 449}


def test_changed_answers_on_the_test_are_refused(run_copy: Path, small_run: Run) -> None:
    own = OwnRun.of(run_copy, small_run.model())
    assert own is not None
    path = own.record.folder_of(own.record.planned[own.model].shipped).predictions_path("test")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IdentityError, match="changed after it was written"):
        assert own.test
