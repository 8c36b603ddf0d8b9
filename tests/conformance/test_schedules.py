"""Protects the learning rate of every step: closed forms, the warm-up, and shares that stay between 0 and 1."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from snellen.train.schedules import SCHEDULES

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


@every_case
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


def test_cosine_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=TOTAL, eta_min=0.25)
    expected = []
    for _ in range(TOTAL):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert shares("cosine", {"final": 0.25}) == pytest.approx(expected)


def test_only_a_schedule_that_asks_for_the_total_depends_on_it() -> None:
    """Else jobs that differ in epochs alone could share a trajectory that is not the same."""
    for name, schedule in SCHEDULES.items():
        depends = any(schedule().share(step, STEPS, 3) != schedule().share(step, STEPS, 30) for step in range(TOTAL))
        assert depends == schedule.needs_total, name
