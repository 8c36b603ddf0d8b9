"""Packs are formed from the plan alone: lanes of one shape, in the order of the plan, at most so many wide.

So neither the machine nor the number of workers changes a bit of what is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from snellen.files.hashing import identity
from snellen.models.conv import Conv, DepthwiseConv, SeparableConv
from snellen.models.skip import Skip
from snellen.train.augment.augmentation import Augmentation
from snellen.train.backend.choose import KERNELS, TORCH
from snellen.train.lane import Lane
from snellen.train.optimizers import Optimizer

DENSE_WIDTH = 10
"""Lanes of networks without convolutions: their products are batched. A lane of 784-128-10
at batch 32 takes 0.7 times the CPU time of one alone in 5 lanes and in 10; one of 784-512-512-10 takes the same."""
CONV_WIDTHS = ((100_000, 8), (1_500_000, 4))
"""Multiply-adds of one picture below which so many lanes of a network with convolutions are grouped; one beyond.

CPU time per lane, in shares of one lane alone (docs/log.md): of 4.6 thousand multiply-adds 0.17 in 8 lanes; LeNet-5, of
0.48 million, 0.6 in 4 and no less in 8; of 0.7 million 0.67 in 4 and 0.81 in 8; of 5 million 1.35 in 2; of 13, 22 and
41 million 1.0 to 1.08 in 2. The rule for short trainings, and the width that stays unless another measures much faster.
"""
DEVICE_WIDTH = 64
"""Lanes on a GPU, of networks that have several on a CPU: one leaves nearly all of it idle. Not measured; a pack that
does not fit its memory is halved."""
COMPILED_NUMBERS = 400_000
"""Trained numbers of all lanes whose passes the kernels compute one after another: with more, nothing of a lane is left
in the cache when its turn comes again. Microseconds of CPU time a step and lane in 1, 3 and 10 lanes (2 cores of 1 MB,
32 MB shared with others): of 25 thousand numbers 110, 89 and 62; of 102 thousand 190, 211 and 226; of 243 thousand 354,
422 and 510; of LeNet-5, whose passes take longer, 703, 744 and 698."""
WINDOWED = (Conv, DepthwiseConv, SeparableConv, Skip)
WORTH_SECONDS = 10.0
"""Work that is worth a process of its own, which takes 3 s to start and 0.4 GB."""
STEP_SECONDS, MULTIPLY_ADDS_A_SECOND = 3e-4, 25e9
"""What a step costs on one core, roughly: so much however small, and its multiply-adds at this rate."""

PER_LANE = {
    *("seed", "rows", "start", "learning_rate", "weight_decay", "schedule", "total_epochs"),
    *("clip_norm", "label_smoothing", "class_weights"),
}
"""What lanes of one pack may differ in; besides, in the strength of their augmentations, the rates of dropout, and the
numbers of their optimizer, such as momentum."""


def form(
    lanes: Iterable[Lane], epoch_of: Callable[[Lane], int], width_of: Callable[[Lane], int] | None = None
) -> list[tuple[Lane, ...]]:
    """The packs of these lanes, in the order of their first; lanes of one shape and epoch are shared evenly among as
    few packs as their width allows, and among two at least where each has work for a process.

    width_of: at most so many side by side; None is the rule.
    """
    alike: dict[str, list[tuple[int, Lane]]] = {}
    for place, lane in enumerate(lanes):
        alike.setdefault(f"{epoch_of(lane)} {shape_of(lane)}", []).append((place, lane))
    shared = [_shared(same, (width_of or width)(same[0][1])) for same in alike.values()]
    packs = sorted((pack for each in shared for pack in each), key=lambda pack: pack[0][0])
    return [tuple(lane for _, lane in pack) for pack in packs]


def _shared(same: list[tuple[int, Lane]], wide: int) -> list[list[tuple[int, Lane]]]:
    """same: lanes, each with its place in the plan. wide: the most side by side."""
    lanes = [lane for _, lane in same]
    count = math.ceil(len(lanes) / wide)
    if count == 1 < len(lanes) and seconds(lanes) > 2 * WORTH_SECONDS:
        count = 2
    ends = [math.ceil(len(same) * number / count) for number in range(count + 1)]
    return [same[begin:end] for begin, end in pairwise(ends)]


def width(lane: Lane, way: str = TORCH, device: str = "cpu") -> int:
    """How many lanes like this one are trained side by side, at most, by torch or by the kernels."""
    if way == KERNELS:
        return min(DENSE_WIDTH, max(1, COMPILED_NUMBERS // lane.trajectory.network.trainable_count))
    wide = DENSE_WIDTH
    if _is_windowed(lane):
        wide = next((wide for most, wide in CONV_WIDTHS if lane.trajectory.network.multiply_adds < most), 1)
    return DEVICE_WIDTH if device != "cpu" and wide > 1 else wide


def _is_windowed(lane: Lane) -> bool:
    """Whether convolutions make pictures of pictures in it."""
    layers = lane.trajectory.network.layers
    return any(len(placed.output_shape) == 3 for placed in layers if isinstance(placed.layer, WINDOWED))


def name_of(lanes: Sequence[Lane], parts: int = 1, way: str = TORCH) -> str:
    """How such a pack is computed, in words. parts: of each batch, computed side by side."""
    if len(lanes) == 1:
        return f"one lane, batches in {parts} parts" if parts > 1 else "one lane"
    if way == KERNELS:
        return "one lane after another in each step"
    return "grouped convolution in channels_last" if _is_windowed(lanes[0]) else "batched matmul"


def seconds(lanes: Sequence[Lane], until: int | None = None, epoch: int = 0) -> float:
    """About how long a pack takes on one core, by a rule: from `epoch` to its end, or to epoch `until`."""
    trajectory, epochs = lanes[0].trajectory, max(lane.epochs for lane in lanes)
    left = max(0, (epochs if until is None else min(epochs, until)) - epoch)
    rows = lanes[0].steps * trajectory.batch_size + sum(len(lane.rows["validation"]) for lane in lanes) / len(lanes) / 3
    work = 3 * rows * trajectory.network.multiply_adds * len(lanes)
    return left * (lanes[0].steps * STEP_SECONDS + work / MULTIPLY_ADDS_A_SECOND)


def shape_of(lane: Lane) -> str:
    """Equal for lanes that one batched program can train: everything but the numbers that a lane has for its own."""
    return f"{kind_of(lane)} {lane.trajectory.phase} {lane.steps}"


def kind_of(lane: Lane) -> str:
    """Equal for lanes of one shape, whatever their phase and however many steps an epoch has: a step costs the same."""
    trajectory = lane.trajectory
    shared = trajectory.model_dump(mode="json", exclude={*PER_LANE, "layers", "augment", "optimizer"})
    layers = [_without_rates(layer.model_dump(mode="json")) for layer in trajectory.layers]
    augment, optimizer = [_kept(each) for each in trajectory.augment], _without_numbers(trajectory.optimizer)
    return identity([shared, layers, augment, optimizer])


def _without_numbers(optimizer: Optimizer) -> list[Any]:
    """The kind, what it remembers, and all arguments but numbers such as momentum."""
    values = {name: getattr(optimizer, name) for name in type(optimizer).model_fields}
    return [{name: value for name, value in values.items() if not isinstance(value, float)}, *optimizer.slots()]


def _kept(augmentation: Augmentation) -> list[Any]:
    """The kind, and all arguments that do more than draw numbers."""
    [(name, arguments)] = augmentation.model_dump(mode="json").items()
    return [name, {field: value for field, value in arguments.items() if field not in augmentation.strengths}]


def _without_rates(written: Any) -> Any:
    """A layer in JSON, without the rates of dropout in it."""
    if isinstance(written, list):
        return [_without_rates(each) for each in written]
    if not isinstance(written, dict):
        return written
    return {name: {} if name == "dropout" else _without_rates(value) for name, value in written.items()}
