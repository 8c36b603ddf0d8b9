"""One training step: the batch goes forward, the loss backward, and the optimizer updates the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from snellen.models import chain
from snellen.models.batch_shard import BatchShard, rows_of
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.keys import Randomness
from snellen.models.layer import Step, Tensors
from snellen.models.side_by_side import side_by_side
from snellen.train.augment.mixing import Mixed
from snellen.train.job import Trajectory
from snellen.train.layout import Layout
from snellen.train.loss import (
    loss_gradient,
    right_answers,
    right_labels,
    row_losses,
    row_targets,
    target_table,
)
from snellen.train.optimizers import Optimizer
from snellen.train.penalties import Penalties
from snellen.train.per_lane_optimizer import PerLaneOptimizer, beside_each_other
from snellen.train.rate_groups import RateGroup, rate_groups
from snellen.train.snapshot import Snapshot, Values
from snellen.train.thread_team import ThreadTeam

SHARED_NUMBERS = 500_000
"""From so many parameters of a pack on, threads share the update: waiting for each other takes as long as 100,000."""


@dataclass(frozen=True)
class Rule:
    """What stays the same from step to step: the network, where its parameters lie, and how they are updated.

    targets: (L, K, K), a row for each label. weight_decay, clip_norm, clip_parameter_norm, clip_value: (L, 1), None
    where no lane has one. rate_groups: of parameters with learning rates of their own.
    """

    network: Network
    layout: Layout
    optimizer: Optimizer | PerLaneOptimizer
    targets: Tensor
    weight_decay: Tensor | None = None
    clip_norm: Tensor | None = None
    rate_groups: tuple[RateGroup, ...] = ()
    clip_parameter_norm: Tensor | None = None
    clip_value: Tensor | None = None
    penalties: Penalties | None = None

    @property
    def clips(self) -> bool:
        """Whether the gradient of any lane is clipped."""
        return any(each is not None for each in (self.clip_norm, self.clip_parameter_norm, self.clip_value))

    @staticmethod
    def of(trajectories: Sequence[Trajectory], layout: Layout, device: str, dtype: torch.dtype = torch.float64) -> Rule:
        """The rule of a pack, one trajectory a lane; they differ in numbers only."""
        networks = [each.trained for each in trajectories]
        network = side_by_side(networks)
        return Rule(
            network,
            layout,
            beside_each_other([each.optimizer for each in trajectories]),
            torch.stack([target_table(each) for each in trajectories]).to(device, dtype),
            _one_a_lane([each.weight_decay for each in trajectories], 0.0, device),
            _limits([each.clip_norm for each in trajectories], device),
            rate_groups(network, layout),
            _limits([each.clip_parameter_norm for each in trajectories], device),
            _limits([each.clip_value for each in trajectories], device),
            Penalties.of(networks, layout, device, dtype),
        )


def _limits(values: Sequence[float | None], device: str) -> Tensor | None:
    return _one_a_lane([value or math.inf for value in values], math.inf, device)


def _one_a_lane(values: Sequence[float], neutral: float, device: str) -> Tensor | None:
    """(L, 1); None where all are the value that changes nothing."""
    if all(each == neutral for each in values):
        return None
    return torch.tensor(values, device=device).unsqueeze(1)


@dataclass(frozen=True, eq=False)
class StepInputs:
    """One batch for each lane. x: (L, N, H, W, C), augmented; labels: (L, N); step: counted from 1, a tensor where a
    captured step reads it; learning_rate: (L, 1); key: of the random numbers of the step.

    sample_weight: (L, N), 0 for rows that only pad the batch, None when all rows count. mixed: the second labels of
    mixed images. rows: (L, N) of the data set, where somebody needs them.
    """

    x: Tensor
    labels: Tensor
    step: int | Tensor
    learning_rate: Tensor
    key: Randomness | None = None
    sample_weight: Tensor | None = None
    mixed: Mixed | None = None
    rows: Tensor | None = None


@dataclass(eq=False)
class TrainState:
    """What steps change: parameters theta (L, P), the state of the layers and the slots of the optimizer, name ->
    (L, ...)."""

    theta: Tensor
    layers: Values
    slots: Values

    @staticmethod
    def of(snapshot: Snapshot) -> TrainState:
        """Copies of what steps change in place; the state of layers is replaced, never changed."""
        return TrainState(snapshot.theta.clone(), snapshot.state, _cloned(snapshot.slots))

    def clone(self) -> TrainState:
        """Copies of everything."""
        return TrainState(self.theta.clone(), _cloned(self.layers), _cloned(self.slots))

    def copy_from(self, other: TrainState) -> None:
        """Copies the values of `other` into the tensors of this state."""
        pairs = [(self.theta, other.theta)]
        for own, theirs in ((self.layers, other.layers), (self.slots, other.slots)):
            pairs += [(value, theirs[name]) for name, value in own.items()]
        for value, new in pairs:
            if new is not value:
                value.copy_(new)


def _cloned(values: Values) -> Values:
    return {name: value.clone() for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class StepOutcome:
    """logits, targets: (L, N, K) of each row before the update; labels: (L, N) that count as right."""

    logits: Tensor
    targets: Tensor
    labels: Tensor

    @property
    def losses(self) -> Tensor:
        """(L, N), as training minimises them: weighted, smoothed and mixed."""
        return row_losses(self.logits, self.targets)

    @property
    def right(self) -> Tensor:
        """(L, N) bool."""
        return right_answers(self.logits, self.labels)


class ShardOutcome(NamedTuple):
    """Of the rows of one shard: logits (L, n, K), and the changed entries of the state of the layers."""

    logits: Tensor
    layers: Tensors


ForwardBackward = Callable[[int, BatchShard | None], ShardOutcome]
"""Of the shard with this number: logits, and its gradient is written; without a shard, of the whole batch."""


class Backend(Protocol):
    """Computes forward and backward passes. gradients: (L, P) for each shard, overwritten by every step."""

    gradients: Sequence[Tensor]

    def forward_backward(self, inputs: StepInputs, targets: Tensor, layers: Values) -> ForwardBackward:
        """Prepares the passes of one step. targets: (L, N, K); layers: the state of the layers."""


@dataclass(frozen=True, eq=False)
class Workspace:
    """Who computes all steps on the same parameters: the backend, on the threads of the team."""

    backend: Backend
    team: ThreadTeam


def training_step(rule: Rule, state: TrainState, inputs: StepInputs, workspace: Workspace) -> StepOutcome:
    """Updates every lane by the gradient of its mean cross-entropy: forward, loss, backward, update.

    Parameters and slots are changed in place; workspace: made for these parameters. Rows that only pad the batch have
    no loss and are never right.
    """
    targets = row_targets(rule.targets, inputs.labels, inputs.mixed, inputs.sample_weight)
    forward_backward = workspace.backend.forward_backward(inputs, targets, state.layers)
    shards = workspace.team.share(forward_backward, inputs.x.shape[1])
    update(rule, state, inputs, workspace.backend.gradients[: len(shards)], workspace.team)
    state.layers = {**state.layers, **shards[0].layers}
    logits = shards[0].logits if len(shards) == 1 else torch.cat([each.logits for each in shards], 1)
    return StepOutcome(logits, targets, right_labels(inputs.labels, inputs.mixed, inputs.sample_weight))


class TorchBackend:
    """Forward by the layers, backward by torch.autograd. layers: of the network; theta: (L, P), which may be changed in
    place between steps."""

    def __init__(self, layers: Sequence[Placed], layout: Layout, theta: Tensor, shards: int = 1) -> None:
        self.layers = layers
        self.parameters = {name: view.detach().requires_grad_() for name, view in layout.views(theta).items()}
        self.gradients: Sequence[Tensor] = [torch.empty_like(theta) for _ in range(shards)]

    def forward_backward(self, inputs: StepInputs, targets: Tensor, layers: Values) -> ForwardBackward:
        """The loss of a row is divided by the rows that count in the whole batch."""
        weight = inputs.sample_weight
        counts = inputs.x.shape[1] if weight is None else weight.sum(1).view(-1, 1, 1)

        def of_shard(number: int, shard: BatchShard | None) -> ShardOutcome:
            rows, step = rows_of(shard), Step("train", inputs.key, weight, shard)
            logits, changed = chain.apply(self.layers, self.parameters, layers, inputs.x[:, rows], step)
            to_logits = loss_gradient(logits.detach(), targets[:, rows], counts)
            gradients = torch.autograd.grad(logits, list(self.parameters.values()), to_logits)
            torch.cat([each.flatten(1) for each in gradients], 1, out=self.gradients[number])
            return ShardOutcome(logits.detach(), changed)

        return of_shard


def update(rule: Rule, state: TrainState, inputs: StepInputs, gradients: Sequence[Tensor], team: ThreadTeam) -> None:
    """Updates parameters and slots by the sum of the gradients of the shards. Threads share many parameters, where each
    parameter is updated independently of the others."""

    def of_some(number: int, shard: BatchShard | None) -> None:
        span = rows_of(shard)
        total = gradients[0][:, span]
        for other in gradients[1:]:
            total.add_(other[:, span])
        of_group(span, minimised(total, span), inputs.learning_rate)

    def minimised(gradient: Tensor, span: slice) -> Tensor:
        """The gradient with penalties, clipped."""
        if rule.penalties is not None:
            rule.penalties.add_gradient(gradient, state.theta[:, span], span)
        return clipped(rule, gradient) if rule.clips else gradient

    def of_group(span: slice, gradient: Tensor, rate: Tensor) -> None:
        slots = {name: slot[:, span] for name, slot in state.slots.items()}
        theta = state.theta[:, span]
        rule.optimizer.step(theta, gradient, slots, inputs.step, rate, rule.weight_decay, rule.layout)

    if rule.rate_groups:
        for other in gradients[1:]:
            gradients[0].add_(other)
        whole = minimised(gradients[0], slice(None))
        for span, factor in rule.rate_groups:
            of_group(span, whole[:, span], inputs.learning_rate * factor)
    elif not rule.clips and rule.optimizer.is_elementwise and state.theta.numel() >= SHARED_NUMBERS:
        team.share(of_some, state.theta.shape[1])
    else:
        of_some(0, None)


def clipped(rule: Rule, gradient: Tensor) -> Tensor:
    """gradient (L, P), clipped in each lane as the rule says: all parameters together (Keras's `global_clipnorm`), each
    parameter alone (`clipnorm`), or each number (`clipvalue`)."""
    if rule.clip_norm is not None:
        gradient = with_norm_of_at_most(gradient, rule.clip_norm)
    if rule.clip_parameter_norm is not None:
        parts = gradient.split([math.prod(shape) for _, shape in rule.layout.shapes], 1)
        gradient = torch.cat([with_norm_of_at_most(part, rule.clip_parameter_norm) for part in parts], 1)
    if rule.clip_value is not None:
        gradient = gradient.clamp(-rule.clip_value, rule.clip_value)
    return gradient


def with_norm_of_at_most(gradient: Tensor, limit: Tensor) -> Tensor:
    """gradient (L, P), shortened in each lane to a norm of at most `limit` (L, 1)."""
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return gradient * (limit / norm).clamp(max=1.0)
