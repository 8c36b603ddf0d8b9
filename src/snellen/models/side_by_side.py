"""One network for several lanes whose layers differ in the rates of dropout only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.dropout import Dropout, LanesDropout
from snellen.models.layer import Layer
from snellen.models.skip import Skip


def side_by_side(networks: Sequence[Network]) -> Network:
    """The network that trains a lane of each; the first itself where all are equal."""
    first = networks[0]
    if all(network.layers == first.layers for network in networks[1:]):
        return first
    return replace(first, layers=tuple(_joined(placed) for placed in zip(*(each.layers for each in networks))))


def _joined(placed: Sequence[Placed]) -> Placed:
    return replace(placed[0], layer=_join([each.layer for each in placed]))


def _join(layers: Sequence[Layer]) -> Layer:
    first = layers[0]
    if isinstance(first, Dropout):
        return LanesDropout(rates=tuple(layer.rate for layer in layers if isinstance(layer, Dropout)))
    if not isinstance(first, Skip):
        return first
    skips = [layer for layer in layers if isinstance(layer, Skip)]
    inside = tuple(map(_join, zip(*(each.layers for each in skips))))
    return first.model_copy(update={"layers": inside, "shortcut": tuple(map(_join, zip(*(s.shortcut for s in skips))))})
