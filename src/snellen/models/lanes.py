"""Images of several lanes as torch's operations take them: each lane is a group of channels.

Images (L, N, H, W, C) become (N, L*C, H, W) in channels_last memory, vectors (L, N, F) become (N, L*F). No other file
of the layers knows how lanes are computed together.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as functional
from torch import Tensor

from snellen.models.windows import Sliding, pad_same

ONE_PIXEL = Sliding((1, 1), (1, 1), "valid")


def fold(x: Tensor) -> Tensor:
    """(L, N, H, W, C) -> (N, L*C, H, W), or (L, N, F) -> (N, L*F): a view of what `unfold` gave, and of one lane.

    Only in this order is a group a lane faster than one lane after another: LeNet-5 in 8 lanes took twice as long
    otherwise.
    """
    if x.dim() == 3:
        return x.transpose(0, 1).flatten(1)
    lanes, rows, height, width, channels = x.shape
    return x.permute(1, 2, 3, 0, 4).reshape(rows, height, width, lanes * channels).permute(0, 3, 1, 2)


def unfold(y: Tensor, lanes: int) -> Tensor:
    """Back to (L, N, H, W, C) or (L, N, F)."""
    if y.dim() == 2:
        vectors: Tensor = y.unflatten(1, (lanes, -1))
        return vectors.transpose(0, 1)
    rows, channels, height, width = y.shape
    return y.reshape(rows, lanes, channels // lanes, height, width).permute(1, 0, 3, 4, 2)


def on_channels(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`function` of (N, L*C, H, W), applied to images (L, N, H, W, C)."""
    return unfold(function(fold(x)), len(x))


def convolution(
    x: Tensor, kernel: Tensor, bias: Tensor | None = None, sliding: Sliding = ONE_PIXEL, groups: int = 1
) -> Tensor:
    """Of x (N, L*C, H, W) with kernel (L, filters, height, width, C / groups) and bias (L, filters): `groups` groups a
    lane."""
    grouped = kernel.flatten(0, 1).permute(0, 3, 1, 2)
    return _convolution(x, grouped, bias, sliding, groups=len(kernel) * groups)


def depthwise_convolution(x: Tensor, kernel: Tensor, bias: Tensor | None, sliding: Sliding) -> Tensor:
    """Of x (N, L*C, H, W) with kernel (L, multiplier, height, width, C): one group a channel of each lane."""
    grouped = kernel.permute(0, 4, 1, 2, 3).flatten(0, 2).unsqueeze(1)
    return _convolution(x, grouped, bias, sliding, groups=x.shape[1])


def _convolution(x: Tensor, kernel: Tensor, bias: Tensor | None, sliding: Sliding, groups: int) -> Tensor:
    """Padded without a copy where both sides get the same."""
    pads = sliding.even_pads
    if pads is None:
        x, pads = pad_same(x, sliding, 0.0), (0, 0)
    flat_bias = None if bias is None else bias.flatten()
    return functional.conv2d(x, kernel, flat_bias, sliding.strides, pads, sliding.dilation, groups)
