"""Protects ImageClassifier: the contract of scikit-learn, bits of the engine, pickles, errors."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import snellen
from snellen.data.splits.split_data import RoleRows
from snellen.errors import BundleError, DataError, StudyError
from snellen.estimator import classifier
from snellen.estimator.fitted import dataset_of
from snellen.estimator.recipe import TRAIN_KEYS, recipe_of
from snellen.files.atomic import write_json
from snellen.study.jobs import Collector, add_jobs
from snellen.study.train_section import Train
from snellen.train.batches import ResidentData
from snellen.train.environment import PackEnvironment, current_environment
from snellen.train.run_context import RunContext
from snellen.train.store_results import predict_role
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

ImageClassifier = snellen.ImageClassifier
BUNCH = load_digits()
IMAGES = (BUNCH.images[:200] * 15).astype(np.uint8)
LABELS = BUNCH.target[:200]
CNN = [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"]


@parametrize_with_checks([ImageClassifier()])  # type: ignore[untyped-decorator]
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    """No check is expected to fail."""
    check(estimator)


def test_the_arguments_are_the_keys_of_a_study() -> None:
    missing = set(Train.model_fields) - set(TRAIN_KEYS)
    assert missing == {"continue_", "unfreeze"} and set(TRAIN_KEYS) <= set(ImageClassifier().get_params())


def engine_probabilities(run: Path, estimator: Any, train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """What the engine stores for held-out rows: train_pack with its record, its folder and its stored weights."""
    classes, codes = np.unique(LABELS, return_inverse=True)
    dataset = dataset_of(IMAGES[..., None], codes, classes, (0.0, 255.0))
    rows, collected = RoleRows.of(dataset, {"train": train, "validation": train[:0]}), Collector()
    add_jobs(recipe_of(estimator.get_params()).model, dataset, rows, [estimator.random_state], collected)
    [[lane]] = collected.stages()
    found = current_environment("cpu", 1, {})
    environment = PackEnvironment(device="cpu", threads=1, torch=found["torch"], processor=found["processor"])
    write_json(run / "environment.json", dict(found))
    material = ResidentData(torch.from_numpy(dataset.images), torch.from_numpy(dataset.labels))
    context = RunContext(run, dataset, material, environment)
    train_pack([lane], context, Silent())
    return predict_role("held_out", held_out, lane.ids[0], context).probabilities


def test_cross_val_predict_has_the_bits_of_the_engine(tmp_path: Path) -> None:
    estimator = ImageClassifier(CNN, epochs=3, random_state=7, device="cpu", threads=1)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    found = cross_val_predict(estimator, IMAGES, LABELS, cv=folds, method="predict_proba")
    for number, (train, held_out) in enumerate(folds.split(IMAGES, LABELS)):
        expected = engine_probabilities(tmp_path / str(number), estimator, train, held_out)
        assert found[held_out].tobytes() == expected.astype(found.dtype).tobytes()


def test_images_flat_rows_and_layouts_give_the_same_model() -> None:
    estimator = ImageClassifier(CNN, epochs=1)
    expected = estimator.fit(IMAGES, LABELS).predict_proba(IMAGES)
    reversed_twice, read_only = IMAGES[:, ::-1, ::-1][:, ::-1, ::-1], IMAGES.copy()
    read_only.flags.writeable = False
    for other in (
        IMAGES[..., None],
        IMAGES.astype(float),
        np.asfortranarray(IMAGES),
        reversed_twice,
        read_only,
        IMAGES.tolist(),
    ):
        assert np.array_equal(clone(estimator).fit(other, LABELS).predict_proba(other), expected)
    flat = clone(estimator).set_params(image_shape=(8, 8)).fit(IMAGES.reshape(200, -1), LABELS)
    assert np.array_equal(flat.predict_proba(IMAGES.reshape(200, -1)), expected)
    assert flat.n_features_in_ == estimator.n_features_in_ == 64


@pytest.mark.parametrize("labels", [LABELS.astype(str), LABELS.astype(str).astype(object), LABELS % 2 == 0, LABELS - 4])
def test_labels_of_any_type(labels: np.ndarray) -> None:
    fitted = ImageClassifier(CNN, epochs=1).fit(IMAGES, labels)
    assert np.array_equal(fitted.classes_, np.unique(labels)) and set(fitted.predict(IMAGES)) <= set(labels)


def test_pipeline_and_grid_search_in_two_processes() -> None:
    steps = make_pipeline(FunctionTransformer(), ImageClassifier(CNN, epochs=1))
    search = GridSearchCV(steps, {"imageclassifier__learning_rate": np.logspace(-4, -2, 2)}, cv=2, n_jobs=2)
    assert 0 < search.fit(IMAGES, LABELS).best_score_ <= 1


def test_a_pickle_holds_the_bundle_and_answers_alike() -> None:
    fitted = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS)
    content = pickle.dumps(fitted)
    assert fitted.__getstate__()["bundle"]["model.safetensors"] in content
    assert IMAGES[:2].tobytes() not in content and b"torch._utils" not in content
    loaded = pickle.loads(content)
    assert np.array_equal(loaded.predict_proba(IMAGES), fitted.predict_proba(IMAGES))
    assert loaded.history_ == fitted.history_
    with pytest.raises(StudyError, match="training images"):
        loaded.report()


def test_a_changed_state_is_refused() -> None:
    state = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS).__getstate__()
    weights = bytearray(state["bundle"]["model.safetensors"])
    weights[-1] ^= 1
    changed = [
        {**state, "bundle": {**state["bundle"], "model.safetensors": bytes(weights)}},
        {**state, "bundle": {"model.json": b"{}"}},
        {**state, "parameters": {}},
        {**state, "facts": {**state["facts"], "classes_": np.arange(9)}},
        {},
        None,
    ]
    for each in changed:
        with pytest.raises(BundleError):
            ImageClassifier.__new__(ImageClassifier).__setstate__(each)


def test_saved_it_is_an_ordinary_bundle(tmp_path: Path) -> None:
    fitted = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS)
    fitted.save(tmp_path / "model")
    assert np.array_equal(
        snellen.load_bundle(tmp_path / "model").predict(IMAGES, raw=True), fitted.predict_proba(IMAGES)
    )


def test_a_fit_with_validation_keeps_the_best_epoch() -> None:
    fitted = ImageClassifier(CNN, epochs=4, validation=0.25, patience=2).fit(IMAGES, LABELS)
    assert [row["epoch"] for row in fitted.history_] == list(range(1, len(fitted.history_) + 1))
    assert all(row["validation_loss"] is not None for row in fitted.history_)


def test_verbose_prints_a_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    ImageClassifier(CNN, epochs=2, verbose=True).fit(IMAGES, LABELS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"] and all(" loss " in line for line in lines)


def test_phases_of_a_study_go_on() -> None:
    study = {"models": {"two": {"layers": CNN, "train": [{"epochs": 2}, {"epochs": 1, "continue": "last"}]}}}
    fitted = ImageClassifier(study).fit(IMAGES, LABELS)
    assert [(row["epoch"], row["phase"]) for row in fitted.history_] == [(1, 1), (2, 1), (3, 2)]
    once = ImageClassifier(CNN, epochs=3).fit(IMAGES, LABELS)
    assert np.allclose(fitted.predict_proba(IMAGES), once.predict_proba(IMAGES), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "lenet5"}, "lenet-5"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"image_shape": (8, 0)}, "image_shape"),
        ({"pixel_range": (1, 0)}, "pixel_range"),
        ({"patience": 2}, "validation=0.1"),
        ({"model": 3}, "bad `model`"),
        ({"model": {"models": {"a": {"layers": CNN}, "b": {"layers": CNN}}}}, "one model"),
        ({"class_weights": {11: 2.0}}, "class_weights"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_a_wrong_argument_is_one_sentence(arguments: dict[str, Any], message: str) -> None:
    estimator = ImageClassifier(**{"model": CNN, **arguments})
    with pytest.raises(ValueError, match=message):
        estimator.fit(IMAGES, LABELS)
    with pytest.raises(NotFittedError):
        estimator.predict(IMAGES)


def test_what_is_not_certain_is_asked() -> None:
    flat = IMAGES.reshape(200, -1)
    with pytest.raises(DataError, match=r"image_shape=\(8, 8\)"):
        ImageClassifier().fit(flat, LABELS)
    with pytest.raises(DataError, match=r"pixel_range=\(0, 16\)"):
        ImageClassifier(CNN).fit(BUNCH.images[:200], LABELS)
    with pytest.raises(StudyError, match="image_shape"):
        ImageClassifier(CNN, pixel_range=(0, 255)).fit(flat, LABELS)
    with pytest.raises(DataError, match="classes"):
        ImageClassifier(CNN).fit(IMAGES, np.zeros(200))
    with pytest.raises(ValueError, match="NaN"):
        ImageClassifier(CNN).fit(np.where(IMAGES > 100, np.nan, IMAGES), LABELS)


def test_predict_refuses_other_shapes_and_scales() -> None:
    fitted = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS)
    with pytest.raises(DataError, match="another shape"):
        fitted.predict(np.zeros((2, 9, 9), np.uint8))
    with pytest.raises(DataError, match="another scale"):
        fitted.predict(IMAGES / 255)


def test_an_interrupted_fit_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, threads = ImageClassifier(CNN, epochs=3).fit(IMAGES, LABELS), torch.get_num_threads()

    def interrupt(row: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(classifier, "_print_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted.set_params(verbose=True).fit(IMAGES, LABELS)
    assert torch.get_num_threads() == threads
    with pytest.raises(NotFittedError):
        fitted.predict(IMAGES)


def test_threads_predict_the_same_bits() -> None:
    fitted = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: fitted.predict_proba(IMAGES).tobytes(), range(12)))
    assert set(answers) == {fitted.predict_proba(IMAGES).tobytes()}


def test_the_report_trains_the_job_of_the_fit(tmp_path: Path) -> None:
    fitted = ImageClassifier(CNN, epochs=2, validation=0.25, threads=1).fit(IMAGES, LABELS)
    run = fitted.report(out=tmp_path / "run")
    assert fitted._fit_of is not None
    assert run.report.is_file() and run.record.planned["model"].job == fitted._fit_of.job
    assert np.array_equal(run.model().predict(IMAGES, raw=True), fitted.predict_proba(IMAGES))


def test_the_report_of_a_fit_on_all_rows_divides_them(tmp_path: Path) -> None:
    run = ImageClassifier(CNN, epochs=1).fit(IMAGES, LABELS).report(out=tmp_path / "run")
    assert run.report.is_file()
