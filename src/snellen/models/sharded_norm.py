"""Batch normalisation by torch where several threads share the rows of a batch: the statistics are of all rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snellen.models.batch_shard import BatchShard
from snellen.models.compiled_norm import joined


def sharded_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, shard: BatchShard
) -> tuple[Tensor, Tensor, Tensor]:
    """x (n, C, ...) of one shard -> y, the mean (C,) and 1 / deviation (C,) of the whole batch. gamma, beta: (C,);
    epsilon: beside the variance."""
    y, mean, scale = _ShardedNorm.apply(x, gamma, beta, epsilon, shard)
    return y, mean, scale


class _ShardedNorm(torch.autograd.Function):
    """Of torch's fused functions. Backward: with g = dy gamma / deviation and z the normalised x, dx = g - mean(g) -
    z mean(g z), both means over the whole batch. The gradients of gamma and beta are of the shard: shards are added up.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float, shard: BatchShard
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalises by the moments of all shards."""
        mean, variance = _moments(x, shard)
        scale = torch.rsqrt(variance + epsilon)
        y = torch.native_batch_norm(x, gamma, beta, mean, variance, False, 0.0, epsilon)[0]
        ctx.save_for_backward(x, gamma, mean, variance, scale)
        ctx.epsilon, ctx.shard = epsilon, shard
        ctx.mark_non_differentiable(mean, scale)
        ctx.set_materialize_grads(False)
        return y, mean, scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """From the gradient of y; the statistics are not differentiated."""
        x, gamma, mean, variance, scale = ctx.saved_tensors
        shard, statistics = ctx.shard, (mean, variance, mean, scale)
        to_x, to_gamma, to_beta = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, gamma, *statistics, False, ctx.epsilon, [True, True, True]
        )
        total = torch.stack(shard.exchange(torch.stack([to_gamma, to_beta]))).sum(0)
        weight, offset = total * (gamma * scale * (-x.shape[1] / (x.numel() * shard.total / shard.count)))
        rest = torch.native_batch_norm(x, weight, offset, mean, variance, False, 0.0, ctx.epsilon)[0]
        return to_x.add_(rest), to_gamma, to_beta, None, None


def _moments(x: Tensor, shard: BatchShard) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over the whole batch."""
    return joined(torch.stack(torch.batch_norm_update_stats(x, None, None, 0.0)), shard)
