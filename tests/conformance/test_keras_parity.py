"""Protects the promise that a network follows Keras's loss curve, step by step, from the same weights and batches.

Every reference network with every optimizer; the curves were computed with Keras by scripts/keras_curves.py, so no
number here comes from Snellen. The logits after the last step show that the moving statistics agree as well.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras_cases as cases
import numpy as np
import pytest
import torch

from snellen.models.build import Network, build
from snellen.train.optimizers import OPTIMIZERS

CURVES = json.loads((Path(__file__).parents[1] / "golden/keras_curves.json").read_text(encoding="utf-8"))["curves"]

each_case = pytest.mark.parametrize(("network", "optimizer"), cases.CASES)


def test_every_case_has_a_curve_that_falls() -> None:
    assert set(CURVES) == {f"{network} / {optimizer}" for network, optimizer in cases.CASES}
    for curves in CURVES.values():
        for dtype, steps in cases.STEPS.items():
            assert len(curves[dtype]) == steps
            assert np.mean(curves[dtype][-cases.ROUND :]) < np.mean(curves[dtype][: cases.ROUND])


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
    parameters, state = initial(name, network, dtype)
    kind, settings = cases.settings(name, optimizer_name, precision)
    rate = torch.full((1, 1), settings.pop("learning_rate"), dtype=dtype)
    decay = torch.full((1, 1), settings.pop("weight_decay", OPTIMIZERS[kind].default_weight_decay), dtype=dtype)
    optimizer = OPTIMIZERS[kind](**settings)
    theta = torch.cat([value.flatten(1) for value in parameters.values()], dim=1)
    slots = optimizer.init(theta)
    losses = []
    for step in range(cases.STEPS[precision]):
        images, labels = batch(name, step % cases.ROUND, dtype)
        leaf = theta.clone().requires_grad_()
        logits, changed = network.apply(split(leaf, parameters), state, images, "train")
        loss = torch.nn.functional.cross_entropy(logits[0], labels)
        (gradient,) = torch.autograd.grad(loss, leaf)
        optimizer.step(theta, gradient, slots, step + 1, rate, decay)
        state = {**state, **changed}
        losses.append(loss.item())
    images, _ = batch(name, cases.ROUND, dtype)
    logits, _ = network.apply(split(theta, parameters), state, images, "evaluate")
    return losses, logits[0].mean(0).numpy()


def initial(name: str, network: Network, dtype: torch.dtype) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The given weights and state in one lane, convolution kernels turned from Keras's HWIO to OHWI."""

    def given(key: str, shape: torch.Size) -> torch.Tensor:
        if len(shape) < 4:
            return torch.tensor(cases.initial(name, key, tuple(shape)), dtype=dtype)[None]
        filters, height, width, channels = shape
        kernel = cases.initial(name, key, (height, width, channels, filters))
        return torch.tensor(kernel.transpose(3, 0, 1, 2), dtype=dtype)[None]

    parameters, state = network.init([0])
    return (
        {key: given(key, value.shape[1:]) for key, value in parameters.items()},
        {key: given(key, value.shape[1:]) for key, value in state.items()},
    )


def split(theta: torch.Tensor, like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Views of theta (L, P), named and shaped as in `like`."""
    parts = theta.split([value[0].numel() for value in like.values()], dim=1)
    return {name: part.view(value.shape) for (name, value), part in zip(like.items(), parts, strict=True)}


def batch(name: str, number: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (1, N, H, W, C) and labels (N,)."""
    images, labels = cases.batch(name, number)
    return torch.tensor(images, dtype=dtype)[None], torch.tensor(labels)
