"""Convolutions of pretrained networks by the compiled library, where predictions or features are computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snellen.kernels.library import DenseSizes, WinogradSizes, has_vectors
from snellen.models.compiled_products import CHANNELS, MAX_CHANNELS, Product

LEAST_SIDE = 8
"""Of feature maps, in pixels. The library takes 0.4 of torch's time on VGG16's maps of 8 to 32 pixels; on smaller ones
of 32 images most of it goes into the weights."""


def is_compiled(x: Tensor) -> bool:
    """Whether the library computes with such images: no gradients are wanted, in float32 on the CPU."""
    return not torch.is_grad_enabled() and x.device.type == "cpu" and x.dtype == torch.float32 and has_vectors()


class CompiledConv2d(nn.Conv2d):
    """A convolution of torch that gives the same numbers but for rounding, by the compiled library where it can. What
    the library gives for an image does not depend on the others."""

    least_side: int

    @classmethod
    def adopt(cls, network: nn.Module, least_side: int = LEAST_SIDE) -> None:
        """Makes the fitting convolutions of a network such ones. least_side: maps with a smaller one are torch's."""
        for each in network.modules():
            if type(each) is nn.Conv2d and _fits(each):
                each.__class__ = cls
                each.__dict__["least_side"] = least_side

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        height, width = input.shape[2:]
        if min(height, width) < self.least_side or not is_compiled(input):
            y: Tensor = super()._conv_forward(input, weight, bias)
            return y
        images = input.permute(0, 2, 3, 1).contiguous().unsqueeze(0)
        compute = _of_2x2 if (height, width) == (2, 2) else _by_winograd
        return compute(images, weight, bias)[0].permute(0, 3, 1, 2)


def _by_winograd(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(1, N, H, W, out) of images (1, N, H, W, in) and weights (out, in, 3, 3), by Winograd's minimal filtering."""
    kernel, shape = weight.permute(0, 2, 3, 1).contiguous().unsqueeze(0), (*images.shape[:4], len(weight))
    y: Tensor = Product.apply(WinogradSizes(*images.shape[1:], len(weight), 1), images, kernel, bias, shape, False)
    return y


def _of_2x2(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The same of images of 2x2 pixels: each value sees all four pixels, through four of the nine weights."""
    rows, channels, filters = images.shape[1], images.shape[4], len(weight)
    sizes, pixels = DenseSizes(rows, 4 * channels, filters), images.reshape(1, rows, 4 * channels)
    kernel, y = weight.permute(2, 3, 1, 0).contiguous(), images.new_empty(1, rows, 2, 2, filters)
    for row in range(2):
        for column in range(2):
            seen = kernel[1 - row : 3 - row, 1 - column : 3 - column].reshape(1, 4 * channels, filters)
            y[:, :, row, column] = Product.apply(sizes, pixels, seen, bias, (1, rows, filters), False)
    return y


def _fits(of: nn.Conv2d) -> bool:
    """Whether the library has such a convolution."""
    channels = (of.in_channels, of.out_channels)
    window = (of.kernel_size, of.stride, of.padding, of.dilation, of.groups, of.padding_mode)
    known = window == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
    return known and all(each % CHANNELS == 0 and each <= MAX_CHANNELS for each in channels)
