"""One network for several lanes whose layers differ in the rates of dropout only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from snellen.models.branches import Branching
from snellen.models.build import Network
from snellen.models.dropout import Dropout, LanesDropout
from snellen.models.layer import Layer


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
    if not isinstance(first, Branching):
        return first
    branches = zip(*(layer.branches_by_name.values() for layer in layers if isinstance(layer, Branching)))
    return first.with_branches([tuple(map(_join, zip(*of_lanes))) for of_lanes in branches])
