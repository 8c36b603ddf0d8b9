"""The part of a network that training does not change: a frozen backbone, and what follows it without weights.

What it gives for an image is always the same, so it is computed once; the rest is trained on that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from snellen.models.backbones.layer import Backbone
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.dropout import TrainingNoise
from snellen.models.keys import Key
from snellen.models.named import identity_of


def frozen_part(network: Network) -> tuple[Placed, ...]:
    """The layers in front, to where they give the fewest values; none unless the first is a frozen backbone.

    A layer that leaves as many values (flatten, an activation) is left to the rest, so that heads that begin
    differently have the same features.
    """
    first = network.layers[0].layer
    if not isinstance(first, Backbone) or not first.is_frozen or first.is_random:
        return ()
    fixed = (network.layers[0], *takewhile(_is_fixed, network.layers[1:]))
    counts = [math.prod(placed.output_shape) for placed in fixed]
    return fixed[: counts.index(min(counts)) + 1]


def frozen_identities(frozen: Iterable[Placed]) -> list[dict[str, Any]]:
    """Of the layers of a frozen part, without what changes nothing that they give: equal for equal outputs."""
    layers = (placed.layer for placed in frozen)
    return [identity_of(layer.computed if isinstance(layer, Backbone) else layer) for layer in layers]


def trained_part(network: Network) -> Network:
    """The rest, which reads the outputs of the frozen part; the network itself where there is none."""
    frozen = frozen_part(network)
    if not frozen:
        return network
    return Network(frozen[-1].output_shape, network.classes, network.layers[len(frozen) :])


def trained_count(network: Network) -> int | None:
    """How many parameters are trained where a pretrained backbone keeps some of its own; None for other networks."""
    first = network.layers[0].layer
    is_pretrained = isinstance(first, Backbone) and not first.is_random
    return network.trainable_count if is_pretrained else None


def _is_fixed(placed: Placed) -> bool:
    """Whether a layer has no weights and nothing random."""
    parameters, state = placed.layer.init(Key(()), placed.input_shape)
    return not parameters and not state and not isinstance(placed.layer, TrainingNoise)
