"""The penalties of `train` as those of the layers that have none of their own."""

from __future__ import annotations

from collections.abc import Iterable

from snellen.models.conv import Conv
from snellen.models.layers import Dense, Skip
from snellen.models.parts import AnyPart


def with_penalties(layers: Iterable[AnyPart], l1: float | None, l2: float | None) -> tuple[AnyPart, ...]:
    """All layers, those inside a skip included. A penalty of 0 is written as None, as one that nobody asked for."""
    return tuple(_with_penalties(layer, l1, l2) for layer in layers)


def _with_penalties(layer: AnyPart, l1: float | None, l2: float | None) -> AnyPart:
    if isinstance(layer, Skip):
        inside = {"layers": with_penalties(layer.layers, l1, l2), "shortcut": with_penalties(layer.shortcut, l1, l2)}
        return layer.model_copy(update=inside)
    if not isinstance(layer, Dense | Conv):
        return layer
    own = (layer.l1, l1), (layer.l2, l2)
    first, second = ((default if value is None else value) or None for value, default in own)
    return layer.model_copy(update={"l1": first, "l2": second})
