"""Parts of the parameters with learning rates of their own: those of a backbone that is trained with the layers behind
it (Howard and Ruder, ACL 2018)."""

from __future__ import annotations

import math
from itertools import groupby

from snellen.models.backbones.layer import Backbone
from snellen.models.build import Network
from snellen.train.layout import Layout

RateGroup = tuple[slice, float]
"""Places of parameters in a lane, and the share of the learning rate that they are trained with."""


def rate_groups(network: Network, layout: Layout) -> tuple[RateGroup, ...]:
    """All parameters in groups of equal shares, in their order; none where all have the whole learning rate."""
    first = network.layers[0]
    if not isinstance(first.layer, Backbone):
        return ()
    own = first.layer.rate_factors(first.input_shape)
    factors = {f"{first.name}.{name}": factor for name, factor in own.items()}
    if all(factor == 1 for factor in factors.values()):
        return ()
    groups, begin = list[RateGroup](), 0
    for factor, members in groupby(layout.shapes, lambda each: factors.get(each[0], 1.0)):
        end = begin + sum(math.prod(shape) for _, shape in members)
        groups.append((slice(begin, end), factor))
        begin = end
    return tuple(groups)
