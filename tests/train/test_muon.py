"""Protects Muon: kernels move along their orthogonalised momentum by the formula of Jordan et al., the rest is Adam's.

The formula is written here with singular values: what Newton-Schulz does to a matrix, its polynomial does to them.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from training_cases import job

from snellen.train.layout import Layout
from snellen.train.optimizers import Adam, Muon
from snellen.train.orthogonal import divide, orthogonalised

RANDOM = np.random.default_rng(5)
LANES, STEPS = 2, 4
LAYOUT = Layout(
    (
        ("conv_1.kernel", (6, 2, 2, 3)),
        ("conv_1.bias", (6,)),
        ("dense_1.kernel", (8, 5)),
        ("dense_1.bias", (5,)),
        ("dense_2.kernel", (5, 3)),
        ("dense_2.bias", (3,)),
    )
)
CONV, DENSE, REST = slice(0, 72), slice(78, 118), [slice(72, 78), slice(118, 141)]
RATES = torch.tensor([[0.1], [0.02]], dtype=torch.float64)
START = torch.tensor(RANDOM.normal(size=(LANES, LAYOUT.size)))
GRADIENTS = torch.tensor(RANDOM.normal(size=(STEPS, LANES, LAYOUT.size)))


def polynomial(matrix: np.ndarray, rounds: int) -> np.ndarray:
    """By singular values: s becomes 3.4445 s - 4.7750 s^3 + 2.0315 s^5, after division by the norm."""
    u, s, v = np.linalg.svd(matrix / np.linalg.norm(matrix), full_matrices=False)
    for _ in range(rounds):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    result: np.ndarray = (u * s) @ v
    return result


def moved(rule: Muon, gradients: torch.Tensor = GRADIENTS) -> torch.Tensor:
    theta = START.clone()
    slots = rule.init(theta)
    for number, gradient in enumerate(gradients):
        rule.step(theta, gradient.clone(), slots, number + 1, RATES, None, LAYOUT)
    return theta


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (9, 9), (1, 7)])
@pytest.mark.parametrize("iterations", [1, 3, 5])
def test_newton_schulz_is_its_polynomial_of_the_singular_values(shape: tuple[int, int], iterations: int) -> None:
    x = RANDOM.normal(size=(3, *shape))
    found = orthogonalised(torch.tensor(x), iterations).numpy()
    np.testing.assert_allclose(found, [polynomial(own, iterations) for own in x], rtol=1e-9, atol=1e-11)


def test_singular_values_end_near_one() -> None:
    """Of any size at the beginning, down to a hundredth of the norm; the bounds are those of the polynomial."""
    u, _ = np.linalg.qr(RANDOM.normal(size=(30, 12)))
    x = u * np.geomspace(1e-2, 0.5, 12) * 1e3
    found = np.linalg.svd(orthogonalised(torch.tensor(x)[None], 5).numpy()[0], compute_uv=False)
    assert found.min() > 0.68 and found.max() < 1.14


def test_no_gradient_is_no_direction() -> None:
    assert not orthogonalised(torch.zeros(1, 3, 4), 5).any()


@pytest.mark.parametrize("arguments", [{}, {"momentum": 0.6, "nesterov": False, "iterations": 3}], ids=str)
@pytest.mark.parametrize(("span", "shape"), [(CONV, (6, 12)), (DENSE, (8, 5))], ids=["conv", "dense"])
def test_a_kernel_moves_along_its_orthogonalised_momentum(
    arguments: dict[str, Any], span: slice, shape: tuple[int, int]
) -> None:
    """As Jordan writes it: m = momentum m + g, and with Nesterov the way is g + momentum m. 0.2 sqrt(longer side)."""
    rule = Muon(**arguments)
    theta = moved(rule)
    for lane in range(LANES):
        weight, momentum = START[lane, span].numpy().reshape(shape), np.zeros(shape)
        for gradient in GRADIENTS[:, lane, span].numpy():
            own = gradient.reshape(shape)
            momentum = rule.momentum * momentum + own
            way = own + rule.momentum * momentum if rule.nesterov else momentum
            size = 0.2 * math.sqrt(max(shape)) * float(RATES[lane])
            weight = weight - size * polynomial(way, rule.iterations)
        np.testing.assert_allclose(theta[lane, span].numpy().reshape(shape), weight, rtol=1e-9, atol=1e-11)


def test_biases_and_the_output_layer_move_by_adam() -> None:
    theta, expected, adam = moved(Muon(beta_1=0.8)), START.clone(), Adam(beta_1=0.8)
    slots = adam.init(expected)
    for number, gradient in enumerate(GRADIENTS):
        adam.step(expected, gradient.clone(), slots, number + 1, RATES, None, LAYOUT)
    for span in REST:
        torch.testing.assert_close(theta[:, span], expected[:, span], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(theta[:, CONV], expected[:, CONV], atol=1e-3)


def test_torchs_own_muon() -> None:
    """It computes in bfloat16, so a hundredth of a step apart; one matrix, with its factor that matches Adam's step."""
    weight = START[0, DENSE].reshape(8, 5).float().clone().requires_grad_()
    theirs = torch.optim.Muon([weight], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for gradient in GRADIENTS[:, 0, DENSE]:
        weight.grad = gradient.reshape(8, 5).float()
        theirs.step()
    ours = moved(Muon())[0, DENSE].reshape(8, 5)
    begun = START[0, DENSE].reshape(8, 5)
    assert float((ours - weight.detach()).norm() / (ours - begun).norm()) < 0.02


def test_depthwise_kernels_are_no_matrices() -> None:
    layers = ["zero_pad", {"separable_conv": {"filters": 4, "kernel": 3}}, {"depthwise_conv": {"kernel": 3}}, "flatten"]
    network = job(layers=layers).trajectory.network
    layout = Layout.of(network.init((0,))[0])
    division = divide(layout)
    assert [(each.rows, each.columns) for each in division.matrices] == [(4, 1)]
    covered = sorted((span.start, span.stop) for span in (*division.others, *(each.span for each in division.matrices)))
    assert covered[0][0] == 0 and covered[-1][1] == layout.size
    assert all(before[1] == after[0] for before, after in pairwise(covered))
