"""One training step: forward, loss, backward, update."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from snellen.models.build import Network
from snellen.models.keys import Key
from snellen.models.layer import Tensors
from snellen.models.side_by_side import side_by_side
from snellen.train.flat import Layout
from snellen.train.job import Trajectory
from snellen.train.optimizers import Optimizer


@dataclass(frozen=True)
class Rule:
    """What stays the same from step to step: the network, where its parameters lie, and how they move.

    weight_decay, clip_norm, label_smoothing: (L, 1), class_weights: (L, K); each None for none in any lane.
    """

    network: Network
    layout: Layout
    optimizer: Optimizer
    weight_decay: Tensor | None
    clip_norm: Tensor | None = None
    label_smoothing: Tensor | None = None
    class_weights: Tensor | None = None

    @staticmethod
    def of(trajectories: Sequence[Trajectory], layout: Layout, device: str) -> Rule:
        """The rule of a pack, one trajectory a lane; they differ in numbers only."""
        shared = trajectories[0]
        ones = (1.0,) * shared.classes
        return Rule(
            side_by_side([each.network for each in trajectories]),
            layout,
            shared.optimizer,
            _lanes([(each.weight_decay,) for each in trajectories], 0.0, device),
            _lanes([(each.clip_norm or math.inf,) for each in trajectories], math.inf, device),
            _lanes([(each.label_smoothing,) for each in trajectories], 0.0, device),
            _lanes([each.class_weights or ones for each in trajectories], 1.0, device),
        )


def _lanes(values: Sequence[Sequence[float]], neutral: float, device: str) -> Tensor | None:
    """(L, n); None where all are the value that changes nothing."""
    if all(each == neutral for lane in values for each in lane):
        return None
    return torch.tensor(values, device=device)


@dataclass(frozen=True, eq=False)
class Mixed:
    """What else pictures show that are made of two. labels: (L, N) of the second; share: (L, N) of the first."""

    labels: Tensor
    share: Tensor


@dataclass(frozen=True, eq=False)
class StepOutcome:
    """losses: (L, N) of each row before the step, as training minimises them: weighted, smoothed and mixed.

    right: (L, N) bool; of a mixed picture the label with the larger share counts. state: all entries, the changed ones
    new.
    """

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
    weights: Tensor | None = None,
    mixed: Mixed | None = None,
) -> StepOutcome:
    """Moves theta (L, P) and the slots in place, by the mean cross-entropy of each lane.

    x: (L, N, H, W, C); labels: (L, N); step: from 1; rate: (L, 1). weights: (L, N), 0 for rows that only fill a batch
    up, or None when all count; such rows have no loss and are never right.
    """
    theta.requires_grad_()
    logits, changed = rule.network.apply(rule.layout.views(theta), state, x, "train", key, weights)
    losses = mixed_losses(rule, logits, labels, mixed)
    means = losses.mean(1) if weights is None else (losses * weights).sum(1) / weights.sum(1)
    (gradient,) = torch.autograd.grad(means.sum(), theta)
    theta.requires_grad_(False)
    if rule.clip_norm is not None:
        gradient = clipped(gradient, rule.clip_norm)
    rule.optimizer.step(theta, gradient, slots, step, rate, rule.weight_decay)
    wanted = labels if mixed is None else labels.where(mixed.share >= 0.5, mixed.labels)
    losses, right = losses.detach(), logits.detach().argmax(-1) == wanted
    if weights is not None:
        losses, right = losses * weights, right & (weights > 0)
    return StepOutcome(losses, right, {**state, **changed})


def row_losses(rule: Rule, logits: Tensor, labels: Tensor) -> Tensor:
    """(L, N) cross-entropy of logits (L, N, K) against labels (L, N), smoothed and weighted as the rule says.

    Smoothing: the target is (1 - e) for the label plus e / K for every class. Class weights multiply the loss of each
    row, as Keras's `class_weight` does; the mean is over rows, not over weights.
    """
    if rule.label_smoothing is None:
        losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    else:
        shares = -logits.log_softmax(-1)
        own = shares.take_along_dim(labels[..., None], -1).squeeze(-1)
        losses = own.lerp(shares.mean(-1), rule.label_smoothing.to(own.dtype))
    if rule.class_weights is None:
        return losses
    return losses * rule.class_weights.to(losses.dtype).take_along_dim(labels, 1)


def mixed_losses(rule: Rule, logits: Tensor, labels: Tensor, mixed: Mixed | None) -> Tensor:
    """(L, N) losses; of a mixed picture the mean of those for both labels, weighted by their shares."""
    losses = row_losses(rule, logits, labels)
    return losses if mixed is None else row_losses(rule, logits, mixed.labels).lerp(losses, mixed.share)


def clipped(gradient: Tensor, clip_norm: Tensor) -> Tensor:
    """gradient (L, P) with a norm of at most clip_norm (L, 1) in each lane; Keras's `global_clipnorm`."""
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return gradient * (clip_norm / norm).clamp(max=1.0)
