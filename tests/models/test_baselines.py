"""Protects floors: the numbers of scikit-learn, of the training rows alone, in bounded work, the same bits again."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

import snellen
from snellen.data.dataset import Dataset
from snellen.data.splits.stratified import stratified_sample
from snellen.models import baselines
from snellen.models.baselines import BASELINES, Fitted, fit, predict

DIGITS = load_digits()
PIXELS = DIGITS.images[..., None]
ROWS = np.arange(0, 1000)
OTHERS = np.arange(1000, 1797)
RANGES = {"stored as uint8": (0.0, 16.0), "floats below zero": (-1.0, 1.0), "floats": (0.0, 1.0)}

each_floor = pytest.mark.parametrize("name", BASELINES)


def digits(pixel_range: tuple[float, float] = (0.0, 16.0), classes: int = 10) -> Dataset:
    """The digits below `classes`, black and white at the ends of a range."""
    low, high = pixel_range
    kept = DIGITS.target < classes
    images = PIXELS[kept] / 16 * (high - low) + low
    return snellen.from_arrays(images, DIGITS.target[kept], pixel_range=pixel_range)


def flat(rows: np.ndarray) -> np.ndarray:
    """Digits as scikit-learn wants them: 0 is black and 1 is white."""
    return np.asarray((PIXELS[rows] / 16).reshape(len(rows), -1), np.float32)


def answered(name: str, dataset: Dataset, rows: np.ndarray, others: np.ndarray) -> tuple[Fitted, np.ndarray]:
    fitted = fit(name, dataset, rows)
    return fitted, predict(name, fitted.arrays, dataset, others)


def logistic(rounds: int = baselines.MAX_ROUNDS) -> LogisticRegression:
    return LogisticRegression(max_iter=rounds)


@pytest.mark.parametrize("pixel_range", RANGES.values(), ids=RANGES)
def test_numbers_are_those_of_scikit_learn(pixel_range: tuple[float, float]) -> None:
    dataset = digits(pixel_range)
    _, majority = answered("majority class", dataset, ROWS, OTHERS)
    dummy = DummyClassifier(strategy="prior").fit(flat(ROWS), DIGITS.target[ROWS])
    np.testing.assert_allclose(majority, dummy.predict_proba(flat(OTHERS)), rtol=1e-6)
    _, centroids = answered("nearest centroid", dataset, ROWS, OTHERS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*zero standard deviation")
        nearest = NearestCentroid().fit(flat(ROWS), DIGITS.target[ROWS])
    np.testing.assert_array_equal(centroids.argmax(1), nearest.predict(flat(OTHERS)))
    fitted, regression = answered("logistic regression", dataset, ROWS, OTHERS)
    model = logistic().fit(flat(ROWS), DIGITS.target[ROWS])
    np.testing.assert_allclose(regression, model.predict_proba(flat(OTHERS)), atol=5e-3)
    assert (regression.argmax(1) == model.predict(flat(OTHERS))).mean() > 0.995
    assert (fitted.images, fitted.converged) == (1000, True)


def test_distances_become_probabilities() -> None:
    """The softmax of the negative distances to the mean images, computed the long way."""
    fitted, probabilities = answered("nearest centroid", digits(), ROWS, OTHERS)
    means = np.stack([flat(ROWS)[DIGITS.target[ROWS] == each].mean(0) for each in range(10)])
    weights = np.exp(-np.linalg.norm(flat(OTHERS)[:, None] - means, axis=2))
    np.testing.assert_allclose(probabilities, weights / weights.sum(1, keepdims=True), rtol=1e-4)
    assert fitted.parameters == 640


@each_floor
def test_rows_are_probabilities_and_the_same_bits_again(name: str) -> None:
    dataset = digits()
    first, probabilities = answered(name, dataset, ROWS, OTHERS)
    again, repeated = answered(name, dataset, ROWS, OTHERS)
    assert probabilities.dtype == np.float32 and probabilities.shape == (len(OTHERS), 10)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert probabilities.tobytes() == repeated.tobytes()
    assert {key: array.tobytes() for key, array in first.arrays.items()} == {
        key: array.tobytes() for key, array in again.arrays.items()
    }


@each_floor
def test_other_rows_have_no_say(name: str) -> None:
    """Test labels may be sealed, and any other image may change."""
    dataset = digits()
    sealed = dataset.without_labels(OTHERS)
    sealed.images.flags.writeable = True
    sealed.images[OTHERS] = 16
    first, second = fit(name, digits(), ROWS), fit(name, sealed, ROWS)
    assert all((first.arrays[key] == second.arrays[key]).all() for key in first.arrays)


@each_floor
def test_two_classes(name: str) -> None:
    dataset = digits(classes=2)
    _, probabilities = answered(name, dataset, np.arange(200), np.arange(200, len(dataset)))
    assert probabilities.shape == (len(dataset) - 200, 2)
    if name == "logistic regression":
        kept = np.flatnonzero(DIGITS.target < 2)
        model = logistic().fit(flat(kept[:200]), DIGITS.target[kept[:200]])
        np.testing.assert_allclose(probabilities, model.predict_proba(flat(kept[200:])), atol=5e-3)


@each_floor
def test_a_class_with_one_image(name: str) -> None:
    rows = np.concatenate([np.flatnonzero(DIGITS.target != 3)[:300], np.flatnonzero(DIGITS.target == 3)[:1]])
    _, probabilities = answered(name, digits(), rows, OTHERS)
    assert probabilities.shape == (len(OTHERS), 10) and np.isfinite(probabilities).all()


@each_floor
@pytest.mark.parametrize("absent", [(3,), tuple(range(2, 10)), tuple(range(1, 10))])
def test_a_class_without_a_image_is_never_answered(name: str, absent: tuple[int, ...]) -> None:
    """The classes that are there are answered as without it: nine of them, two, or one."""
    rows = np.flatnonzero(~np.isin(DIGITS.target, absent))[:300]
    fitted, probabilities = answered(name, digits(), rows, OTHERS)
    assert all(array.dtype == np.float32 for key, array in fitted.arrays.items() if key in ("kernel", "bias"))
    assert probabilities.shape == (len(OTHERS), 10) and (probabilities[:, absent] == 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    if name == "logistic regression" and len(absent) < 9:
        model = logistic().fit(flat(rows), DIGITS.target[rows])
        present = np.setdiff1d(np.arange(10), absent)
        np.testing.assert_allclose(probabilities[:, present], model.predict_proba(flat(OTHERS)), atol=5e-3)


@each_floor
def test_images_that_are_all_one_image(name: str) -> None:
    dataset = snellen.from_arrays(np.full((40, 6, 6), 7, np.uint8), np.arange(40) % 2)
    _, probabilities = answered(name, dataset, np.arange(30), np.arange(30, 40))
    np.testing.assert_allclose(probabilities, 0.5)


def test_a_large_set_is_sampled_and_its_rounds_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that is cut off says so in its result, and in no warning: pytest makes every warning an error."""
    monkeypatch.setattr(baselines, "WORK", 64 * 10 * 215)
    monkeypatch.setattr(baselines, "ROUNDS", 20)
    fitted = fit("logistic regression", digits(), ROWS)
    assert (fitted.images, fitted.rounds, fitted.converged) == (210, 20, False)
    drawn = stratified_sample(DIGITS.target[ROWS], 210, baselines.SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = logistic(20).fit(flat(drawn), DIGITS.target[drawn])
    np.testing.assert_allclose(fitted.arrays["kernel"], model.coef_, atol=5e-3)
    monkeypatch.setattr(baselines, "WORK", 1)
    least = fit("logistic regression", digits(), ROWS)
    assert (least.images, least.rounds) == (20, baselines.MIN_ROUNDS)


@pytest.mark.parametrize("shape", [(33, 33, 3), (64, 48, 1), (100, 40, 2), (3, 100, 1)])
def test_large_images_are_averaged_in_squares(shape: tuple[int, int, int]) -> None:
    """Against Pillow's reduction by a whole factor, which also averages boxes."""
    from PIL import Image

    height, width, channels = shape
    pixels = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    reduced = baselines._reduced(pixels)
    factor = min(-(-max(height, width) // 32), height, width)
    assert reduced.shape == (2, height // factor, width // factor, channels)
    whole = pixels[1, : height // factor * factor, : width // factor * factor, 0]
    np.testing.assert_allclose(reduced[1, :, :, 0], np.asarray(Image.fromarray(whole).reduce(factor)), rtol=1e-5)
    unchanged = np.zeros((2, 32, 28, 1), np.float32)
    assert baselines._reduced(unchanged) is unchanged


def test_stratified_places() -> None:
    labels = np.array([0] * 600 + [1] * 300 + [2] * 99 + [3])
    drawn = stratified_sample(labels, 101, 0)
    assert np.abs(np.bincount(labels[drawn]) - [60, 30, 10, 1]).max() <= 1
    assert (np.diff(drawn) > 0).all() and len(drawn) == 101
    assert set(labels[stratified_sample(labels, 4, 0)]) == {0, 1, 2, 3}
    assert (stratified_sample(labels, 101, 0) == drawn).all() and (stratified_sample(labels, 101, 1) != drawn).any()
    np.testing.assert_array_equal(stratified_sample(labels, 5000, 0), np.arange(1000))
