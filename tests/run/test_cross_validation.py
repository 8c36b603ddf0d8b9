"""Protects cross-validation from end to end: it agrees with scikit-learn on the same splits, finds nothing in labels
that mean nothing, and fits everything inside the fold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

import snellen
from snellen.evaluate.record import RunRecord
from snellen.files import tensors

DIGITS = load_digits()
IMAGES = DIGITS.images[:600].astype(np.uint8)
LABELS = DIGITS.target[:600]
FOLDS = 5


def cross_validated(folder: Path, images: np.ndarray, labels: np.ndarray, **model: Any) -> RunRecord:
    data = snellen.from_arrays(images, labels, pixel_range=(0, 16))
    study = snellen.Study(
        "folds", data=data, models={"m": model}, folds=FOLDS, split={"test": 60, "validation": 60, "seed": 2}
    )
    study.run(out=folder, device="cpu", threads=1, progress=False)
    return RunRecord.open(folder)


def rows_of(record: RunRecord, role: str) -> list[np.ndarray]:
    """The rows of a role in each fold."""
    found = [record.folder_of(fold.job).read_predictions(role) for fold in record.planned["m"].folds]
    return [each.rows for each in found if each is not None]


def fold_accuracies(record: RunRecord) -> list[float]:
    found = [record.folder_of(fold.job).read_predictions("held_out") for fold in record.planned["m"].folds]
    return [float((each.predicted == each.labels).mean()) for each in found if each is not None]


def test_as_scikit_learn_on_the_same_splits(tmp_path: Path) -> None:
    """Logistic regression, by gradient steps and by L-BFGS: each fold within three images of its 108."""
    train = {"learning_rate": 0.03, "epochs": 60, "batch_size": 32, "measure": "loss"}
    record = cross_validated(tmp_path, IMAGES, LABELS, layers="linear", train=train)
    splits = list(zip(rows_of(record, "train"), rows_of(record, "held_out"), strict=True))
    pixels = IMAGES.reshape(len(IMAGES), -1) / 16
    theirs = cross_val_score(LogisticRegression(C=10, max_iter=2_000), pixels, LABELS, cv=splits)
    ours = fold_accuracies(record)
    assert len(ours) == FOLDS and np.mean(ours) > 0.9
    np.testing.assert_allclose(ours, theirs, atol=3.01 / 108)
    assert np.mean(ours) == pytest.approx(theirs.mean(), abs=0.015)


def test_labels_that_mean_nothing_are_not_found_out(tmp_path: Path) -> None:
    """Permuted labels: out of the folds, accuracy is that of chance within three standard errors."""
    permuted = np.random.default_rng(0).permutation(LABELS)
    train = {"learning_rate": 0.01, "epochs": 8, "batch_size": 32}
    layers = ["flatten", {"dense": {"units": 32, "activation": "relu"}}]
    record = cross_validated(tmp_path, IMAGES, permuted, layers=layers, train=train)
    images = sum(len(rows) for rows in rows_of(record, "held_out"))
    chance = (np.bincount(permuted) / len(permuted)) @ np.full(10, 0.1)
    accuracy = float(np.mean(fold_accuracies(record)))
    assert images == 540 and abs(accuracy - chance) < 3 * np.sqrt(chance * (1 - chance) / images)


def test_feature_steps_are_fitted_inside_the_fold(tmp_path: Path) -> None:
    """The mean and components of each fold are those of its own training rows, not of all."""
    train = {"epochs": 1, "batch_size": 64}
    record = cross_validated(tmp_path, IMAGES, LABELS, features=[{"pca": 5}], layers="linear", train=train)
    pixels = IMAGES.reshape(len(IMAGES), -1) / 16
    means = []
    for fold, rows in zip(record.planned["m"].folds, rows_of(record, "train"), strict=True):
        stored = tensors.load(record.folder_of(fold.job).weights)[0]
        expected = PCA(5).fit(pixels[rows])
        (mean,) = (value for name, value in stored.items() if name.startswith("pca_1") and "mean" in name)
        np.testing.assert_allclose(mean.ravel(), expected.mean_, atol=1e-5)
        (components,) = (v for name, v in stored.items() if name.startswith("pca_1") and "component" in name)
        matrix = components.reshape(-1, components.shape[-1])
        matrix = matrix if matrix.shape[0] == 5 else matrix.T
        np.testing.assert_allclose(np.abs(matrix @ expected.components_.T), np.eye(5), atol=1e-3)
        means.append(mean.ravel())
    assert all(np.abs(one - means[0]).max() > 1e-3 for one in means[1:]), "folds are not fitted to the same rows"


def test_seeds_of_a_fold_share_its_rows(tmp_path: Path) -> None:
    folder = runs.run_small(tmp_path / "run", models={"m": {"layers": "linear"}}, folds=3, seeds=2).folder
    record = RunRecord.open(folder)
    held_out = rows_of(record, "held_out")
    for first, second in zip(held_out[::2], held_out[1::2]):
        np.testing.assert_array_equal(first, second)
