"""Protects batch normalisation by the compiled library: values, statistics and gradients are those of torch in float64,
on every instruction set, for a whole batch and for one that several threads share."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from needs import needs
from torch import Tensor

from snellen.models.batch_shard import BatchShard, rows_of
from snellen.models.compiled_norm import compiled_norm, is_channels_last
from snellen.models.normalisation import AcceleratedBatchNorm, BatchNorm
from snellen.train.thread_team import ThreadTeam

pytestmark = needs("kernels")
EPSILON = 1e-3
SHAPES = [(3, 16, 2, 1), (5, 48, 3, 7), (37, 32, 8, 8), (9, 64)]


def drawn(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x far from zero and of different spreads, gamma, beta, and the gradient of y; channels beside each other."""
    random = torch.Generator().manual_seed(len(shape) + shape[0])
    beside = (shape[0], *shape[2:], shape[1])
    x, slope = (torch.randn(beside, generator=random) for _ in range(2))
    gamma, beta, spread, mean = (torch.randn(shape[1], generator=random) for _ in range(4))
    x = x * (spread.abs() + 0.1) + 3 * mean
    return x.movedim(-1, 1), gamma, beta, slope.movedim(-1, 1)


def of_torch(x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor) -> list[Tensor]:
    """y, mean, 1 / deviation and the gradients of x, gamma and beta, in float64."""
    leaves = [each.double().requires_grad_() for each in (x, gamma, beta)]
    y = functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], True, 0.0, EPSILON)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    scale = (x.double().var(axes, unbiased=False) + EPSILON).rsqrt()
    return [y.detach(), x.double().mean(axes), scale, *torch.autograd.grad(y, leaves, slope.double())]


def of_library(x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor, shard: BatchShard | None) -> list[Tensor]:
    inputs, gamma, beta = (each.detach().clone().requires_grad_() for each in (x, gamma, beta))
    y, mean, scale = compiled_norm(inputs, gamma, beta, EPSILON, shard)
    return [y.detach(), mean, scale, *torch.autograd.grad(y, (inputs, gamma, beta), slope)]


def gaps(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    """The largest differences, in shares of the largest values."""
    return [float((one - two).abs().max() / two.abs().max()) for one, two in zip(found, expected, strict=True)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_of_a_whole_batch(shape: tuple[int, ...], instructions: str) -> None:
    values = drawn(shape)
    assert max(gaps(of_library(*values, None), of_torch(*values))) < 1e-5


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("shards", [2, 3])
def test_of_a_batch_that_is_shared(shape: tuple[int, ...], shards: int) -> None:
    """Statistics of all rows in every share; the gradients of gamma and beta add up."""
    x, gamma, beta, slope = drawn(shape)

    def compute(number: int, shard: BatchShard | None) -> list[Tensor]:
        rows = rows_of(shard)
        return of_library(x[rows], gamma, beta, slope[rows], shard)

    with ThreadTeam(shards) as team:
        found = team.share(compute, len(x))
    y, mean, scale, to_x, to_gamma, to_beta = zip(*found)
    expected = of_torch(x, gamma, beta, slope)
    for own_mean, own_scale in zip(mean, scale):
        assert max(gaps([own_mean, own_scale], expected[1:3])) < 1e-5
    joined = [torch.cat(y), mean[0], scale[0], torch.cat(to_x), sum(to_gamma), sum(to_beta)]
    assert max(gaps(joined, expected)) < 1e-5


def test_a_gradient_that_lies_otherwise(instructions: str) -> None:
    x, gamma, beta, slope = drawn(SHAPES[1])
    found = of_library(x, gamma, beta, slope.contiguous(), None)
    assert max(gaps(found, of_torch(x, gamma, beta, slope))) < 1e-5


def test_what_stays_with_torch() -> None:
    """Channels of all lanes together that are no multiple of 16, and those that do not lie beside each other."""
    kinds = [type(BatchNorm().accelerated((8, 8, channels), lanes)) for channels, lanes in ((16, 1), (8, 2), (8, 1))]
    assert kinds == [AcceleratedBatchNorm, AcceleratedBatchNorm, BatchNorm]
    x = drawn(SHAPES[1])[0]
    assert is_channels_last(x) and not is_channels_last(x.contiguous())
