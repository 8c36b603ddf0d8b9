"""Protects the learning rate of every step: those of torch, closed forms, the warm-up, and shares that stay between 0
and 1."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from snellen.train.schedules import SCHEDULES, WarmingUp

STEPS, EPOCHS = 7, 5
TOTAL = STEPS * EPOCHS
CASES: list[tuple[str, dict[str, Any]]] = [
    ("constant", {}),
    ("constant", {"warmup_epochs": 1.5}),
    ("cosine", {}),
    ("cosine", {"final": 0.1}),
    ("cosine", {"warmup_epochs": 2}),
    ("cosine", {"warmup_epochs": 5}),
    ("cosine", {"warmup_epochs": 9, "final": 1}),
    ("linear", {}),
    ("linear", {"final": 0.2, "warmup_epochs": 1}),
    ("step", {"every_epochs": 2}),
    ("step", {"every_epochs": 1, "factor": 0.7, "warmup_epochs": 0.5}),
    ("exponential", {"factor": 0.5}),
    ("exponential", {"factor": 0.9, "every_epochs": 0.5, "warmup_epochs": 1}),
    ("polynomial", {"power": 2}),
    ("polynomial", {"power": 0.5, "final": 0.1, "warmup_epochs": 1.5}),
    ("one_cycle", {}),
    ("one_cycle", {"rise": 0.6, "start": 0.5, "final": 0.01}),
    ("one_cycle", {"rise": 0.01}),
    ("reduce_on_plateau", {}),
]
every_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)


def shares(name: str, arguments: dict[str, Any], steps: int = TOTAL) -> list[float]:
    schedule = SCHEDULES[name](**arguments)
    return [schedule.share(step, STEPS, EPOCHS) for step in range(steps)]


def test_every_schedule_has_a_case() -> None:
    assert {name for name, _ in CASES} == set(SCHEDULES)


@every_case
def test_a_share_is_above_zero_and_at_most_one(name: str, arguments: dict[str, Any]) -> None:
    """Also after the end, where a longer run may go."""
    assert all(0 < share <= 1 for share in shares(name, arguments))
    assert all(0 <= share <= 1 for share in shares(name, arguments, 3 * TOTAL))


@pytest.mark.parametrize(
    ("name", "arguments"), [case for case in CASES if issubclass(SCHEDULES[case[0]], WarmingUp)], ids=str
)
def test_the_warm_up_rises_evenly_to_the_peak(name: str, arguments: dict[str, Any]) -> None:
    warmup = round(arguments.get("warmup_epochs", 0) * STEPS)
    found = shares(name, arguments, warmup + 1)
    assert found[:warmup] == pytest.approx([(step + 1) / warmup for step in range(warmup)])
    assert found[warmup] == pytest.approx(1.0)


def test_constant_is_the_peak_throughout() -> None:
    assert shares("constant", {}) == [1.0] * TOTAL


def test_cosine_has_its_closed_form_and_ends_near_its_final_share() -> None:
    assert shares("cosine", {}) == pytest.approx([math.cos(math.pi * step / TOTAL / 2) ** 2 for step in range(TOTAL)])
    assert shares("cosine", {"final": 0.1}, TOTAL + 5)[TOTAL:] == pytest.approx([0.1] * 5)


THEIRS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("cosine", {"final": 0.25}, "CosineAnnealingLR", {"T_max": TOTAL, "eta_min": 0.25}),
    ("linear", {"final": 0.3}, "LinearLR", {"start_factor": 1, "end_factor": 0.3, "total_iters": TOTAL}),
    ("step", {"every_epochs": 2, "factor": 0.3}, "StepLR", {"step_size": 2 * STEPS, "gamma": 0.3}),
    ("exponential", {"factor": 0.5, "every_epochs": 2}, "ExponentialLR", {"gamma": 0.5 ** (1 / (2 * STEPS))}),
    ("polynomial", {"power": 2}, "PolynomialLR", {"total_iters": TOTAL, "power": 2}),
    ("one_cycle", {}, "OneCycleLR", {"max_lr": 1.0, "total_steps": TOTAL}),
    (
        "one_cycle",
        {"rise": 0.45, "start": 0.1, "final": 0.002},
        "OneCycleLR",
        {"max_lr": 1.0, "total_steps": TOTAL, "pct_start": 0.45, "div_factor": 10, "final_div_factor": 50},
    ),
]


@pytest.mark.parametrize(("name", "arguments", "theirs", "settings"), THEIRS)
def test_schedules_are_those_of_torch(
    name: str, arguments: dict[str, Any], theirs: str, settings: dict[str, Any]
) -> None:
    """Every one but `constant` and those that follow validation has a case."""
    following = {name for name, schedule in SCHEDULES.items() if schedule.follows_validation}
    assert {case[0] for case in THEIRS} == set(SCHEDULES) - {"constant", *following}
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=0.9)
    scheduler = getattr(lr_scheduler, theirs)(optimizer, **settings)
    expected = []
    for _ in range(TOTAL - 1):
        expected.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    expected.append(scheduler.get_last_lr()[0])
    assert shares(name, arguments) == pytest.approx(expected, rel=1e-9)


def test_a_polynomial_ends_at_its_final_share_as_in_keras() -> None:
    """PolynomialDecay: (initial - end) (1 - step / decay_steps)^power + end."""
    expected = [0.2 + 0.8 * (1 - min(step / TOTAL, 1)) ** 3 for step in range(TOTAL + 5)]
    assert shares("polynomial", {"power": 3, "final": 0.2}, TOTAL + 5) == pytest.approx(expected)


def test_steps_are_counted_from_the_end_of_the_warm_up() -> None:
    found = shares("step", {"every_epochs": 1, "factor": 0.5, "warmup_epochs": 2}, 4 * STEPS)
    assert found[2 * STEPS :] == [1.0] * STEPS + [0.5] * STEPS


@every_case
def test_only_a_schedule_that_asks_for_the_total_depends_on_it(name: str, arguments: dict[str, Any]) -> None:
    """Else jobs that differ in epochs alone could share a trajectory that is not the same."""
    schedule = SCHEDULES[name](**arguments)
    depends = any(schedule.share(step, STEPS, 30) != schedule.share(step, STEPS, 300) for step in range(3 * TOTAL))
    assert depends == schedule.needs_total or arguments.get("final") == 1


CALLBACKS = json.loads((Path(__file__).parents[1] / "golden/keras_callbacks.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_rates_are_reduced_where_keras_reduces_them(measure: Any) -> None:
    """As computed with Keras's ReduceLROnPlateau by scripts/keras_callbacks.py."""
    cases = [case for case in CALLBACKS["reduce on plateau"] if case["measure"] == measure]
    assert len({tuple(case["rates"]) for case in cases}) > 10 and {} in [case["arguments"] for case in cases]
    for case in cases:
        own = {"min_learning_rate" if name == "min_lr" else name: value for name, value in case["arguments"].items()}
        schedule, values = SCHEDULES["reduce_on_plateau"](**own), case["values"]
        found = [schedule.peak_after(values[:epoch], measure, case["rates"][0]) for epoch in range(len(values))]
        assert found == case["rates"]


@every_case
def test_the_peak_is_that_of_the_training_unless_the_schedule_follows_validation(
    name: str, arguments: dict[str, Any]
) -> None:
    schedule = SCHEDULES[name](**arguments)
    assert schedule.peak_after([], "loss", 0.3) == 0.3
    assert (schedule.peak_after([1.0] * 50, "loss", 0.3) != 0.3) == schedule.follows_validation
