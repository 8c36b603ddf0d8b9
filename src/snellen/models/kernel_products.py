"""Convolutions and dense layers of large networks by the compiled kernels: training, one lane, float32, on the CPU.

Convolutions of 3x3 pixels by Winograd's minimal filtering, with a quarter of the multiplications and twice the
rounding; dense layers with all of the processor's vectors. Else, and where there are no kernels, torch computes.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import torch
from torch import Tensor

from snellen.kernels.library import DenseSizes, WinogradSizes, has_vectors, library

CHANNELS = 16
"""What channels and units come in."""
MOST = 4096
"""Channels of a convolution."""
Sizes = WinogradSizes | DenseSizes
_MEMORY = threading.local()


def convolves(x: Tensor, kernel: Tensor, strides: int) -> bool:
    """Whether x (1, N, H, W, C) and kernel (1, F, 3, 3, C) can be convolved so on this machine."""
    _, filters, side, _, channels = kernel.shape
    counts = all(each <= MOST and each % CHANNELS == 0 for each in (filters, channels))
    return counts and side == 3 and strides == 1 and _suits(x)


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, pad: int, relu: bool) -> Tensor:
    """(1, N, H', W', F) of x (1, N, H, W, C), kernel (1, F, 3, 3, C) and bias (1, F), with `pad` zeros around it;
    not below zero where a relu is asked for."""
    _, rows, height, width, channels = x.shape
    shape = (1, rows, height + 2 * pad - 2, width + 2 * pad - 2, kernel.shape[1])
    return _product(WinogradSizes(rows, height, width, channels, shape[-1], pad), x, kernel, bias, shape, relu)


def multiplies(x: Tensor, kernel: Tensor) -> bool:
    """Whether x (1, N, K) and kernel (1, K, U) can be multiplied so on this machine."""
    return kernel.shape[2] % CHANNELS == 0 and _suits(x)


def multiply(x: Tensor, kernel: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """(1, N, U) of x (1, N, K), kernel (1, K, U) and bias (1, U); not below zero where a relu is asked for."""
    return _product(DenseSizes(*x.shape[1:], kernel.shape[2]), x, kernel, bias, (1, x.shape[1], kernel.shape[2]), relu)


def _suits(x: Tensor) -> bool:
    return len(x) == 1 and x.dtype == torch.float32 and x.device.type == "cpu" and has_vectors()


def _product(
    sizes: Sizes, x: Tensor, kernel: Tensor, bias: Tensor | None, shape: tuple[int, ...], relu: bool
) -> Tensor:
    y: Tensor = _Product.apply(sizes, x.contiguous(), kernel.contiguous(), bias, shape, relu)
    return y


class _Product(torch.autograd.Function):
    """The gradient of the relu is in those of the product."""

    @staticmethod
    def forward(
        ctx: Any, sizes: Sizes, x: Tensor, kernel: Tensor, bias: Tensor | None, shape: tuple[int, ...], relu: bool
    ) -> Tensor:
        """y, of this shape."""
        y = x.new_empty(shape)
        _call("forward", sizes, x, kernel, bias, int(relu), y)
        ctx.save_for_backward(x, kernel, y if relu else None)
        ctx.sizes, ctx.bias_shape = sizes, None if bias is None else bias.shape
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of x where it is asked for, of kernel and bias always."""
        x, kernel, y = ctx.saved_tensors
        to_y, to_kernel = gradients[0].contiguous(), torch.empty_like(kernel)
        to_bias = None if ctx.bias_shape is None else kernel.new_empty(ctx.bias_shape)
        _call("kernels", ctx.sizes, x, to_y, y, to_kernel, to_bias)
        to_x = torch.empty_like(x) if ctx.needs_input_grad[1] else None
        if to_x is not None:
            _call("inputs", ctx.sizes, to_y, y, kernel, to_x)
        return None, to_x, to_kernel, to_bias, None, None


def _call(name: str, sizes: Sizes, *values: Tensor | int | None) -> None:
    """A function of kernels/large.h, with working memory of this thread that is kept from call to call."""
    kind, place = "winograd" if isinstance(sizes, WinogradSizes) else "dense", ctypes.byref(sizes)
    arguments = [each.data_ptr() if isinstance(each, Tensor) else each for each in values]
    _function(f"{kind}_{name}")(*arguments, place, _scratch(_function(f"{kind}_scratch")(place)))


@cache
def _function(name: str) -> Any:
    return getattr(library(), f"snellen_{name}")


def _scratch(size: int) -> int:
    kept: Tensor | None = getattr(_MEMORY, "kept", None)
    if kept is None or len(kept) < size:
        kept = _MEMORY.kept = torch.empty(size)
    return kept.data_ptr()
