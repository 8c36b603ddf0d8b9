"""Passes of the compiled kernels beside the same passes by torch in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snellen.models.build import Network, build
from snellen.models.keys import Key
from snellen.train.backend.compiled_backend import CompiledBackend
from snellen.train.backend.compiled_network import CompiledNetwork
from snellen.train.layout import Layout
from snellen.train.step import StepInputs
from snellen.train.thread_team import ThreadTeam

KEY = Key((3, 1, 2), ("step", 7))


@dataclass(frozen=True, eq=False)
class Pass:
    """What one pass of a network is given: all float32. weights: (L, N), 0 for rows that fill up."""

    network: Network
    theta: Tensor
    x: Tensor
    targets: Tensor
    weights: Tensor | None = None
    key: Key | None = None

    @property
    def layout(self) -> Layout:
        return Layout.of(self.network.init((0,))[0])

    def by_kernels(self, parts: int = 1) -> tuple[Tensor, Tensor]:
        """Logits (L, N, K) and the gradient (L, P)."""
        compiled = CompiledNetwork.of(self.network, len(self.x))
        assert compiled is not None
        backend = CompiledBackend(compiled, self.theta, parts)
        for gradient in backend.gradients:
            gradient.fill_(torch.nan)
        unused = torch.zeros(self.x.shape[:2], dtype=torch.int64)
        inputs = StepInputs(self.x, unused, 1, unused, self.key, self.weights)
        with ThreadTeam(parts) as team:
            shards = team.share(backend.forward_backward(inputs, self.targets, {}), self.x.shape[1])
        assert len(shards) == parts
        return torch.cat([each.logits for each in shards], 1), torch.stack(list(backend.gradients)).sum(0)

    def by_torch(self) -> tuple[Tensor, Tensor]:
        """The same in float64, the loss written out."""
        theta = self.theta.double().requires_grad_()
        parameters = self.layout.views(theta)
        x, weights = self.x.double(), self.weights
        logits, _ = self.network.apply(parameters, {}, x, "train", self.key, weights)
        losses = -(self.targets.double() * logits.log_softmax(-1)).sum(-1)
        counts = torch.full((len(x),), x.shape[1]) if weights is None else weights.sum(1)
        [gradient] = torch.autograd.grad((losses.sum(1) / counts).sum(), [theta])
        return logits.detach(), gradient

    def differs_by(self, parts: int = 1) -> float:
        """The largest difference of logits or gradient, each in units of its largest number."""
        pairs = zip(self.by_kernels(parts), self.by_torch())
        return max(float((found - wanted).abs().max() / wanted.abs().max()) for found, wanted in pairs)


def a_pass(
    layers: Sequence[Any], shape: tuple[int, int, int], rows: int = 5, lanes: int = 1, classes: int = 4, seed: int = 0
) -> Pass:
    """Random parameters, images, and targets of any sum."""
    network, random = build(layers, shape, classes), torch.Generator().manual_seed(seed)
    initial = Layout.of(network.init((0,))[0]).flatten(network.init(tuple(range(lanes)))[0])
    theta = initial + 0.1 * torch.randn(initial.shape, generator=random)
    x = torch.randn((lanes, rows, *shape), generator=random)
    return Pass(network, theta, x, torch.rand((lanes, rows, classes), generator=random))
