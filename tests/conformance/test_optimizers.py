"""Protects the update rules: every optimizer but Muon is Keras's formula, a lane never feels its neighbours, nothing is
kept outside the slots. Muon's formula has a file of its own, tests/train/test_muon.py.

The formulas below are written from Keras 3's documentation and source, one number at a time in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from snellen.train.layout import Layout
from snellen.train.optimizers import OPTIMIZERS, Optimizer

Move = Callable[[float, float], float]
"""The next weight, of a weight and its gradient."""
LANES, NUMBERS, STEPS = 3, 7, 6
LAYOUT = Layout((("dense_1.kernel", (2, 2)), ("dense_1.bias", (1,)), ("dense_2.kernel", (2, 1))))
RATES = torch.tensor([[0.1], [0.02], [0.3]], dtype=torch.float64)
DECAYS = torch.tensor([[0.0], [0.1], [0.5]], dtype=torch.float64)
RANDOM = np.random.default_rng(3)
START = torch.tensor(RANDOM.normal(size=(LANES, NUMBERS)))
GRADIENTS = torch.tensor(RANDOM.normal(size=(STEPS, LANES, NUMBERS)) * 10.0 ** RANDOM.integers(-3, 2, (STEPS, 1, 1)))

CASES: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.8, "nesterov": True}),
    ("adam", {}),
    ("adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adam", {"amsgrad": True, "beta_2": 0.5}),
    ("adamw", {}),
    ("adamw", {"amsgrad": True}),
    ("rmsprop", {}),
    ("rmsprop", {"rho": 0.5, "momentum": 0.9, "epsilon": 1e-2}),
    ("nadam", {}),
    ("nadam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adamax", {}),
    ("adamax", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adagrad", {}),
    ("adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-2}),
    ("adadelta", {}),
    ("adadelta", {"rho": 0.5, "epsilon": 1e-2}),
    ("lion", {}),
    ("lion", {"beta_1": 0.5, "beta_2": 0.8}),
    ("muon", {}),
    ("muon", {"momentum": 0.5, "nesterov": False, "iterations": 3}),
]
START_VALUES: dict[tuple[str, str], Callable[[Any], float]] = {
    ("nadam", "momenta"): lambda rule: 1.0,
    ("adagrad", "accumulator"): lambda rule: float(rule.initial_accumulator_value),
}
"""Of slots that do not begin at zero."""
every_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
of_keras = pytest.mark.parametrize(("name", "arguments"), [case for case in CASES if case[0] != "muon"], ids=str)


def run(rule: Optimizer, lanes: slice = slice(None), decays: torch.Tensor | None = None, steps: int = STEPS) -> Any:
    """theta and slots after the steps, for some of the lanes."""
    theta = START[lanes].clone()
    slots = rule.init(theta)
    for step in range(steps):
        decay = None if decays is None else decays[lanes]
        rule.step(theta, GRADIENTS[step, lanes].clone(), slots, step + 1, RATES[lanes], decay, LAYOUT)
    return theta, slots


def keras_sgd(rate: float, momentum: float = 0.0, nesterov: bool = False) -> Move:
    """From Keras: velocity = momentum * velocity - rate * g; w += velocity, or momentum * velocity - rate * g."""
    velocity = 0.0

    def move(weight: float, gradient: float) -> float:
        nonlocal velocity
        velocity = momentum * velocity - rate * gradient
        return weight + (momentum * velocity - rate * gradient if nesterov else velocity)

    return move


def keras_adam(
    rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False
) -> Move:
    """m, v as in the paper; alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t); w -= alpha m / (sqrt(v) + epsilon), with
    amsgrad by the largest v so far."""
    m = v = largest = 0.0
    t = 0

    def move(weight: float, gradient: float) -> float:
        nonlocal m, v, t, largest
        t += 1
        m += (gradient - m) * (1 - beta_1)
        v += (gradient**2 - v) * (1 - beta_2)
        largest = max(largest, v)
        alpha = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return weight - alpha * m / (math.sqrt(largest if amsgrad else v) + epsilon)

    return move


def keras_rmsprop(rate: float, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7) -> Move:
    """velocity = rho velocity + (1 - rho) g^2; increment = rate g / sqrt(velocity + epsilon), with momentum on it."""
    velocity = carried = 0.0

    def move(weight: float, gradient: float) -> float:
        nonlocal velocity, carried
        velocity = rho * velocity + (1 - rho) * gradient**2
        carried = momentum * carried + rate * gradient / math.sqrt(velocity + epsilon)
        return weight - carried

    return move


def keras_nadam(rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Move:
    """u_t = beta_1 (1 - 0.96^t / 2), p_t their product, v_hat = v / (1 - beta_2^t);
    w -= rate (u_{t+1} m / (1 - p_{t+1}) + (1 - u_t) g / (1 - p_t)) / (sqrt(v_hat) + epsilon)."""
    m = v = 0.0
    product = 1.0
    t = 0

    def move(weight: float, gradient: float) -> float:
        nonlocal m, v, t, product
        t += 1
        now, following = (beta_1 * (1 - 0.5 * math.pow(0.96, at)) for at in (t, t + 1))
        product *= now
        m += (gradient - m) * (1 - beta_1)
        v += (gradient**2 - v) * (1 - beta_2)
        m_hat = following * m / (1 - product * following) + (1 - now) * gradient / (1 - product)
        return weight - m_hat * rate / (math.sqrt(v / (1 - beta_2**t)) + epsilon)

    return move


def keras_adamax(rate: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Move:
    """u = max(beta_2 u, |g|); w -= rate m / ((1 - beta_1^t) (u + epsilon))."""
    m = u = 0.0
    t = 0

    def move(weight: float, gradient: float) -> float:
        nonlocal m, u, t
        t += 1
        m += (gradient - m) * (1 - beta_1)
        u = max(beta_2 * u, abs(gradient))
        return weight - rate * m / ((1 - beta_1**t) * (u + epsilon))

    return move


def keras_adagrad(rate: float, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7) -> Move:
    """accumulator += g^2; w -= rate g / sqrt(accumulator + epsilon)."""
    accumulator = initial_accumulator_value

    def move(weight: float, gradient: float) -> float:
        nonlocal accumulator
        accumulator += gradient**2
        return weight - rate * gradient / math.sqrt(accumulator + epsilon)

    return move


def keras_adadelta(rate: float, rho: float = 0.95, epsilon: float = 1e-7) -> Move:
    """delta = -sqrt(d + epsilon) / sqrt(v + epsilon) g, d and v running means of delta^2 and g^2; w += rate delta."""
    v = d = 0.0

    def move(weight: float, gradient: float) -> float:
        nonlocal v, d
        v = rho * v + (1 - rho) * gradient**2
        delta = -math.sqrt(d + epsilon) * gradient / math.sqrt(v + epsilon)
        d = rho * d + (1 - rho) * delta**2
        return weight + rate * delta

    return move


def keras_lion(rate: float, beta_1: float = 0.9, beta_2: float = 0.99) -> Move:
    """w -= rate sign(beta_1 m + (1 - beta_1) g); then m = beta_2 m + (1 - beta_2) g."""
    m = 0.0

    def move(weight: float, gradient: float) -> float:
        nonlocal m
        weight -= rate * math.copysign(1, beta_1 * m + (1 - beta_1) * gradient)
        m = beta_2 * m + (1 - beta_2) * gradient
        return weight

    return move


KERAS: dict[str, Callable[..., Move]] = {
    "sgd": keras_sgd,
    "adam": keras_adam,
    "adamw": keras_adam,
    "rmsprop": keras_rmsprop,
    "nadam": keras_nadam,
    "adamax": keras_adamax,
    "adagrad": keras_adagrad,
    "adadelta": keras_adadelta,
    "lion": keras_lion,
}


def test_every_optimizer_has_a_case_and_a_formula() -> None:
    assert {name for name, _ in CASES} == set(OPTIMIZERS) == {*KERAS, "muon"}


@of_keras
@pytest.mark.parametrize("decays", [None, DECAYS], ids=["plain", "decay"])
def test_the_formula_of_keras(name: str, arguments: dict[str, Any], decays: torch.Tensor | None) -> None:
    """Decay is decoupled: w -= rate * decay * w before the step, and never enters the slots."""
    theta, _ = run(OPTIMIZERS[name](**arguments), decays=decays)
    for lane in range(LANES):
        shrink = 1 - float(RATES[lane]) * (0.0 if decays is None else float(decays[lane]))
        for number in range(NUMBERS):
            weight, move = float(START[lane, number]), KERAS[name](float(RATES[lane]), **arguments)
            for gradient in GRADIENTS[:, lane, number].tolist():
                weight = move(weight * shrink, gradient)
            assert theta[lane, number].item() == pytest.approx(weight, rel=1e-10)


@pytest.mark.parametrize(
    ("name", "arguments", "theirs"),
    [
        ("sgd", {}, lambda p: torch.optim.SGD(p, lr=0.1)),
        ("sgd", {"momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        ("sgd", {"momentum": 0.9, "nesterov": True}, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        ("adam", {"epsilon": 1e-30}, lambda p: torch.optim.Adam(p, lr=0.1, eps=0)),
        (
            "adam",
            {"epsilon": 1e-30, "amsgrad": True, "beta_2": 0.5},
            lambda p: torch.optim.Adam(p, lr=0.1, eps=0, amsgrad=True, betas=(0.9, 0.5)),
        ),
        ("adamw", {"epsilon": 1e-30}, lambda p: torch.optim.AdamW(p, lr=0.1, eps=0, weight_decay=0.05)),
        ("rmsprop", {"epsilon": 1e-30}, lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, eps=0)),
        ("nadam", {"epsilon": 1e-30}, lambda p: torch.optim.NAdam(p, lr=0.1, eps=0, momentum_decay=1)),
        ("adamax", {"epsilon": 1e-30}, lambda p: torch.optim.Adamax(p, lr=0.1, eps=0)),
        (
            "adagrad",
            {"epsilon": 1e-30},
            lambda p: torch.optim.Adagrad(p, lr=0.1, eps=0, initial_accumulator_value=0.1),
        ),
        ("adadelta", {}, lambda p: torch.optim.Adadelta(p, lr=0.1, rho=0.95, eps=1e-7)),
    ],
    ids=[
        "sgd",
        "momentum",
        "nesterov",
        "adam",
        "amsgrad",
        "adamw",
        "rmsprop",
        "nadam",
        "adamax",
        "adagrad",
        "adadelta",
    ],
)
def test_torch_where_it_is_the_same_by_construction(name: str, arguments: dict[str, Any], theirs: Any) -> None:
    """Epsilon stands elsewhere in torch, so it is made to vanish; decay is given to AdamW alone, where torch decouples
    it. torch keeps the product of NAdam's momenta in float32."""
    decays = torch.full((LANES, 1), 0.05, dtype=torch.float64) if name == "adamw" else None
    theta, _ = run(OPTIMIZERS[name](**arguments), slice(0, 1), decays)
    weights = START[:1].clone().requires_grad_()
    optimizer = theirs([weights])
    for gradient in GRADIENTS[:, :1]:
        weights.grad = gradient.clone()
        optimizer.step()
    rtol, atol = (1e-6, 1e-8) if name == "nadam" else (1e-9, 1e-12)
    torch.testing.assert_close(theta, weights.detach(), rtol=rtol, atol=atol)


