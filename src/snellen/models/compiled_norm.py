"""Batch normalisation by the compiled library, for training on the CPU: two passes forward, two backward.

Where threads shard the rows of a batch, the statistics are those of all rows.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from snellen.kernels.library import NormSizes, library
from snellen.models.batch_shard import BatchShard

CHANNELS = 16
"""The number of channels is a multiple of this."""


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of x (N, C, ...) lie beside each other in memory, as these functions need them."""
    return _channels_last(x).is_contiguous()


def compiled_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, shard: BatchShard | None
) -> tuple[Tensor, Tensor, Tensor]:
    """As `sharded_norm`; shard: None for a whole batch."""
    y, mean, scale = _CompiledNorm.apply(x, gamma, beta, epsilon, shard)
    return y, mean, scale


class _CompiledNorm(torch.autograd.Function):
    """With z the normalised x and means over the whole batch: dx = gamma / deviation (dy - mean(dy) - z mean(dy z))."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, shard: BatchShard | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """y, the mean and 1 / deviation."""
        mean, variance = _moments(x, shard)
        scale = torch.rsqrt(variance + epsilon)
        factor, y = gamma * scale, torch.empty_like(x)
        _call("apply", x, x, factor, beta - mean * factor, y)
        ctx.save_for_backward(x, factor, mean, scale)
        ctx.shard = shard
        ctx.mark_non_differentiable(mean, scale)
        ctx.set_materialize_grads(False)
        return y, mean, scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """From the gradient of y; the statistics are not differentiated."""
        x, factor, mean, scale = ctx.saved_tensors
        to_y, sums, to_x = _like(gradients[0], x), x.new_empty((2, x.shape[1])), torch.empty_like(x)
        _call("sums", x, to_y, x, mean, scale, sums[0], sums[1])
        total, count = sums, x.numel() / x.shape[1]
        if ctx.shard is not None:
            total = torch.stack(ctx.shard.exchange(sums)).sum(0)
            count = count * ctx.shard.total / ctx.shard.count
        slope = total[0] * factor * scale / -count
        _call("combine", x, to_y, x, factor, slope, total[1] * factor / -count - slope * mean, to_x)
        return to_x, sums[0], sums[1], None, None


def _moments(x: Tensor, shard: BatchShard | None) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over the whole batch."""
    own = x.new_empty((2, x.shape[1]))
    _call("moments", x, x, own[0], own[1])
    return (own[0], own[1]) if shard is None else joined(own, shard)


def joined(own: Tensor, shard: BatchShard) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over the rows of all shards, from those (2, C) of this one."""
    every = torch.stack(shard.exchange(torch.cat([own, own.new_full((1, own.shape[1]), shard.count / shard.total)])))
    means, variances, parts = every.unbind(1)
    mean = (means * parts).sum(0)
    return mean, ((variances + (means - mean).square()) * parts).sum(0)


def _channels_last(x: Tensor) -> Tensor:
    """(N, ..., C)."""
    return x.movedim(1, -1)


def _like(gradient: Tensor | None, x: Tensor) -> Tensor:
    """The gradient, with the layout of x in memory."""
    assert gradient is not None
    return _channels_last(gradient).contiguous().movedim(-1, 1) if gradient.stride() != x.stride() else gradient


def _call(name: str, like: Tensor, *values: Tensor) -> None:
    """A function of kernels/large.h on values of this shape."""
    sizes = NormSizes(like.numel() // like.shape[1], like.shape[1])
    getattr(library(), f"snellen_norm_{name}")(*(each.data_ptr() for each in values), ctypes.byref(sizes))
