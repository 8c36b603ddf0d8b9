"""One training step: forward, the gradient of the loss, backward, update."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from snellen.models.batch_shard import BatchShard
from snellen.models.build import Network
from snellen.models.keys import Randomness
from snellen.models.layer import Tensors
from snellen.models.side_by_side import side_by_side
from snellen.train.backend.kernel_pass import Passes
from snellen.train.backend.layer_table import Compiled
from snellen.train.backend.thread_team import ThreadTeam
from snellen.train.job import Trajectory
from snellen.train.layout import Layout
from snellen.train.optimizers import Optimizer
from snellen.train.per_lane_optimizer import PerLaneOptimizer, beside_each_other

SHARED_NUMBERS = 500_000
"""Parameters of a pack from which on a team shares the optimizer's step: to meet takes as long as 100,000."""


@dataclass(frozen=True)
class Rule:
    """What stays the same from step to step: the network, where its parameters lie, and how they move.

    targets: (L, K, K), a row for each label. weight_decay, clip_norm: (L, 1), each None for none in any lane.
    """

    network: Network
    layout: Layout
    optimizer: Optimizer | PerLaneOptimizer
    targets: Tensor
    weight_decay: Tensor | None = None
    clip_norm: Tensor | None = None

    @staticmethod
    def of(trajectories: Sequence[Trajectory], layout: Layout, device: str, dtype: torch.dtype = torch.float64) -> Rule:
        """The rule of a pack, one trajectory a lane; they differ in numbers only."""
        return Rule(
            side_by_side([each.network for each in trajectories]),
            layout,
            beside_each_other([each.optimizer for each in trajectories]),
            torch.stack([_targets(each) for each in trajectories]).to(device, dtype),
            _lanes([each.weight_decay for each in trajectories], 0.0, device),
            _lanes([each.clip_norm or math.inf for each in trajectories], math.inf, device),
        )


def _lanes(values: Sequence[float], neutral: float, device: str) -> Tensor | None:
    """(L, 1); None where all are the value that changes nothing."""
    if all(each == neutral for each in values):
        return None
    return torch.tensor(values, device=device).unsqueeze(1)


def _targets(trajectory: Trajectory) -> Tensor:
    """(K, K) float64: 1 - e for the label plus e / K for every class, e being the label smoothing, times the weight of
    the label's class. Weights multiply the loss of a row, as Keras's `class_weight`; the mean is over rows."""
    classes, amount = trajectory.classes, trajectory.label_smoothing
    smooth = (1 - amount) * torch.eye(classes, dtype=torch.float64) + amount / classes
    return smooth * torch.tensor(trajectory.class_weights or (1.0,), dtype=torch.float64).unsqueeze(1)


@dataclass(frozen=True, eq=False)
class Mixed:
    """What else pictures show that are made of two. labels: (L, N) of the second; share: (L, N) of the first."""

    labels: Tensor
    share: Tensor


@dataclass(frozen=True, eq=False)
class Workspace:
    """What all steps on the same parameters need. leaves: views of them by name, of which gradients are asked for.
    gradients: (L, P) for each part of a batch, overwritten by every step. team: who computes the parts. passes: the
    kernels, where they are used."""

    leaves: dict[str, Tensor]
    gradients: tuple[Tensor, ...]
    team: ThreadTeam
    passes: Passes | None = None

    @staticmethod
    def of(layout: Layout, theta: Tensor, team: ThreadTeam, compiled: Compiled | None = None) -> Workspace:
        """Of theta (L, P), which may be changed in place between steps. compiled: None for torch."""
        leaves = {name: view.detach().requires_grad_() for name, view in layout.views(theta).items()}
        gradients = tuple(torch.empty_like(theta) for _ in range(team.parts))
        return Workspace(leaves, gradients, team, Passes(compiled, theta, gradients) if compiled else None)


@dataclass(frozen=True, eq=False)
class StepOutcome:
    """logits, targets: (L, N, K) of each row before the step; right: (L, N), its label. state: all entries, the changed
    ones new."""

    logits: Tensor
    targets: Tensor
    labels: Tensor
    state: dict[str, Tensor]

    @property
    def losses(self) -> Tensor:
        """(L, N), as training minimises them: weighted, smoothed and mixed."""
        return row_losses(self.logits, self.targets)

    @property
    def right(self) -> Tensor:
        """(L, N) bool."""
        return right_answers(self.logits, self.labels)


def training_step(
    rule: Rule,
    theta: Tensor,
    state: Tensors,
    slots: dict[str, Tensor],
    x: Tensor,
    labels: Tensor,
    step: int | Tensor,
    rate: Tensor,
    key: Randomness | None,
    weights: Tensor | None = None,
    mixed: Mixed | None = None,
    workspace: Workspace | None = None,
) -> StepOutcome:
    """Moves theta (L, P) and the slots in place, by the mean cross-entropy of each lane.

    x: (L, N, H, W, C); labels: (L, N); step: from 1; rate: (L, 1). weights: (L, N), 0 for rows that only fill a batch
    up, or None when all count; such rows have no loss and are never right. workspace: of theta; None for a new one.
    """
    space = workspace or Workspace.of(rule.layout, theta, ThreadTeam())
    targets = row_targets(rule, labels, mixed, weights)
    if space.passes is None:
        logits, changed, parts = _by_torch(rule, state, x, targets, key, weights, space)
    else:
        (logits, parts), changed = space.passes.of(x, targets, weights, state, key, space.team), {}
    _move(rule, theta, slots, step, rate, space.gradients[:parts], space.team)
    return StepOutcome(logits, targets, right_labels(labels, mixed, weights), {**state, **changed})


