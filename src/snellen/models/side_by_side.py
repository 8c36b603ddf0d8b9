"""One network for several lanes whose layers differ in the rates of dropout only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from snellen.models.build import Network
from snellen.models.dropout import Dropout, LanesDropout
from snellen.models.layer import Layer
from snellen.models.skip import Skip


def side_by_side(networks: Sequence[Network]) -> Network:
    """A network that trains one lane of each; the first of them where all are equal."""
    first = networks[0]
    if all(network.layers == first.layers for network in networks[1:]):
        return first
    alike = zip(*(network.layers for network in networks))
    return replace(first, layers=tuple(replace(each[0], layer=_join([p.layer for p in each])) for each in alike))


def _join(layers: Sequence[Layer]) -> Layer:
    """The same layer of every lane as one layer."""
    first = layers[0]
    if isinstance(first, Dropout):
        return LanesDropout(rates=tuple(layer.rate for layer in layers if isinstance(layer, Dropout)))
    if not isinstance(first, Skip):
        return first
    skips = [layer for layer in layers if isinstance(layer, Skip)]
    inside = tuple(map(_join, zip(*(each.layers for each in skips))))
    shortcut = tuple(map(_join, zip(*(each.shortcut for each in skips))))
    return first.model_copy(update={"layers": inside, "shortcut": shortcut})
