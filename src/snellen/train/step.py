"""One training step: forward, loss, backward, update."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from snellen.models.build import Network
from snellen.models.keys import Key
from snellen.models.layer import Tensors
from snellen.train.flat import Layout
from snellen.train.optimizers import Optimizer


@dataclass(frozen=True)
class Rule:
    """What stays the same from step to step: the network, where its parameters lie, and how they move.

    weight_decay: (L, 1), or None for none in any lane.
    """

    network: Network
    layout: Layout
    optimizer: Optimizer
    weight_decay: Tensor | None


@dataclass(frozen=True, eq=False)
class StepOutcome:
    """losses: (L, N) of each row before the step. right: (L, N) bool. state: all entries, the changed ones new."""

    losses: Tensor
    right: Tensor
    state: dict[str, Tensor]


def training_step(
    rule: Rule,
    theta: Tensor,
    state: Tensors,
    slots: dict[str, Tensor],
    x: Tensor,
    labels: Tensor,
    step: int,
    rate: Tensor,
    key: Key | None,
) -> StepOutcome:
    """Moves theta (L, P) and the slots in place, by the mean cross-entropy of each lane.

    x: (L, N, H, W, C); labels: (L, N); step: from 1; rate: (L, 1).
    """
    theta.requires_grad_()
    logits, changed = rule.network.apply(rule.layout.views(theta), state, x, "train", key)
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    (gradient,) = torch.autograd.grad(losses.mean(1).sum(), theta)
    theta.requires_grad_(False)
    rule.optimizer.step(theta, gradient, slots, step, rate, rule.weight_decay)
    return StepOutcome(losses.detach(), logits.detach().argmax(-1) == labels, {**state, **changed})
