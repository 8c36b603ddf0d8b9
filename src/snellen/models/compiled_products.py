"""Products of large networks by the compiled library: the training of one lane, in float32, on the CPU.

Convolutions of 3x3 pixels by Winograd's minimal filtering, with a quarter of the multiplications and twice the
rounding; dense layers with all of the processor's vectors.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import torch
from torch import Tensor

from snellen.kernels.library import DenseSizes, WinogradSizes, library

CHANNELS = 16
"""Channels and units are multiples of this."""
MAX_CHANNELS = 4096
"""Of a convolution."""
Sizes = WinogradSizes | DenseSizes
_MEMORY = threading.local()


class Product(torch.autograd.Function):
    """y of `shape`: x (1, N, ...) times weights (1, ...) plus bias (1, U), and then relu where that is asked for; all
    contiguous."""

    @staticmethod
    def forward(
        ctx: Any, sizes: Sizes, x: Tensor, weights: Tensor, bias: Tensor | None, shape: tuple[int, ...], relu: bool
    ) -> Tensor:
        """relu(x * weights + bias)."""
        y = x.new_empty(shape)
        _function(sizes, "forward")(*_addresses(x, weights, bias), int(relu), y.data_ptr(), *_memory(sizes))
        ctx.save_for_backward(x, weights, y if relu else None)
        ctx.sizes, ctx.bias_shape = sizes, None if bias is None else bias.shape
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of weights and bias, and of x where that is needed; that of the relu is part of them."""
        x, weights, y = ctx.saved_tensors
        sizes, to_y, to_weights = ctx.sizes, gradients[0].contiguous(), torch.empty_like(weights)
        to_bias = None if ctx.bias_shape is None else weights.new_empty(ctx.bias_shape)
        _function(sizes, "kernels")(*_addresses(x, to_y, y, to_weights, to_bias), *_memory(sizes))
        to_x = torch.empty_like(x) if ctx.needs_input_grad[1] else None
        if to_x is not None:
            _function(sizes, "inputs")(*_addresses(to_y, y, weights, to_x), *_memory(sizes))
        return None, to_x, to_weights, to_bias, None, None


def _addresses(*values: Tensor | None) -> list[int | None]:
    return [None if each is None else each.data_ptr() for each in values]


def _function(sizes: Sizes, name: str) -> Any:
    """A function of large.h."""
    return _named("winograd" if isinstance(sizes, WinogradSizes) else "dense", name)


@cache
def _named(product: str, name: str) -> Any:
    return getattr(library(), f"snellen_{product}_{name}")


def _memory(sizes: Sizes) -> tuple[Any, int]:
    """The sizes, and working memory of this thread, which is kept from call to call."""
    place = ctypes.byref(sizes)
    size = _function(sizes, "scratch")(place)
    kept: Tensor | None = getattr(_MEMORY, "kept", None)
    if kept is None or len(kept) < size:
        kept = _MEMORY.kept = torch.empty(size)
    return place, kept.data_ptr()
