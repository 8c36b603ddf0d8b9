"""Protects the promise that a network follows Keras's loss curve, step by step, from the same weights and batches.

Every network by name, every layer and every activation, with every optimizer; the curves were computed with Keras by
scripts/keras_curves.py, so no number here comes from Snellen. The logits after the last step show that the moving
statistics agree as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras_cases as cases
import numpy as np
import pytest
import torch

from snellen.models.activations import ARGUMENTS
from snellen.models.branches import Branching
from snellen.models.build import build
from snellen.models.layer import Layer
from snellen.models.layers import LAYERS
from snellen.models.zoo import ZOO
from snellen.train.backend.choose import workspace
from snellen.train.layout import Layout
from snellen.train.optimizers import OPTIMIZERS
from snellen.train.penalties import Penalties
from snellen.train.step import Rule, StepInputs, TrainState, training_step

CURVES = json.loads((Path(__file__).parents[1] / "golden/keras_curves.json").read_text(encoding="utf-8"))["curves"]

CLIPPINGS = {"global_clipnorm": "clip_norm", "clipnorm": "clip_parameter_norm", "clipvalue": "clip_value"}
"""Arguments of Keras's optimizers, as a study calls them."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Rounding depends on the number of threads, and at these sizes a second one mostly waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


each_case = pytest.mark.parametrize(("network", "optimizer"), cases.CASES)


def test_every_case_has_a_curve_that_falls() -> None:
    assert set(CURVES) == {f"{network} / {optimizer}" for network, optimizer in cases.CASES}
    for curves in CURVES.values():
        assert {dtype: len(curves[dtype]) for dtype in cases.STEPS} == cases.STEPS
        assert np.mean(curves["float64"][-cases.ROUND :]) < np.mean(curves["float64"][: cases.ROUND])


def test_every_network_layer_and_activation_has_a_case() -> None:
    definitions = [build(each.layers, each.input_shape, cases.CLASSES) for each in cases.NETWORKS.values()]
    layers = [layer for network in definitions for placed in network.layers for layer in _flat(placed.layer)]
    assert {layer.name for layer in layers} == set(LAYERS)
    assert {getattr(layer, "activation", "linear") for layer in layers} == set(ARGUMENTS)
    assert set(ZOO) <= set(cases.NETWORKS)


def _flat(layer: Layer) -> Iterator[Layer]:
    yield layer
    if isinstance(layer, Branching):
        for inner in layer.inside():
            yield from _flat(inner)


@each_case
def test_float64_losses_and_logits(network: str, optimizer: str) -> None:
    tolerance = 1e-6 if "batch_norm" in str(cases.NETWORKS[network].layers) else 1e-8
    expected = CURVES[f"{network} / {optimizer}"]
    losses, logits = curve(network, optimizer, "float64")
    np.testing.assert_allclose(losses, expected["float64"], rtol=tolerance)
    np.testing.assert_allclose(logits, expected["logits"], rtol=0, atol=tolerance * np.abs(expected["logits"]).max())


@each_case
def test_float32_losses(network: str, optimizer: str) -> None:
    losses, _ = curve(network, optimizer, "float32")
    np.testing.assert_allclose(losses, CURVES[f"{network} / {optimizer}"]["float32"], rtol=1e-3)


def curve(name: str, optimizer_name: str, precision: str) -> tuple[list[float], np.ndarray]:
    """Snellen's side: the loss of every step, and the mean logits (K,) of the batch that is only predicted."""
    dtype = getattr(torch, precision)
    definition = cases.NETWORKS[name]
    network = build(definition.layers, definition.input_shape, cases.CLASSES)
    parameters, state = (given(name, values, dtype) for values in network.init([0]))
    kind, settings = cases.settings(name, optimizer_name, precision)
    rate = torch.full((1, 1), settings.pop("learning_rate"), dtype=dtype)
    decay = torch.full((1, 1), settings.pop("weight_decay", OPTIMIZERS[kind].default_weight_decay), dtype=dtype)
    one_hot = torch.eye(cases.CLASSES, dtype=dtype)[None]
    limits: dict[str, Any] = {
        own: torch.full((1, 1), settings.pop(keras), dtype=dtype)
        for keras, own in CLIPPINGS.items()
        if keras in settings
    }
    optimizer, layout = OPTIMIZERS[kind](**settings), Layout.of(parameters)
    penalties = Penalties.of([network], layout, "cpu", dtype)
    rule = Rule(network, layout, optimizer, one_hot, decay, penalties=penalties, **limits)
    theta = rule.layout.flatten(parameters)
    train_state, space = TrainState(theta, state, optimizer.init(theta)), workspace(rule, theta)
    losses = []
    for step in range(cases.STEPS[precision]):
        images, labels = batch(name, step % cases.ROUND, dtype)
        outcome = training_step(rule, train_state, StepInputs(images, labels, step + 1, rate), space)
        losses.append(outcome.losses.mean().item())
    images, _ = batch(name, cases.ROUND, dtype)
    logits, _ = network.apply(rule.layout.views(theta), train_state.layers, images, "evaluate")
    return losses, logits[0].mean(0).numpy()


def given(name: str, values: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """What Keras got, named and shaped as `values` (1, ...): convolution kernels are turned from HWIO to OHWI."""

    def one(key: str, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) < 4:
            return cases.initial(name, key, shape)
        return np.moveaxis(cases.initial(name, key, (*shape[1:], shape[0])), -1, 0)

    return {key: torch.tensor(one(key, tuple(value.shape[1:])), dtype=dtype)[None] for key, value in values.items()}


def batch(name: str, number: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (1, N, H, W, C) and labels (1, N)."""
    images, labels = cases.batch(name, number)
    return torch.tensor(images, dtype=dtype)[None], torch.tensor(labels)[None]