def _move(
    rule: Rule,
    theta: Tensor,
    slots: dict[str, Tensor],
    step: int | Tensor,
    rate: Tensor,
    gradients: Sequence[Tensor],
    team: ThreadTeam,
) -> None:
    """theta (L, P) and the slots by the sum of the gradients of the parts. Many parameters are shared among the team
    where each moves by itself."""

    def move(number: int, share: BatchShard | None) -> None:
        span = share.rows if share else slice(None)
        own, first = {name: slot[:, span] for name, slot in slots.items()}, gradients[0][:, span]
        for other in gradients[1:]:
            first.add_(other[:, span])
        gradient = first if rule.clip_norm is None else clipped(first, rule.clip_norm)
        rule.optimizer.step(theta[:, span], gradient, own, step, rate, rule.weight_decay, rule.layout)

    if rule.clip_norm is None and rule.optimizer.each_alone and theta.numel() >= SHARED_NUMBERS:
        team.share(move, theta.shape[1])
    else:
        move(0, None)


def _by_torch(
    rule: Rule,
    state: Tensors,
    x: Tensor,
    targets: Tensor,
    key: Randomness | None,
    weights: Tensor | None,
    space: Workspace,
) -> tuple[Tensor, Tensors, int]:
    """Logits (L, N, K), the changed entries of the state, and how many of the gradients have been written."""
    counts = x.shape[1] if weights is None else weights.sum(1).view(-1, 1, 1)

    def compute(number: int, share: BatchShard | None) -> tuple[Tensor, Tensors]:
        rows = share.rows if share else slice(None)
        logits, changed = rule.network.apply(space.leaves, state, x[:, rows], "train", key, weights, share)
        descent = loss_gradient(logits.detach(), targets[:, rows], counts)
        gradients = torch.autograd.grad(logits, list(space.leaves.values()), descent)
        torch.cat([each.flatten(1) for each in gradients], 1, out=space.gradients[number])
        return logits.detach(), changed

    parts = space.team.share(compute, x.shape[1])
    logits = parts[0][0] if len(parts) == 1 else torch.cat([logits for logits, _ in parts], 1)
    return logits, parts[0][1], len(parts)


def row_targets(rule: Rule, labels: Tensor, mixed: Mixed | None = None, weights: Tensor | None = None) -> Tensor:
    """(L, N, K): what the loss of each row wants of its logits; they sum up to its weight in the loss.

    Of a mixed picture the mean of those for both labels, weighted by their shares; of a row that fills up nothing.
    """
    targets = _looked_up(rule.targets, labels)
    if mixed is not None:
        share = mixed.share.to(targets.dtype).unsqueeze(-1)
        targets = _looked_up(rule.targets, mixed.labels).lerp(targets, share)
    return targets if weights is None else targets * weights.to(targets.dtype).unsqueeze(-1)


def _looked_up(table: Tensor, labels: Tensor) -> Tensor:
    """Rows (L, N, K) of the table (L, K, K)."""
    lanes, classes = table.shape[:2]
    if lanes > 1:
        labels = labels + torch.arange(0, lanes * classes, classes, device=labels.device).unsqueeze(1)
    return functional.embedding(labels, table.flatten(0, 1))


def right_labels(labels: Tensor, mixed: Mixed | None, weights: Tensor | None) -> Tensor:
    """(L, N): of a mixed picture the label with the larger share; -1, which nothing is, of a row that fills up."""
    if mixed is not None:
        labels = labels.where(mixed.share >= 0.5, mixed.labels)
    return labels if weights is None else labels.where(weights > 0, -1)


def row_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """(L, N) cross-entropy of logits (L, N, K) against targets (L, N, K)."""
    return -(targets * logits.log_softmax(-1)).sum(-1)


def right_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """(L, N) bool: whether the largest logit is that of the label."""
    return logits.argmax(-1) == labels


def loss_gradient(logits: Tensor, targets: Tensor, counts: Tensor | int) -> Tensor:
    """Of the losses of all rows, divided by counts, with respect to the logits: (sum(targets) softmax - targets)."""
    return logits.softmax(-1).mul_(targets.sum(-1, keepdim=True)).sub_(targets).div_(counts)


def clipped(gradient: Tensor, clip_norm: Tensor) -> Tensor:
    """gradient (L, P) with a norm of at most clip_norm (L, 1) in each lane; Keras's `global_clipnorm`."""
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return gradient * (clip_norm / norm).clamp(max=1.0)