@every_case
def test_three_lanes_are_each_alone(name: str, arguments: dict[str, Any]) -> None:
    theta, slots = run(OPTIMIZERS[name](**arguments), decays=DECAYS)
    for lane in range(LANES):
        alone, own_slots = run(OPTIMIZERS[name](**arguments), slice(lane, lane + 1), DECAYS)
        torch.testing.assert_close(theta[lane : lane + 1], alone, rtol=1e-12, atol=0)
        for slot, value in own_slots.items():
            torch.testing.assert_close(slots[slot][lane : lane + 1], value, rtol=1e-12, atol=0)


@every_case
def test_slots_are_all_that_it_remembers(name: str, arguments: dict[str, Any]) -> None:
    """A new optimizer object with copies of theta and slots goes on as if nothing had happened; slots begin at zero,
    unless START_VALUES says otherwise."""
    whole, _ = run(OPTIMIZERS[name](**arguments))
    theta, slots = run(OPTIMIZERS[name](**arguments), steps=3)
    rule = OPTIMIZERS[name](**arguments)
    assert tuple(slots) == rule.slots()
    for slot, value in rule.init(START).items():
        assert (value == START_VALUES.get((name, slot), lambda _: 0.0)(rule)).all()
    assert all(value.shape == START.shape and value.any() for value in slots.values())
    for step in range(3, STEPS):
        rule.step(theta, GRADIENTS[step].clone(), slots, step + 1, RATES, None, LAYOUT)
    torch.testing.assert_close(theta, whole, rtol=0, atol=0)


@every_case
def test_the_gradient_is_left_as_it_was(name: str, arguments: dict[str, Any]) -> None:
    rule, gradient = OPTIMIZERS[name](**arguments), GRADIENTS[0].clone()
    rule.step(START.clone(), gradient, rule.init(START), 1, RATES, DECAYS, LAYOUT)
    torch.testing.assert_close(gradient, GRADIENTS[0], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "rate", "decay"),
    [("sgd", 0.01, 0.0), ("adam", 0.001, 0.0), ("adamw", 0.001, 0.004), ("rmsprop", 0.001, 0.0)]
    + [(name, 0.001, 0.0) for name in ("nadam", "adamax", "adagrad", "adadelta", "lion")],
)
def test_defaults_are_those_of_keras(name: str, rate: float, decay: float) -> None:
    assert (OPTIMIZERS[name].default_learning_rate, OPTIMIZERS[name].default_weight_decay) == (rate, decay)
