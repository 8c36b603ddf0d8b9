"""Protects the order in which layers are computed: it gives the same bits as the order in which they stand, values and
gradients, where windows tie and where nothing is positive too."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from snellen.models import chain
from snellen.models.build import build
from snellen.models.layer import Step
from snellen.models.reordered import reordered

CONV = {"conv": {"filters": 3, "kernel": 3, "activation": "relu"}}
SHAPE = (9, 8, 2)
CASES: list[list[Any]] = [
    [CONV, {"max_pool": 2}, "flatten"],
    [CONV, {"max_pool": {"size": 3, "strides": 1, "padding": "same"}}, CONV, "max_pool", "flatten"],
    [{"conv": {"filters": 3, "kernel": 3}}, "relu", "max_pool", "flatten"],
    ["relu", "max_pool", "relu", "max_pool", "flatten"],
    [CONV, "relu", "max_pool", "flatten"],
]
OTHERS: list[list[Any]] = [
    [CONV, "average_pool", "flatten"],
    [CONV, "batch_norm", "max_pool", "flatten"],
    [{"conv": {"filters": 3, "kernel": 3, "activation": "tanh"}}, "max_pool", "flatten"],
    [{"conv": {"filters": 3, "kernel": 3}}, {"leaky_relu": 0.1}, "max_pool", "flatten"],
]


@pytest.mark.parametrize("layers", CASES, ids=str)
@pytest.mark.parametrize("lanes", [1, 3])
def test_the_bits_are_the_same(layers: list[Any], lanes: int) -> None:
    network = build(layers, SHAPE, 4)
    assert reordered(network.layers) != network.layers
    parameters, state = network.init(range(lanes))
    x = torch.randint(-2, 3, (lanes, 6, *SHAPE), generator=torch.Generator().manual_seed(1)).float().requires_grad_()
    outcomes = []
    for order in (network.layers, reordered(network.layers)):
        leaves = [value.clone().requires_grad_() for value in parameters.values()]
        given = dict(zip(parameters, leaves))
        y, _ = chain.apply(order, given, state, x, Step("train"))
        outcomes.append([y.detach(), *torch.autograd.grad(y.square().sum(), [x, *leaves])])
    for one, other in zip(*outcomes, strict=True):
        assert torch.equal(one, other)


def test_a_relu_is_done_after_the_pool() -> None:
    names = [placed.name for placed in reordered(build(CASES[2], SHAPE, 4).layers)]
    assert names == ["conv_1", "max_pool_1", "max_pool_1.relu", "flatten_1", "dense_1"]


@pytest.mark.parametrize("layers", OTHERS, ids=str)
def test_all_else_stays_as_it_is(layers: list[Any]) -> None:
    """Of other functions, equal results need not mean equal arguments: the first largest could be another."""
    network = build(layers, SHAPE, 4)
    assert reordered(network.layers) == network.layers
