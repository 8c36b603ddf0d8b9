"""Which backend computes a training step: torch, the compiled library, or a captured step on a GPU. Decided here only.

What each can do is declared elsewhere: a layer says in its own file what it is for the compiled library
(`Layer.compiled`) and which compiled function may replace it (`Layer.accelerated`); torch computes everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from snellen.kernels.library import has_vectors, instructions, library
from snellen.models import chain
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.conv import Conv
from snellen.train.backend.compiled_backend import CompiledBackend
from snellen.train.backend.compiled_network import CompiledNetwork
from snellen.train.backend.cuda_graphs import CudaGraphs
from snellen.train.job import Trajectory
from snellen.train.step import Rule, TorchBackend, TrainState, Workspace
from snellen.train.step_runner import PlainRunner, StepRunner
from snellen.train.thread_team import ThreadTeam

COMPILED, TORCH = "kernels", "torch"
"""The backends, with the values that the records of packs store: the compiled library, and torch."""
WIDE = 32
"""Convolutions with at least this many input and output channels: torch takes 1.15 to 1.3 times as long as the compiled
library, but less time than it with compiled Winograd convolutions (`models/compiled_products.py`)."""


def backends_for(trajectory: Trajectory, device: str) -> tuple[str, ...]:
    """The backends that can train this trajectory on this machine, the one expected to be faster first. A forward and
    backward pass of torch takes 2 to 6 times as long as one of the compiled library with AVX-512, 1.2 to 3 times as
    long with AVX2, and about half as long without either."""
    network = trajectory.trained
    if device != "cpu" or library() is None or CompiledNetwork.of(network) is None:
        return (TORCH,)
    torch_is_faster = instructions() == "generic" or 2 * _wide_work(network) > network.multiply_adds
    return (TORCH, COMPILED) if torch_is_faster else (COMPILED, TORCH)


def _wide_work(network: Network) -> int:
    """Multiply-adds per image in convolutions with at least WIDE input and output channels."""
    convolutions = (placed for placed in network.layers if isinstance(placed.layer, Conv))
    wide = (placed for placed in convolutions if min(placed.input_shape[2], placed.output_shape[2]) >= WIDE)
    return chain.multiply_adds(wide)


def step_runner(
    rule: Rule, state: TrainState, workspace: Workspace, graphs: CudaGraphs, alive: Sequence[int]
) -> StepRunner:
    """Repeats a captured step where that is possible. alive: the places of the lanes in their pack."""
    return graphs.runner(alive, rule, state) or PlainRunner(rule, state, workspace)


def workspace(rule: Rule, theta: Tensor, team: ThreadTeam | None = None, backend: str = TORCH) -> Workspace:
    """For steps on theta (L, P), which may be changed in place between them. The library computes in float32 only."""
    team = team or ThreadTeam()
    if backend == COMPILED and theta.dtype == torch.float32 and library() is not None:
        compiled = CompiledNetwork.of(rule.network, len(theta))
        if compiled is not None:
            return Workspace(CompiledBackend(compiled, theta, team.size), team)
    return Workspace(TorchBackend(_layers(rule.network, theta), rule.layout, theta, team.size), team)


def _layers(network: Network, theta: Tensor) -> tuple[Placed, ...]:
    """As torch computes them: in float32 on the CPU with compiled functions where layers have some. With plain
    instructions torch is faster."""
    if theta.dtype != torch.float32 or theta.device.type != "cpu" or not has_vectors():
        return network.computed
    layers = [each.layer.accelerated(each.input_shape, len(theta)) for each in network.computed]
    return tuple(replace(each, layer=layer) for each, layer in zip(network.computed, layers))
