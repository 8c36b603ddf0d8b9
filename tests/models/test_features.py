"""Protects feature steps: fitted to the training rows alone, equal to scikit-learn's, carried by the bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler

import snellen
from snellen.api import Run, Study
from snellen.errors import ShapeError
from snellen.models.build import assemble
from snellen.models.features import FEATURES, AnyFeature, Feature, Pca, WhitenPatches
from snellen.models.fit import fit
from snellen.models.importances import IMPORTANCES
from snellen.models.layer import Step
from snellen.models.layers import Dense, Flatten

DIGITS = load_digits()
IMAGES = DIGITS.images.astype(np.uint8)[..., None]
LABELS = DIGITS.target.astype(np.int64)
X = IMAGES[:600].astype(np.float32) / 16
WRITTEN: dict[str, list[Any]] = {
    "standardise": ["standardise"],
    "pca": [{"pca": 12}],
    "whiten": ["whiten", {"whiten": 0.1}],
    "top_pixels": [{"top_pixels": {"count": 9, "by": name}} for name in IMPORTANCES],
    "whiten_patches": [
        {"whiten_patches": {"kernel": 2, "keep": 4}},
        {"whiten_patches": {"kernel": 3, "keep": 5, "strides": 2, "padding": "same"}},
    ],
}

each_step = pytest.mark.parametrize("written", [each for kind in FEATURES for each in WRITTEN[kind]], ids=str)


def parse(written: Any) -> Feature:
    step: Feature = TypeAdapter(AnyFeature).validate_python(written)
    return step


def applied(step: Feature, x: np.ndarray, *states: dict[str, np.ndarray]) -> np.ndarray:
    """The output (L, n, ...) for the same images in a lane for each state."""
    tensors = {name: torch.tensor(np.stack([state[name] for state in states])).float() for name in states[0]}
    return step.apply({}, tensors, torch.from_numpy(np.stack([x] * len(states))), Step("evaluate"))[0].numpy()


def fitted(written: Any, x: np.ndarray = X, rows: int = 600) -> tuple[Feature, np.ndarray]:
    step = parse(written)
    return step, applied(step, x, step.fit(x[:rows], LABELS[:rows], 0))[0]


@each_step
def test_shapes_are_as_said_and_json_comes_back(written: Any) -> None:
    step, y = fitted(written)
    assert y.shape == (600, *step.output_shape((8, 8, 1)))
    state = step.fit(X, LABELS[:600], 0)
    assert {name: value.shape for name, value in state.items()} == step.state_shapes((8, 8, 1))
    assert parse(step.model_dump(mode="json")) == step
    assert all(np.isfinite(value).all() for value in state.values())


@each_step
def test_lanes_do_not_mix_and_a_repeat_is_the_same(written: Any) -> None:
    step = parse(written)
    states = [step.fit(X[start:], LABELS[start:600], 0) for start in (0, 200)]
    both = applied(step, X[:50], *states)
    for lane, state in enumerate(states):
        np.testing.assert_allclose(both[lane], applied(step, X[:50], state)[0], rtol=1e-5, atol=1e-6)
    again = step.fit(X, LABELS[:600], 0)
    assert all((again[name] == states[0][name]).all() for name in again)


def test_pca_is_scikit_learns() -> None:
    _, y = fitted({"pca": 12})
    expected = PCA(12, svd_solver="full").fit_transform(X.reshape(600, -1).astype(np.float64))
    np.testing.assert_allclose(np.abs(y), np.abs(expected), atol=1e-4)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_share_of_variance_becomes_a_number_of_components(share: float) -> None:
    ratio = PCA(svd_solver="full").fit(X.reshape(600, -1)).explained_variance_ratio_
    step = Pca(keep=share)
    assert not step.is_resolved
    assert step.resolved(X) == Pca(keep=int(np.searchsorted(np.cumsum(ratio), share)) + 1)
    with pytest.raises(ShapeError, match="not known before the data"):
        step.output_shape((8, 8, 1))


def test_standardise_is_scikit_learns() -> None:
    _, y = fitted("standardise")
    np.testing.assert_allclose(y.reshape(600, -1), StandardScaler().fit_transform(X.reshape(600, -1)), atol=1e-4)


def test_whitened_values_are_uncorrelated_and_look_like_the_image() -> None:
    _, y = fitted({"whiten": 1e-6}, X + np.random.default_rng(0).normal(0, 0.1, X.shape).astype(np.float32))
    covariance = np.cov(y.reshape(600, -1).T)
    np.testing.assert_allclose(covariance, np.eye(64), atol=0.01)
    correlation = np.corrcoef(y.ravel(), X.ravel())[0, 1]
    assert correlation > 0.3


def patches(x: np.ndarray, side: int) -> np.ndarray:
    """Those side by side, row by row, cut out one at a time."""
    places = [(row, column) for row in range(0, x.shape[1], side) for column in range(0, x.shape[2], side)]
    return np.concatenate([x[:, r : r + side, c : c + side].reshape(len(x), -1) for r, c in places])


def test_whitened_patches_are_their_principal_components_with_variance_one_and_their_negatives() -> None:
    """With strides as long as patches, the patches it was fitted to are those it sees."""
    images = np.random.default_rng(0).random((600, 8, 8, 2)).astype(np.float32) ** 2 + X.mean(-1, keepdims=True)
    step = parse({"whiten_patches": {"kernel": 2, "keep": 6, "strides": 2, "epsilon": 1e-9}})
    y = applied(step, images, step.fit(images, LABELS[:600], 0))[0]
    assert y.shape == (600, 4, 4, 12)
    np.testing.assert_array_equal(y[..., 6:], -y[..., :6])
    found = y.transpose(1, 2, 0, 3).reshape(-1, 12)[:, :6]
    np.testing.assert_allclose(np.cov(found.T), np.eye(6), atol=1e-3)
    expected = PCA(6, whiten=True, svd_solver="full").fit_transform(patches(images, 2).astype(np.float64))
    correlation = np.corrcoef(found.T, expected.T)[:6, 6:]
    np.testing.assert_allclose(np.abs(correlation), np.eye(6), atol=1e-3)


def test_noise_of_patches_is_not_blown_up() -> None:
    """epsilon is a share of the mean variance: all components of constant patches but the first stay small."""
    images = np.repeat(np.repeat(X[:, ::2, ::2], 2, 1), 2, 2)
    step = parse({"whiten_patches": {"kernel": 2, "keep": 4, "strides": 2, "epsilon": 0.01}})
    y = applied(step, images, step.fit(images, LABELS[:600], 0))[0]
    assert y[..., 0].std() == pytest.approx(1, abs=0.01) and np.abs(y[..., 1:4]).max() < 1e-4


def test_patches_of_same_padding_see_the_mean_beyond_the_edge() -> None:
    step = parse({"whiten_patches": {"kernel": 3, "keep": 2, "padding": "same"}})
    flat = np.full((4, 8, 8, 1), X.mean(), np.float32)
    state = step.fit(X, LABELS[:600], 0)
    np.testing.assert_allclose(applied(step, flat, state), 0, atol=1e-5)


def test_no_more_components_than_values_of_a_patch() -> None:
    with pytest.raises(ShapeError, match="more components than values of a patch; found 5; expected at most 4"):
        parse({"whiten_patches": {"kernel": 2, "keep": 5}}).output_shape((8, 8, 1))


def test_a_step_that_needs_few_images_sees_them_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a step beside it that needs all sees all."""
    seen: list[np.ndarray] = []
    fit_patches = WhitenPatches.fit
    monkeypatch.setattr(WhitenPatches, "enough", 30)

    def noted(own: WhitenPatches, x: Any, *rest: Any) -> Any:
        seen.append(x)
        return fit_patches(own, x, *rest)

    monkeypatch.setattr(WhitenPatches, "fit", noted)
    written = {"whiten_patches": {"kernel": 2, "keep": 3}}
    for layers in ([parse(written)], [parse("standardise"), parse(written)]):
        fit(assemble([*layers, Flatten(), Dense(units=10)], (8, 8, 1), 10), IMAGES[:300], LABELS[:300], (0, 16), 0)
    np.testing.assert_array_equal(seen[0], IMAGES[np.linspace(0, 299, 30).round().astype(int)] / np.float32(16))
    assert len(seen[1]) == 300


