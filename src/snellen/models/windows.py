"""Pictures under sliding windows: output sizes, Keras's `same` padding, and lanes folded beside the channels."""

from __future__ import annotations

import math
from typing import Literal

import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import PREDICTION_BATCH
from snellen.models.layer import Layer, Shape

Padding = Literal["valid", "same"]


LANES_AT_ONCE = 16
"""float32 numbers in a register of AVX-512."""


def window_output(layer: Layer, shape: Shape, window: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Height and width after sliding a window over pictures of `shape`; ShapeError when it does not fit."""
    if len(shape) != 3:
        raise ShapeError(f"`{layer.name}` needs pictures", found=f"shape {shape}", expected="(height, width, channels)")
    height, width, _ = shape
    if padding == "same":
        return math.ceil(height / stride), math.ceil(width / stride)
    if min(height, width) < window:
        raise ShapeError(f"`{layer.name}` has a {window}x{window} window", found=f"pictures of {height}x{width}")
    return (height - window) // stride + 1, (width - window) // stride + 1


def same_pads(size: int, window: int, stride: int) -> tuple[int, int]:
    """Pixels before and after one axis so that ceil(size / stride) windows fit; the odd one goes after, as in Keras."""
    total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def padded_values(shape: Shape, window: int, stride: int, padding: Padding) -> int:
    """Numbers of the padded copy of one row that `same` windows may need."""
    if padding == "valid":
        return 0
    height, width = (size + sum(same_pads(size, window, stride)) for size in shape[:2])
    return height * width * shape[2]


def convolution_values(shape: Shape, places: int, window: int, stride: int, padding: Padding) -> int:
    """Numbers of one row that a convolution holds beside input and output: the padded copy, where both sides do not get
    the same, and of one channel its part of the windows of one picture, which oneDNN copies twice."""
    columns = 2 * places * window**2 // PREDICTION_BATCH if shape[2] == 1 else 0
    return columns + (0 if stride == 1 and window % 2 else padded_values(shape, window, stride, padding))


def convolution_operations(places: int, window: int, inputs: int, outputs: int) -> int:
    """Multiply-adds of windows at so many places, from so many channels to so many; few outputs take as long as those
    that are computed at once."""
    return places * window**2 * inputs * max(outputs, LANES_AT_ONCE)


def pad_same(x: Tensor, window: int, stride: int, fill: float) -> Tensor:
    """(N, C, H, W) padded with `fill` for `same` windows."""
    top, bottom = same_pads(x.shape[-2], window, stride)
    left, right = same_pads(x.shape[-1], window, stride)
    return functional.pad(x, (left, right, top, bottom), value=fill) if top + bottom + left + right else x


def fold(x: Tensor) -> Tensor:
    """(L, N, H, W, C) as torch's (N, L*C, H, W) in channels_last memory: a view of what `unfold` gave, and of one lane.

    Only so are lanes side by side quicker than one after another: LeNet-5 in 8 lanes took twice as long otherwise.
    """
    lanes, rows, height, width, channels = x.shape
    return x.permute(1, 2, 3, 0, 4).reshape(rows, height, width, lanes * channels).permute(0, 3, 1, 2)


def unfold(y: Tensor, lanes: int) -> Tensor:
    """Back from (N, L*C, H, W) to (L, N, H, W, C)."""
    rows, channels, height, width = y.shape
    return y.reshape(rows, lanes, channels // lanes, height, width).permute(1, 0, 3, 4, 2)
