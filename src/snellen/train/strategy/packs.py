"""Packs are formed from the plan alone: lanes of one shape, in the order of the plan, up to a width.

So neither the machine nor the number of workers changes a bit of what is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from snellen.files.hashing import identity
from snellen.train.augment.augmentation import Augmentation
from snellen.train.lane import Lane
from snellen.train.optimizers import Optimizer
from snellen.train.strategy.rule import width_by_rule

WORTH_SECONDS = 10.0
"""Work that is worth a process of its own, which takes 3 s to start and 0.4 GB."""
UNDIVIDED_SECONDS = 2 * WORTH_SECONDS
"""A single pack with more work becomes two, for two processes."""
STEP_SECONDS, MULTIPLY_ADDS_PER_SECOND = 3e-4, 25e9
"""Rough cost of a step on one core: a constant, and its multiply-adds at this rate."""

PER_LANE = {
    *("seed", "rows", "start", "continues", "learning_rate", "weight_decay", "schedule", "total_epochs", "followed"),
    *("clip_norm", "clip_parameter_norm", "clip_value", "label_smoothing", "class_weights"),
}
"""What lanes of one pack may differ in; besides, in the strength of their augmentations, the rates of dropout, the
penalties of layers, and the numbers of their optimizer, such as momentum."""

PositionedLane = tuple[int, Lane]
"""(position in the plan, lane)."""


def form_packs(
    lanes: Iterable[Lane], reached_by: Callable[[Lane], Hashable], width_of: Callable[[Lane], int] = width_by_rule
) -> list[tuple[Lane, ...]]:
    """The packs of these lanes, ordered by their first lane. Lanes of one shape that have reached the same epoch are
    divided evenly among as few packs as their width allows; among at least two where each then has enough work for a
    process."""
    groups: dict[tuple[Hashable, str], list[PositionedLane]] = {}
    for position, lane in enumerate(lanes):
        groups.setdefault((reached_by(lane), batching_key(lane)), []).append((position, lane))
    packs = [pack for group in groups.values() for pack in _divided(group, width_of(group[0][1]))]
    return [tuple(lane for _, lane in pack) for pack in sorted(packs, key=lambda pack: pack[0][0])]


def _divided(group: list[PositionedLane], width: int) -> list[list[PositionedLane]]:
    count = math.ceil(len(group) / width)
    if count == 1 < len(group) and estimated_seconds([lane for _, lane in group]) > UNDIVIDED_SECONDS:
        count = 2
    ends = [math.ceil(len(group) * number / count) for number in range(count + 1)]
    return [group[start:end] for start, end in pairwise(ends)]


def are_worth_workers(pack_seconds: Iterable[float]) -> bool:
    """Whether training these packs in several processes saves time: the packs other than the longest take at least
    WORTH_SECONDS together."""
    ascending = sorted(pack_seconds)
    return len(ascending) > 1 and sum(ascending[:-1]) >= WORTH_SECONDS


def estimated_seconds(lanes: Sequence[Lane], until: int | None = None, epoch: int = 0) -> float:
    """Rough duration of a pack on one core, without measurements: from `epoch` to its end, or to epoch `until`."""
    trajectory, epochs = lanes[0].trajectory, max(lane.epochs for lane in lanes)
    remaining = max(0, (epochs if until is None else min(epochs, until)) - epoch)
    rows = lanes[0].steps * trajectory.batch_size + sum(len(lane.rows["validation"]) for lane in lanes) / len(lanes) / 3
    work = 3 * rows * trajectory.trained.multiply_adds * len(lanes)
    return remaining * (lanes[0].steps * STEP_SECONDS + work / MULTIPLY_ADDS_PER_SECOND)


def batching_key(lane: Lane) -> str:
    """Equal for lanes that can be trained in one batch: their cost key, phase, steps per epoch, and the phase whose
    random numbers they use."""
    return f"{cost_key(lane)} {lane.trajectory.phase} {lane.steps} {lane.trajectory.optimizer_phase}"


def cost_key(lane: Lane) -> str:
    """Equal for lanes whose training steps cost the same: all settings but the phase, the steps per epoch, and what
    lanes of one pack may differ in. Stored as `kind` in the records of strategies."""
    trajectory = lane.trajectory
    shared = trajectory.model_dump(mode="json", exclude={*PER_LANE, "layers", "augment", "optimizer"})
    layers = [_without_rates(layer.model_dump(mode="json")) for layer in trajectory.layers]
    augment = [_without_strength(each) for each in trajectory.augment]
    return identity([shared, layers, augment, _without_numbers(trajectory.optimizer)])


def _without_numbers(optimizer: Optimizer) -> list[Any]:
    """The kind, its slots, and all arguments but numbers such as momentum."""
    fields, baseline = type(optimizer).model_fields, optimizer.identity_baseline
    values = {name: getattr(optimizer, name) for name in fields}
    told = {name: value for name, value in values.items() if name not in baseline or value != baseline[name]}
    return [{name: value for name, value in told.items() if not isinstance(value, float)}, *optimizer.slots()]


def _without_strength(augmentation: Augmentation) -> list[Any]:
    """The kind, and all arguments that do more than scale random numbers."""
    [(name, arguments)] = augmentation.model_dump(mode="json").items()
    return [name, {field: value for field, value in arguments.items() if field not in augmentation.strengths}]


def _without_rates(layer: Any) -> Any:
    """A layer as JSON, without the rates of dropout and the penalties in it."""
    if isinstance(layer, list):
        return [_without_rates(each) for each in layer]
    if not isinstance(layer, dict):
        return layer
    own = {name: value for name, value in layer.items() if name not in ("l1", "l2")}
    return {name: {} if name == "dropout" else _without_rates(value) for name, value in own.items()}
