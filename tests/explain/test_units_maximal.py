"""Protects the images that drive units: the constraints hold, the closed form is the maximum, ascent reaches it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from unit_cases import noise, subject

from snellen.explain.units.activation_maximisation import (
    by_ascent,
    by_weights,
    heaviest,
    maximal,
    objective,
    project,
    starts,
)
from snellen.explain.units.layer import read_units, unit_layer
from snellen.models.features import Pca

NORM = 2.5
DENSE: list[Any] = ["flatten", {"dense": {"units": 8, "activation": "relu"}}]
CONV: list[Any] = [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, "flatten", {"dense": {"units": 6}}]


def prepared(layers: list[Any], name: str) -> tuple[Any, Any, np.ndarray]:
    images = noise(40)
    one = subject(layers, images, np.arange(40) % 3, 20)
    layer = unit_layer(one.network, name)
    some = one.inputs(np.arange(20)).numpy()
    strongest = read_units(one, layer, np.arange(20)).activation.argmax(0)
    return one, layer, starts(some.mean(0), some[strongest])


def allowed(images: np.ndarray, norm: float) -> bool:
    norms = np.linalg.norm(images.reshape(len(images), -1), axis=1)
    return bool((images >= 0).all() and (images <= 1).all() and (norms <= norm * (1 + 1e-5)).all())


@pytest.mark.parametrize("norm", [0.5, 2.5, 4.0, 50.0])
def test_the_closed_form_is_the_maximum_that_a_solver_finds(norm: float) -> None:
    weights = np.random.default_rng(0).normal(size=36)
    image = heaviest(torch.tensor(weights).reshape(1, 6, 6, 1), norm).numpy().ravel()
    solved = minimize(
        lambda x: -weights @ x,
        np.full(36, 0.05),
        jac=lambda x: -weights,
        bounds=[(0, 1)] * 36,
        constraints={"type": "ineq", "fun": lambda x: norm**2 - x @ x, "jac": lambda x: -2 * x},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert allowed(image.reshape(1, -1), norm)
    assert weights @ image == pytest.approx(-solved.fun, rel=1e-5)
    if norm == 0.5:  # no pixel is cut off: in proportion to the positive weights
        up = np.maximum(weights, 0)
        np.testing.assert_allclose(image, norm * up / np.linalg.norm(up), atol=1e-6)
    if norm == 50:  # the norm does not bind: the sign of the weights
        np.testing.assert_array_equal(image, weights > 0)


def test_ascent_and_closed_form_agree() -> None:
    one, layer, from_here = prepared(DENSE, "dense_1")
    closed, climbed = by_weights(one, layer, NORM), by_ascent(one, layer, from_here, NORM)
    np.testing.assert_allclose(climbed.reached, np.repeat(closed.reached, 4, 1), rtol=5e-3)
    np.testing.assert_allclose(climbed.reached.max(1), closed.reached[:, 0], rtol=1e-3)
    assert (climbed.reached <= closed.reached * (1 + 1e-6)).all()
    for exact, found in zip(closed.images, climbed.images, strict=True):
        assert np.sum(exact * found) / (np.linalg.norm(exact) * np.linalg.norm(found)) > 0.999
    assert maximal(one, layer, from_here, NORM).method == "closed form"


def test_a_layer_on_components_has_a_closed_form_too() -> None:
    one, _, from_here = prepared([Pca(keep=5), {"dense": {"units": 8, "activation": "tanh"}}], "dense_1")
    one.state["pca_1.components"].copy_(torch.randn(1, 36, 5, generator=torch.Generator().manual_seed(1)))
    layer = unit_layer(one.network, "dense_1")
    np.testing.assert_allclose(
        by_ascent(one, layer, from_here, NORM).reached.max(1), by_weights(one, layer, NORM).reached[:, 0], rtol=2e-3
    )


@pytest.mark.parametrize("name", ["conv_1", "dense_1"])
def test_ascent_keeps_the_constraints_and_beats_every_real_image(name: str) -> None:
    one, layer, from_here = prepared(CONV, name)
    found = maximal(one, layer, from_here, NORM)
    assert found.method == "gradient ascent of 40 steps from 4 starts" and allowed(found.images, NORM)
    with torch.inference_mode():
        real = project(one.inputs(np.arange(40)), NORM)
        best = objective(one, layer, real).max(0).values.numpy()
        reached = objective(one, layer, torch.from_numpy(found.images)).numpy()
    assert (np.diagonal(reached) > best).all()
    np.testing.assert_allclose(np.diagonal(reached), found.reached.max(1), rtol=1e-4)


def test_projection_is_the_nearest_allowed_image() -> None:
    generator = np.random.default_rng(4)
    far = generator.normal(0.5, 1.5, (3, 2, 3, 1))
    found = project(torch.tensor(far), 1.2).numpy().reshape(3, 6)
    for point, nearest in zip(far.reshape(3, 6), found, strict=True):
        solved = minimize(
            lambda x, point=point: ((x - point) ** 2).sum(),
            np.full(6, 0.1),
            bounds=[(0, 1)] * 6,
            constraints={"type": "ineq", "fun": lambda x: 1.2**2 - x @ x},
            method="SLSQP",
            options={"ftol": 1e-12},
        )
        np.testing.assert_allclose(nearest, solved.x, atol=1e-4)


def test_an_allowed_image_stays() -> None:
    inside = torch.rand(2, 3, 3, 1, generator=torch.Generator().manual_seed(0)) / 3
    torch.testing.assert_close(project(inside, 5.0), inside)
