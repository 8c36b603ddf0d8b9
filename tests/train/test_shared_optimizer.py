"""Protects the optimizer's step that a team shares: each moves some of the parameters, and all move as by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from training_cases import job

from snellen.train import step as steps
from snellen.train.backend.choose import workspace
from snellen.train.layout import Layout
from snellen.train.step import Rule, StepInputs, TrainState, training_step
from snellen.train.thread_team import ThreadTeam

CHANGES: dict[str, Any] = {"layers": ["flatten", {"dense": 8}], "input_shape": (4, 3, 1), "classes": 5}

PENALISED = ["flatten", {"dense": {"units": 8, "l1": 0.1, "l2": 0.2}}]


def trained(optimizers: list[Any], parts: int, counted: list[int], monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """theta (2, P) after three steps of two lanes. counted: gets what the team shares, each time."""
    trajectories = [job(**{**CHANGES, **each}).trajectory for each in optimizers]
    layout = Layout.of(trajectories[0].network.init((0,))[0])
    rule, (parameters, state) = Rule.of(trajectories, layout, "cpu"), trajectories[0].network.init((0, 1))
    theta, random = layout.flatten(parameters).double(), torch.Generator().manual_seed(1)
    slots = {name: torch.zeros_like(theta) for name in trajectories[0].optimizer.slots()}
    x = torch.rand((2, 40, 4, 3, 1), generator=random, dtype=torch.float64)
    labels = torch.randint(0, 5, (2, 40), generator=random)
    share = ThreadTeam.share

    def noting(team: ThreadTeam, compute: Any, rows: int) -> list[Any]:
        counted.append(rows)
        return share(team, compute, rows)

    monkeypatch.setattr(ThreadTeam, "share", noting)
    with ThreadTeam(parts) as team:
        space, rates = workspace(rule, theta, team), torch.tensor([[0.1], [0.02]], dtype=torch.float64)
        for number in range(3):
            training_step(rule, TrainState(theta, state, slots), StepInputs(x, labels, number + 1, rates), space)
    return theta


@pytest.mark.parametrize(
    ("lanes", "shared"),
    [
        ([{"optimizer": "adam"}] * 2, True),
        ([{"optimizer": "adamw", "weight_decay": 0.1}] * 2, True),
        ([{"optimizer": {"sgd": {"momentum": each}}} for each in (0.5, 0.9)], True),
        ([{"optimizer": "adam", "layers": PENALISED}, {"optimizer": "adam"}], True),
        ([{"optimizer": "muon"}] * 2, False),
        ([{"optimizer": "adam", "clip_value": 0.01}] * 2, False),
        ([{"optimizer": "adam", "clip_parameter_norm": 0.01}] * 2, False),
        ([{"optimizer": "adam", "clip_norm": 0.01}] * 2, False),
    ],
    ids=str,
)
def test_all_move_as_by_one(lanes: list[Any], shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of Muon needs whole matrices, and clipping the whole gradient: those are never shared."""
    monkeypatch.setattr(steps, "SHARED_NUMBERS", 1)
    expected = trained(lanes, 1, [], monkeypatch)
    counted: list[int] = []
    found = trained(lanes, 2, counted, monkeypatch)
    assert counted == [40, expected.shape[1]] * 3 if shared else [40] * 3
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_few_parameters_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    trained([{"optimizer": "adam"}] * 2, 2, counted, monkeypatch)
    assert counted == [40] * 3
