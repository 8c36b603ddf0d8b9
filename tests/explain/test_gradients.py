"""Protects attributions: gradients against finite differences, integrated gradients against an integral taken by SciPy,
Grad-CAM against a sum by hand, occlusion against covering pixel by pixel; all in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad_vec
from torch import Tensor

from snellen.explain.answers.gradients import (
    TOLERANCE,
    Logits,
    enlarged,
    grad_cam,
    integrated_gradients,
    margin_gradients,
    margins,
)
from snellen.explain.answers.occlusion import occlusion, patch_side
from snellen.models.build import build

NETWORKS: dict[str, list[Any]] = {
    "conv": [{"conv": {"filters": 3, "kernel": 3, "activation": "tanh"}}, {"average_pool": 2}, "flatten"],
    "normed": [{"conv": {"filters": 2, "kernel": 3, "padding": "same"}}, "batch_norm", "silu", "flatten"],
    "dense": ["flatten", {"dense": {"units": 5, "activation": "gelu"}}, {"dropout": 0.5}],
    "skip": [{"skip": [{"conv": {"filters": 2, "kernel": 3, "padding": "same", "activation": "tanh"}}]}, "flatten"],
    "branches": [
        {"concatenate": [[], [{"conv": {"filters": 2, "kernel": 3, "padding": "same", "activation": "tanh"}}]]},
        {"multiply": [[], ["global_average_pool", {"dense": {"units": 4, "activation": "sigmoid"}}]]},
        "flatten",
    ],
}
SHAPE = (6, 5, 2)
CLASSES = 3


def network(layers: list[Any], seed: int = 1) -> Logits:
    """Logits in float64 of a network with random weights, none of them 0."""
    built = build(layers, SHAPE, CLASSES)
    generator = torch.Generator().manual_seed(seed)
    parameters, state = built.init([seed], torch.float64)
    drawn = {
        name: value + 0.3 * torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in parameters.items()
    }
    return lambda x: built.apply(drawn, state, x.unsqueeze(0), "evaluate")[0][0]


def images(count: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((count, *SHAPE)))


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    logits, x = network(NETWORKS[name]), images(2)
    answers, rivals = torch.tensor([0, 2]), torch.tensor([1, 0])
    found, gradient = margin_gradients(logits, x, answers, rivals)
    assert torch.equal(found, margins(logits, x, answers, rivals))
    step = 1e-6
    for place in np.ndindex(*SHAPE):
        high, low = x.clone(), x.clone()
        high[:, *place] += step
        low[:, *place] -= step
        expected = (margins(logits, high, answers, rivals) - margins(logits, low, answers, rivals)) / (2 * step)
        assert torch.allclose(gradient[:, *place], expected, atol=1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_are_the_integral(name: str) -> None:
    logits, x = network(NETWORKS[name]), images(1)[0]
    baseline = torch.full(SHAPE, 0.2, dtype=torch.float64)

    def slope(share: float) -> np.ndarray:
        at = (baseline + share * (x - baseline)).unsqueeze(0)
        return margin_gradients(logits, at, torch.tensor([1]), torch.tensor([2]))[1][0].numpy().ravel()

    integral, _ = quad_vec(slope, 0, 1, epsabs=1e-10)
    found = integrated_gradients(logits, x, baseline, 1, 2)
    expected = integral.reshape(SHAPE) * (x - baseline).numpy()
    assert found.is_complete and found.share <= TOLERANCE
    assert np.abs(found.attribution - expected).max() < 1e-3 * np.abs(expected).max()


def test_of_a_linear_network_they_are_weight_times_difference() -> None:
    weights = torch.randn((3, *SHAPE), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, baseline = images(2)
    found = integrated_gradients(lambda rows: torch.einsum("nhwc,khwc->nk", rows, weights), x, baseline, 2, 0)
    assert np.allclose(found.attribution, ((weights[2] - weights[0]) * (x - baseline)).numpy())
    assert found.points == 33 and abs(found.gap) < 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_they_add_up_where_the_gradient_jumps(seed: int) -> None:
    """A deep network of relu and max pools has a kink every few hundredths of the way."""
    layers = [{"conv": {"filters": 8, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"]
    logits = network([*layers, {"dense": {"units": 32, "activation": "relu"}}], seed)
    x = 5 * images(1)[0]
    found = integrated_gradients(logits, x, torch.zeros_like(x), 0, 1)
    whole = logits(torch.stack([torch.zeros_like(x), x]))
    change = float((whole[1, 0] - whole[1, 1]) - (whole[0, 0] - whole[0, 1]))
    assert found.change == pytest.approx(change)
    assert abs(found.attribution.sum() - change) <= TOLERANCE * max(1, abs(change))


def test_what_does_not_add_up_is_said() -> None:
    def jump(x: Tensor) -> Tensor:
        up = (x.sum((1, 2, 3)) > 7).to(x.dtype) * 5 + 0 * x.sum((1, 2, 3))
        return torch.stack([up, torch.zeros_like(up)], 1)

    found = integrated_gradients(
        jump, torch.ones(SHAPE, dtype=torch.float64), torch.zeros(SHAPE, dtype=torch.float64), 0, 1
    )
    assert not found.is_complete and found.gap == pytest.approx(-5)


def test_grad_cam_by_hand() -> None:
    """Two channels of 2 x 2 and logits that weigh every activation: mean weights 2 and -1; what is negative is 0."""
    values = torch.tensor([[[[1.0, 0.0], [2.0, 5.0]], [[0.0, 3.0], [4.0, 1.0]]]], dtype=torch.float64)
    of_answer = torch.tensor([[[1.0, -2.0], [3.0, 0.0]], [[2.0, -1.0], [2.0, -1.0]]], dtype=torch.float64)
    weights = torch.stack([torch.zeros_like(of_answer), of_answer])
    found = grad_cam(lambda rows: torch.einsum("nhwc,khwc->nk", rows, weights), values, torch.tensor([1]))
    by_hand = [[2 * 1 - 1 * 0, 0], [0, 2 * 4 - 1 * 1]]  # 2*2 - 5 and 0 - 3 are negative
    assert torch.allclose(found, torch.tensor([by_hand], dtype=torch.float64))


def test_enlarged_maps_keep_their_mean_and_their_place() -> None:
    grown = enlarged(torch.tensor([[[0.0, 0.0], [0.0, 4.0]]]), 8, 8)
    assert grown.shape == (1, 8, 8) and float(grown.mean()) == pytest.approx(1)
    assert float(grown[0, -1, -1]) == 4 and float(grown[0, 0, 0]) == 0


def test_occlusion_is_covering_one_patch_after_another() -> None:
    logits, x = network(NETWORKS["conv"]), images(1)[0]
    fill = torch.full(SHAPE, 0.4, dtype=torch.float64)
    found = occlusion(logits, x, fill, 2, 2, 1)
    whole = logits(x[None])[0]
    drops, counts = np.zeros(SHAPE[:2]), np.zeros(SHAPE[:2])
    least, changed = 1.0, 0
    for top in range(5):
        for left in range(4):
            covered = x.clone()
            covered[top : top + 2, left : left + 2] = fill[top : top + 2, left : left + 2]
            after = logits(covered[None])[0]
            drops[top : top + 2, left : left + 2] += float((whole[2] - whole[1]) - (after[2] - after[1]))
            counts[top : top + 2, left : left + 2] += 1
            least = min(least, float(after.softmax(0)[2]))
            changed += int(after.argmax()) != 2
    assert np.allclose(found.drops, drops / counts)
    assert found.least == pytest.approx(least)
    assert (found.changed, found.patches) == (changed, 20)


def test_patches_reach_the_edge() -> None:
    x = torch.zeros(7, 7, 1, dtype=torch.float64)
    x[6, 6] = 1
    found = occlusion(lambda rows: rows.reshape(len(rows), -1)[:, [48, 0]], x, torch.zeros_like(x), 4, 0, 1)
    assert found.drops[6, 6] == 1 and found.drops[0, 0] == 0
    assert [patch_side(*sides) for sides in ((28, 28), (32, 32), (8, 8), (4, 4))] == [4, 5, 2, 2]
