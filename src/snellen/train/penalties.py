"""L1 and L2 penalties on kernels: l1 sum |w| + l2 sum w^2 of each layer that has some, Keras's `kernel_regularizer`.

Only the gradient holds them. The reported losses, of training and of validation, are cross-entropy alone: so the two
compare with each other, and models with different penalties too, also where a loss decides when to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snellen.models import chain
from snellen.models.build import Network
from snellen.train.layout import Layout


@dataclass(frozen=True, eq=False)
class Penalties:
    """Factors of every parameter. l1: (L, P); twice_l2: (L, P), None where no lane has one."""

    l1: Tensor | None
    twice_l2: Tensor | None

    @staticmethod
    def of(networks: Sequence[Network], layout: Layout, device: str, dtype: torch.dtype) -> Penalties | None:
        """Those of a pack, a network for each lane; None where no layer has any."""
        of_lanes = [chain.penalties(network.layers) for network in networks]

        def factors(number: int, times: float) -> Tensor | None:
            """(L, P)"""
            if not any(each[number] for lane in of_lanes for each in lane.values()):
                return None
            rows = [
                torch.cat(
                    [
                        torch.full((math.prod(shape),), times * lane.get(name, (0.0, 0.0))[number], dtype=dtype)
                        for name, shape in layout.shapes
                    ]
                )
                for lane in of_lanes
            ]
            return torch.stack(rows).to(device)

        l1, twice_l2 = factors(0, 1.0), factors(1, 2.0)
        return None if l1 is None and twice_l2 is None else Penalties(l1, twice_l2)

    def add_gradient(self, gradient: Tensor, theta: Tensor, span: slice) -> None:
        """Adds l1 sign(w) + 2 l2 w to the gradient (L, p) of theta (L, p), the parameters in `span`."""
        if self.l1 is not None:
            gradient.addcmul_(theta.sign(), self.l1[:, span])
        if self.twice_l2 is not None:
            gradient.addcmul_(theta, self.twice_l2[:, span])
