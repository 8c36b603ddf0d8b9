"""Images under sliding windows: output sizes, Keras's `same` padding, and how much time and memory they take."""

from __future__ import annotations

import math
from typing import Literal

import torch.nn.functional as functional
from torch import Tensor

from snellen.errors import ShapeError
from snellen.limits import PREDICTION_BATCH
from snellen.models.compiled import Window
from snellen.models.layer import Layer, Shape

Padding = Literal["valid", "same"]
VECTOR = 16
"""float32 numbers in a register of AVX-512."""


def window_output(layer: Layer, shape: Shape, window: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Height and width after sliding a window over images of `shape`; ShapeError when it does not fit."""
    if len(shape) != 3:
        raise ShapeError(f"`{layer.name}` needs images", found=f"shape {shape}", expected="(height, width, channels)")
    height, width, _ = shape
    if padding == "same":
        return math.ceil(height / stride), math.ceil(width / stride)
    if min(height, width) < window:
        raise ShapeError(f"`{layer.name}` has a {window}x{window} window", found=f"images of {height}x{width}")
    return (height - window) // stride + 1, (width - window) // stride + 1


def same_pads(size: int, window: int, stride: int) -> tuple[int, int]:
    """Pixels before and after one axis so that ceil(size / stride) windows fit; the odd one goes after, as in Keras."""
    total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def padded_values(shape: Shape, window: int, stride: int, padding: Padding) -> int:
    """Numbers of the padded copy of one row that `same` padding may need."""
    if padding == "valid":
        return 0
    height, width = (size + sum(same_pads(size, window, stride)) for size in shape[:2])
    return height * width * shape[2]


def convolution_values(shape: Shape, places: int, window: int, stride: int, padding: Padding) -> int:
    """Numbers of one row that a convolution holds beside input and output: the padded copy, unless both sides get the
    same; and for one channel a row's part of the windows of one image, which oneDNN copies twice."""
    columns = 2 * places * window**2 // PREDICTION_BATCH if shape[2] == 1 else 0
    return columns + (0 if stride == 1 and window % 2 else padded_values(shape, window, stride, padding))


def convolution_operations(places: int, window: int, inputs: int, outputs: int) -> int:
    """The time of windows at so many places, in multiply-adds, from `inputs` channels to `outputs`; fewer outputs than
    a vector holds take as long as a full vector."""
    return places * window**2 * inputs * max(outputs, VECTOR)


def compiled_window(shape: Shape, side: int, stride: int, padding: Padding) -> Window:
    """A window over images of `shape`, for the compiled library."""
    top, left = (same_pads(size, side, stride)[0] if padding == "same" else 0 for size in shape[:2])
    return Window(side, stride, top, left)


def pad_same(x: Tensor, window: int, stride: int, fill: float) -> Tensor:
    """(N, C, H, W) padded with `fill` for `same` windows."""
    top, bottom = same_pads(x.shape[-2], window, stride)
    left, right = same_pads(x.shape[-1], window, stride)
    return functional.pad(x, (left, right, top, bottom), value=fill) if top + bottom + left + right else x
