"""Protects the one decision which backend computes a step, and that torch trains whatever no backend has heard of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pytest
import torch
from needs import needs
from pydantic import Field
from torch import Tensor
from training_cases import job, lane

from snellen.kernels.library import has_vectors, library
from snellen.models.build import assemble
from snellen.models.chain import Placed
from snellen.models.conv import AcceleratedConv, Conv
from snellen.models.dense import AcceleratedDense, Dense
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors
from snellen.models.normalisation import AcceleratedBatchNorm, BatchNorm
from snellen.models.shaping import Flatten
from snellen.models.skip import Skip
from snellen.train.backend.choose import COMPILED, TORCH, backends_for, workspace
from snellen.train.backend.compiled_backend import CompiledBackend
from snellen.train.layout import Layout
from snellen.train.optimizers import Optimizer
from snellen.train.step import Rule, StepInputs, TorchBackend, TrainState, training_step

CONV = Conv(filters=16, kernel=3, padding="same")
LAYERS = (CONV, BatchNorm(), Skip(layers=(CONV,)), Flatten(), Dense(units=16), Dense(units=3))


def rule_of(layers: tuple[Layer, ...], lanes: int = 1) -> Rule:
    network = assemble(layers, (6, 6, 16), 3)
    trajectory = job(input_shape=(6, 6, 16)).trajectory
    own = Rule.of([trajectory] * lanes, Layout.of(network.init((0,))[0]), "cpu", torch.float32)
    return Rule(network, own.layout, own.optimizer, own.targets)


def kinds(layers: tuple[Placed, ...]) -> list[type]:
    return [type(each.layer) for each in layers]


def layers_of(lanes: int = 1, dtype: torch.dtype = torch.float32) -> Any:
    """Those that the torch backend computes."""
    rule = rule_of(LAYERS, lanes)
    theta = rule.layout.flatten(rule.network.init(tuple(range(lanes)))[0]).to(dtype)
    backend = workspace(rule, theta).backend
    assert isinstance(backend, TorchBackend)
    return backend.layers


@needs("kernels")
def test_layers_are_accelerated_in_training() -> None:
    if not has_vectors():
        pytest.skip("with plain instructions torch is faster")
    accelerated = layers_of()
    assert kinds(accelerated) == [AcceleratedConv, AcceleratedBatchNorm, Skip, Flatten, AcceleratedDense, Dense]
    assert type(accelerated[2].layer.layers[0]) is AcceleratedConv, "inside a skip too"
    assert kinds(layers_of(lanes=2)) == [Conv, AcceleratedBatchNorm, Skip, Flatten, Dense, Dense]


def test_in_float64_they_are_not() -> None:
    assert kinds(layers_of(dtype=torch.float64)) == [Conv, BatchNorm, Skip, Flatten, Dense, Dense]


def test_without_the_library_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_KERNELS", "off")
    assert kinds(layers_of()) == [Conv, BatchNorm, Skip, Flatten, Dense, Dense]


@needs("kernels")
def test_with_plain_instructions_they_are_not() -> None:
    found = library()
    assert found is not None
    before = found.snellen_instructions()
    found.snellen_use(b"generic")
    try:
        assert kinds(layers_of()) == [Conv, BatchNorm, Skip, Flatten, Dense, Dense]
    finally:
        found.snellen_use(before)


class Shifted(Layer):
    """A layer that no registry and no backend knows: adds a trained number, and counts the steps in its state."""

    kind: Literal["shifted"] = "shifted"
    start: Annotated[float, Field(ge=0)] = 0.5

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        lanes = len(key.seeds)
        return {"shift": np.full((lanes, shape[-1]), self.start)}, {"steps": np.zeros((lanes, 1))}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        shift = parameters["shift"].view(len(x), *(1,) * (x.dim() - 2), -1)
        return (x + shift) ** 2, {"steps": state["steps"] + 1}


@pytest.mark.parametrize("backend", [COMPILED, TORCH])
def test_an_unknown_layer_is_trained_by_torch(backend: str) -> None:
    """Also where the compiled library is asked for; and the layers around it are trained as ever."""
    rule = rule_of((Flatten(), Dense(units=8), Shifted(), Dense(units=3)), lanes=2)
    parameters, layers = rule.network.init((0, 1))
    state = TrainState(rule.layout.flatten(parameters), layers, {})
    assert isinstance(rule.optimizer, Optimizer)
    state.slots = rule.optimizer.init(state.theta)
    space = workspace(rule, state.theta, backend=backend)
    assert isinstance(space.backend, TorchBackend)
    random = torch.Generator().manual_seed(0)
    x, labels = torch.rand((2, 30, 6, 6, 16), generator=random), torch.randint(0, 3, (2, 30), generator=random)
    before = state.theta.clone()
    losses = [
        float(training_step(rule, state, StepInputs(x, labels, step, torch.full((2, 1), 0.01)), space).losses.mean())
        for step in range(1, 31)
    ]
    assert losses[-1] < 0.7 * losses[0]
    assert state.layers["shifted_1.steps"].tolist() == [[30.0], [30.0]]
    first, shift = rule.layout.views(before)["shifted_1.shift"], rule.layout.views(state.theta)["shifted_1.shift"]
    assert (first != shift).all()


@needs("kernels")
def test_the_library_computes_networks_of_its_layers() -> None:
    one = lane().trajectory
    rule = Rule.of([one], Layout.of(one.network.init((0,))[0]), "cpu", torch.float32)
    theta = rule.layout.flatten(one.network.init((0,))[0])
    assert COMPILED in backends_for(one, "cpu")
    assert isinstance(workspace(rule, theta, backend=COMPILED).backend, CompiledBackend)
    assert isinstance(workspace(rule, theta, backend=TORCH).backend, TorchBackend)
    assert isinstance(workspace(rule, theta.double(), backend=COMPILED).backend, TorchBackend)
