"""Packs are formed from the plan alone: lanes of one shape, in the order of the plan, at most so many wide."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from snellen.files.hashing import identity
from snellen.models.chain import Placed
from snellen.train.lane import Lane

DENSE_WIDTH = 10
"""Lanes of networks without convolutions: 10 take 0.35 s an epoch each of 784-128-10 at batch 32, where one alone takes
1.0 s (2 cores)."""
CONV_WIDTH = 1
"""Lanes of networks with convolutions."""

PER_LANE = {"seed", "rows", "learning_rate", "weight_decay", "schedule", "total_epochs", "start"}
"""What lanes of one pack may differ in."""


def form(lanes: Iterable[Lane], epoch_of: Callable[[Lane], int]) -> list[tuple[Lane, ...]]:
    """The packs of these lanes; a lane stands in the pack of the first lane of its shape and epoch that has room."""
    packs: dict[str, list[list[Lane]]] = {}
    order: list[list[Lane]] = []
    for lane in lanes:
        same = packs.setdefault(f"{epoch_of(lane)} {shape_of(lane)}", [])
        if not same or len(same[-1]) == width(lane):
            same.append([])
            order.append(same[-1])
        same[-1].append(lane)
    return [tuple(pack) for pack in order]


def width(lane: Lane) -> int:
    """How many lanes like this one are trained side by side."""
    return CONV_WIDTH if any(_has_window(placed) for placed in lane.trajectory.network.layers) else DENSE_WIDTH


def _has_window(placed: Placed) -> bool:
    return len(placed.output_shape) == 3


def shape_of(lane: Lane) -> str:
    """Equal for lanes that one batched program can train: everything but the numbers that a lane has for its own."""
    shared = lane.trajectory.model_dump(mode="json", exclude=PER_LANE)
    return identity([shared, lane.trajectory.phase, lane.steps])
