"""Protects optimizers by the compiled kernels: in float32 they move as the formulas do in float64, on every instruction
set, each lane by its own rate, and leave alone what is not theirs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from needs import needs
from torch import Tensor

from snellen.train import fused_optimizers
from snellen.train.layout import Layout
from snellen.train.optimizers import OPTIMIZERS

pytestmark = needs("kernels")
LANES, NUMBERS, STEPS = 3, 83, 6
RATES = torch.tensor([[0.1], [0.02], [0.3]])
DECAYS = torch.tensor([[0.0], [0.1], [0.5]])
LAYOUT = Layout((("dense_1.kernel", (NUMBERS,)),))
CASES: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.8, "nesterov": True}),
    ("adam", {}),
    ("adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adamw", {}),
    ("rmsprop", {}),
    ("rmsprop", {"rho": 0.5, "momentum": 0.9, "epsilon": 1e-2}),
]
every_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)


def moved(name: str, arguments: dict[str, Any], dtype: torch.dtype, lanes: slice = slice(None)) -> list[Tensor]:
    """theta and slots after the steps; gradients of very different sizes, some of them zero from the first step on."""
    random = torch.Generator().manual_seed(1)
    theta = torch.randn((LANES, NUMBERS), generator=random)[lanes].to(dtype)
    rule = OPTIMIZERS[name](**arguments)
    slots = rule.init(theta)
    for step in range(STEPS):
        gradient = torch.randn((LANES, NUMBERS), generator=random) * 10.0 ** (step % 4 - 2)
        gradient[:, ::7] = 0
        rule.step(
            theta, gradient[lanes].to(dtype), slots, step + 1, RATES[lanes].to(dtype), DECAYS[lanes].to(dtype), LAYOUT
        )
    return [theta, *slots.values()]


@every_case
def test_the_formulas_in_float64(
    name: str, arguments: dict[str, Any], instructions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose own test is tests/conformance/test_optimizers.py; and torch's float32 is not what is compared."""
    called: list[str] = []
    call = fused_optimizers._call

    def noted(kind: str, *values: Any) -> None:
        called.append(kind)
        call(kind, *values)

    monkeypatch.setattr(fused_optimizers, "_call", noted)
    expected = moved(name, arguments, torch.float64)
    assert not called
    found = moved(name, arguments, torch.float32)
    assert called == [name.removesuffix("w")] * STEPS
    for one, other in zip(found, expected):
        assert float((one - other).abs().max() / other.abs().max()) < 2e-6


@every_case
def test_a_lane_has_the_bits_of_one_alone(name: str, arguments: dict[str, Any], instructions: str) -> None:
    together = moved(name, arguments, torch.float32)
    for lane in range(LANES):
        alone = moved(name, arguments, torch.float32, slice(lane, lane + 1))
        assert all(torch.equal(one[lane], other[0]) for one, other in zip(together, alone))


@every_case
def test_a_span_of_the_parameters_moves_alone(name: str, arguments: dict[str, Any], instructions: str) -> None:
    """Between others, which stay."""
    rule, span = OPTIMIZERS[name](**arguments), slice(5, 50)
    theta, gradient = (torch.randn((LANES, NUMBERS), generator=torch.Generator().manual_seed(n)) for n in (1, 2))
    whole, part = theta.clone(), theta.clone()
    rule.step(whole, gradient, rule.init(theta), 1, RATES, None, LAYOUT)
    slots = {slot: value[:, span] for slot, value in rule.init(theta).items()}
    rule.step(part[:, span], gradient[:, span], slots, 1, RATES, None, LAYOUT)
    torch.testing.assert_close(part[:, span], whole[:, span], rtol=1e-6, atol=1e-7)
    assert torch.equal(part[:, :5], theta[:, :5]) and torch.equal(part[:, 50:], theta[:, 50:])


def test_what_it_does_not_suit(monkeypatch: pytest.MonkeyPatch) -> None:
    theta = torch.zeros(2, 5)
    assert fused_optimizers.fits(theta, theta.clone())
    assert not fused_optimizers.fits(theta.double(), theta.double())
    assert not fused_optimizers.fits(theta, torch.zeros(2, 6)[:, :5])
    assert not fused_optimizers.fits(theta.T, theta.clone().T)
    monkeypatch.setenv("SNELLEN_KERNELS", "off")
    assert not fused_optimizers.fits(theta, theta.clone())