def test_top_pixels_are_the_forests_in_order() -> None:
    _, y = fitted({"top_pixels": 9})
    forest = RandomForestClassifier(100, random_state=0).fit(X.reshape(600, -1), LABELS[:600])
    best = np.argsort(-forest.feature_importances_, kind="stable")[:9]
    np.testing.assert_array_equal(y, X.reshape(600, -1)[:, best])


@pytest.mark.parametrize("name", IMPORTANCES)
def test_importances_see_the_pixel_that_tells(name: str) -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 3, 400)
    values = generator.random((400, 6)).astype(np.float32)
    values[:, 4] = labels / 2
    values[:, 0] = 0.5
    importance = IMPORTANCES[name](values, labels, 0)
    assert importance.shape == (6,) and importance.min() >= 0 and importance[0] < importance[4] == importance.max()


def test_steps_are_fitted_one_after_another_by_the_training_rows_alone() -> None:
    layers = [parse("standardise"), parse({"pca": 5}), Flatten(), Dense(units=10)]
    network = assemble(layers, (8, 8, 1), 10)
    state = fit(network, IMAGES[:300], LABELS[:300], (0, 16), 0)
    standard = StandardScaler().fit_transform(IMAGES[:300].reshape(300, -1) / 16)
    expected = PCA(5, svd_solver="full").fit(standard).explained_variance_
    projected = (standard - state["pca_1.mean"][0]) @ state["pca_1.components"][0]
    np.testing.assert_allclose(projected.var(0, ddof=1), expected, rtol=1e-3)
    assert network.parameter_count == 5 * 10 + 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with steps that only the data resolve."""
    models = {
        "components": {"features": [{"pca": 0.9}], "layers": [{"dense": 16}, "relu"]},
        "pixels": {"features": [{"top_pixels": {"count": 20, "by": "anova"}}], "layers": [{"dense": 16}]},
    }
    data = snellen.from_arrays(IMAGES[:400], LABELS[:400], pixel_range=(0, 16))
    study = Study("features", data=data, models=models, train={"epochs": 2})
    return study.run(out=tmp_path_factory.mktemp("features") / "run", progress=False)


def test_the_bundle_carries_what_was_fitted(run: Run) -> None:
    for name in ("components", "pixels"):
        stored = run.predictions(name, "validation")
        assert stored is not None
        np.testing.assert_array_equal(run.model(name).predict(IMAGES[stored.rows]), stored.probabilities)


def test_other_rows_have_no_say(run: Run, tmp_path: Path) -> None:
    """Images of validation and test are replaced by noise: the fitted numbers and the job of the weights stay."""
    torch.set_flush_denormal(True)  # as in the run
    rows = run.predictions("components", "train")
    assert rows is not None
    network = run.model("components").network
    changed = np.random.default_rng(0).integers(0, 17, IMAGES[:400].shape).astype(np.uint8)
    changed[rows.rows] = IMAGES[rows.rows]
    state = fit(network, changed[rows.rows], LABELS[rows.rows], (0, 16), 0)
    for name, value in state.items():
        np.testing.assert_array_equal(run.model("components").state[name].numpy(), value.astype(np.float32))


def test_mnist_keeps_154_components_and_the_counts_of_the_notebook() -> None:
    network = assemble([Pca(keep=154), Flatten(), Dense(units=85), Dense(units=10)], (28, 28, 1), 10)
    assert network.parameter_count == 14_035
    pixels = assemble([parse({"top_pixels": 70}), Flatten(), Dense(units=85), Dense(units=10)], (28, 28, 1), 10)
    assert pixels.parameter_count == 6_895
