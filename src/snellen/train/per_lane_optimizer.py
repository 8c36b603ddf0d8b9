"""One optimizer for several lanes whose rules differ in numbers, such as momentum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from snellen.train.layout import Layout
from snellen.train.optimizers import Count, Optimizer, Slots


@dataclass(frozen=True)
class PerLaneOptimizer:
    """Updates each lane by the optimizer in its place; their slots have the same names."""

    optimizers: tuple[Optimizer, ...]

    @property
    def is_elementwise(self) -> bool:
        """As of an Optimizer."""
        return all(optimizer.is_elementwise for optimizer in self.optimizers)

    def step(
        self,
        theta: Tensor,
        gradient: Tensor,
        slots: Slots,
        step: Count,
        rate: Tensor,
        weight_decay: Tensor | None,
        layout: Layout,
    ) -> None:
        """As of an Optimizer, one lane after another."""
        for lane, optimizer in enumerate(self.optimizers):
            own = slice(lane, lane + 1)
            decay = None if weight_decay is None else weight_decay[own]
            lane_slots = {name: slot[own] for name, slot in slots.items()}
            optimizer.step(theta[own], gradient[own], lane_slots, step, rate[own], decay, layout)


def beside_each_other(optimizers: Sequence[Optimizer]) -> Optimizer | PerLaneOptimizer:
    """One optimizer that updates a lane by each; the first of them where all are equal."""
    first = optimizers[0]
    return first if all(each == first for each in optimizers[1:]) else PerLaneOptimizer(tuple(optimizers))
