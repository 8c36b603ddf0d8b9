"""The penalties of `train` as those of the layers that have none of their own."""

from __future__ import annotations

from collections.abc import Iterable

from snellen.models.branches import Branching
from snellen.models.conv import Conv
from snellen.models.layers import Dense
from snellen.models.parts import AnyPart


def with_penalties(layers: Iterable[AnyPart], l1: float | None, l2: float | None) -> tuple[AnyPart, ...]:
    """All layers, those inside branches included. A penalty of 0 is written as None, as one that nobody asked for."""
    return tuple(_with_penalties(layer, l1, l2) for layer in layers)


def _with_penalties(layer: AnyPart, l1: float | None, l2: float | None) -> AnyPart:
    if isinstance(layer, Branching):
        return layer.with_branches([with_penalties(branch, l1, l2) for branch in layer.branches_by_name.values()])
    if not isinstance(layer, Dense | Conv):
        return layer
    own = (layer.l1, l1), (layer.l2, l2)
    first, second = ((default if value is None else value) or None for value, default in own)
    return layer.model_copy(update={"l1": first, "l2": second})
