"""Batch normalisation by the compiled kernels, in training: two passes forward, two backward, whoever has the rows.

Where threads share the rows of a batch, its statistics are of all rows; where there are no kernels, torch computes.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from snellen.kernels.library import NormSizes, has_vectors, library
from snellen.models.batch_shard import BatchShard

CHANNELS = 16
"""What channels come in."""


def normalises(x: Tensor) -> bool:
    """Whether x (n, C, ...) can be normalised so on this machine."""
    whole = x.shape[1] % CHANNELS == 0 and _beside(x).is_contiguous()
    return whole and x.dtype == torch.float32 and x.device.type == "cpu" and has_vectors()


def normalise(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, share: BatchShard | None
) -> tuple[Tensor, Tensor, Tensor]:
    """As shared_norm's; share: None for a whole batch."""
    y, mean, scale = _KernelNorm.apply(x, gamma, beta, epsilon, share)
    return y, mean, scale


class _KernelNorm(torch.autograd.Function):
    """With z the normalised x and means over the whole batch: dx = gamma / deviation (dy - mean(dy) - z mean(dy z))."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, share: BatchShard | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """y, the mean and 1 / deviation."""
        mean, variance = _moments(x, share)
        scale = torch.rsqrt(variance + epsilon)
        factor, y = gamma * scale, torch.empty_like(x)
        _call("apply", x, x, factor, beta - mean * factor, y)
        ctx.save_for_backward(x, factor, mean, scale)
        ctx.share = share
        ctx.mark_non_differentiable(mean, scale)
        ctx.set_materialize_grads(False)
        return y, mean, scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Of y; the statistics have none."""
        x, factor, mean, scale = ctx.saved_tensors
        to_y, sums, to_x = _like(gradients[0], x), x.new_empty((2, x.shape[1])), torch.empty_like(x)
        _call("sums", x, to_y, x, mean, scale, sums[0], sums[1])
        total, count = sums, x.numel() / x.shape[1]
        if ctx.share is not None:
            total = torch.stack(ctx.share.exchange(sums)).sum(0)
            count = count * ctx.share.total / ctx.share.count
        slope = total[0] * factor * scale / -count
        _call("combine", x, to_y, x, factor, slope, total[1] * factor / -count - slope * mean, to_x)
        return to_x, sums[0], sums[1], None, None


def _moments(x: Tensor, share: BatchShard | None) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over the whole batch."""
    own = x.new_empty((2, x.shape[1]))
    _call("moments", x, x, own[0], own[1])
    return (own[0], own[1]) if share is None else joined(own, share)


def joined(own: Tensor, share: BatchShard) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over the rows of all, from (2, C) of each share."""
    every = torch.stack(share.exchange(torch.cat([own, own.new_full((1, own.shape[1]), share.count / share.total)])))
    means, variances, parts = every.unbind(1)
    mean = (means * parts).sum(0)
    return mean, ((variances + (means - mean).square()) * parts).sum(0)


def _beside(x: Tensor) -> Tensor:
    """With the channels last, as they lie in memory."""
    return x.movedim(1, -1)


def _like(gradient: Tensor | None, x: Tensor) -> Tensor:
    """The gradient, in memory as x is."""
    assert gradient is not None
    return _beside(gradient).contiguous().movedim(-1, 1) if gradient.stride() != x.stride() else gradient


def _call(name: str, like: Tensor, *values: Tensor) -> None:
    """A function of kernels/large.h on values of this shape."""
    sizes = NormSizes(like.numel() // like.shape[1], like.shape[1])
    getattr(library(), f"snellen_norm_{name}")(*(each.data_ptr() for each in values), ctypes.byref(sizes))
