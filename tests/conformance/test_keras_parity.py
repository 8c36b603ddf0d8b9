"""Protects the promise that a network follows Keras's loss curve, step by step, from the same weights and batches.

Every reference network with every optimizer; the curves were computed with Keras by scripts/keras_curves.py, so no
number here comes from Snellen. Predictions after the last step show that the moving statistics agree as well.
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


def test_every_case_has_a_curve_that_learns() -> None:
    assert set(CURVES) == {f"{network} / {optimizer}" for network, optimizer in cases.CASES}
    for entry in CURVES.values():
        for dtype, steps in cases.STEPS.items():
            losses = entry[dtype]
            assert len(losses) == steps
            assert np.mean(losses[-cases.ROUND :]) < np.mean(losses[: cases.ROUND])


@pytest.mark.parametrize(("network", "optimizer"), cases.CASES)
def test_float64(network: str, optimizer: str) -> None:
    compare(network, optimizer, "float64", 1e-6 if "batch_norm" in str(cases.NETWORKS[network].layers) else 1e-8)


@pytest.mark.parametrize(("network", "optimizer"), cases.CASES)
def test_float32(network: str, optimizer: str) -> None:
    compare(network, optimizer, "float32", 1e-3)


def compare(network: str, optimizer: str, dtype: str, tolerance: float) -> None:
    """Losses agree relative to themselves; mean logits, which may be near zero, relative to the largest."""
    losses, logits = curve(network, optimizer, getattr(torch, dtype))
    expected = CURVES[f"{network} / {optimizer}"]
    np.testing.assert_allclose(losses, expected[dtype], rtol=tolerance)
    largest = np.abs(expected[f"{dtype} logits"]).max()
    np.testing.assert_allclose(logits, expected[f"{dtype} logits"], rtol=0, atol=tolerance * largest)


def curve(network_name: str, optimizer_name: str, dtype: torch.dtype) -> tuple[list[float], np.ndarray]:
    """Snellen's side: the loss of every step, and the mean logits (K,) of the batch that is only predicted."""
    definition = cases.NETWORKS[network_name]
    network = build(definition.layers, definition.input_shape, cases.CLASSES)
    parameters, state = initial(network_name, network, dtype)
    name, settings = cases.settings(network_name, optimizer_name)
    rule = OPTIMIZERS[name]
    rate, decay = (
        torch.full((1, 1), value, dtype=dtype)
        for value in (settings.pop("learning_rate"), settings.pop("weight_decay", rule.default_weight_decay))
    )
    optimizer = rule(**settings)
    theta = torch.cat([value.flatten(1) for value in parameters.values()], dim=1)
    slots = optimizer.init(theta)
    losses = []
    for step in range(len(CURVES[f"{network_name} / {optimizer_name}"][str(dtype).removeprefix("torch.")])):
        images, labels = batch(network_name, step % cases.ROUND, dtype)
        leaf = theta.detach().requires_grad_()
        logits, changed = network.apply(split(leaf, parameters), state, images, "train")
        loss = torch.nn.functional.cross_entropy(logits[0], labels)
        (gradient,) = torch.autograd.grad(loss, leaf)
        optimizer.step(theta, gradient, slots, step + 1, rate, decay)
        state = {**state, **changed}
        losses.append(loss.item())
    images, _ = batch(network_name, cases.ROUND, dtype)
    logits, _ = network.apply(split(theta, parameters), state, images, "evaluate")
    return losses, logits[0].mean(0).numpy()


def initial(name: str, network: Network, dtype: torch.dtype) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The given weights and state in one lane, convolution kernels turned from Keras's HWIO to OHWI."""

    def given(key: str, value: torch.Tensor) -> torch.Tensor:
        if value.dim() < 5:
            return torch.tensor(cases.initial(name, key, tuple(value.shape[1:])), dtype=dtype)[None]
        filters, height, width, channels = value.shape[1:]
        kernel = cases.initial(name, key, (height, width, channels, filters))
        return torch.tensor(kernel.transpose(3, 0, 1, 2), dtype=dtype)[None]

    parameters, state = network.init([0])
    return {key: given(key, v) for key, v in parameters.items()}, {key: given(key, v) for key, v in state.items()}


def split(theta: torch.Tensor, like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Views of theta (L, P), named and shaped as in `like`."""
    parts = theta.split([value[0].numel() for value in like.values()], dim=1)
    return {name: part.reshape(value.shape) for (name, value), part in zip(like.items(), parts, strict=True)}


def batch(name: str, number: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (1, N, H, W, C) and labels (N,)."""
    images, labels = cases.batch(name, number)
    return torch.tensor(images, dtype=dtype)[None], torch.tensor(labels)
