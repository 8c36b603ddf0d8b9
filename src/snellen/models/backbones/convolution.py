"""Convolutions of pretrained networks by the compiled library, where predictions or features are computed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snellen.kernels.library import WinogradSizes, has_vectors
from snellen.models.compiled_products import CHANNELS, MAX_CHANNELS, Product

LEAST_SIDE = 8
"""Of feature maps, in pixels. The library takes 0.4 of torch's time on VGG16's maps of 8 to 32 pixels; on smaller ones
most of it goes into the weights."""


class CompiledConv2d(nn.Conv2d):
    """A convolution of torch that gives the same numbers but for rounding: by Winograd's minimal filtering where no
    gradients are wanted, in float32 on the CPU. What it gives for an image does not depend on the others."""

    @classmethod
    def adopt(cls, network: nn.Module) -> None:
        """Makes the fitting convolutions of a network such ones."""
        for each in network.modules():
            if type(each) is nn.Conv2d and _fits(each):
                each.__class__ = cls

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        plain = input.device.type == "cpu" and input.dtype == weight.dtype == torch.float32
        if torch.is_grad_enabled() or not plain or min(input.shape[2:]) < LEAST_SIDE or not has_vectors():
            plain_result: Tensor = super()._conv_forward(input, weight, bias)
            return plain_result
        images, kernel = (each.permute(0, 2, 3, 1).contiguous().unsqueeze(0) for each in (input, weight))
        rows, height, width, channels = images.shape[1:]
        sizes = WinogradSizes(rows, height, width, channels, self.out_channels, 1)
        shape = (1, rows, height, width, self.out_channels)
        y: Tensor = Product.apply(sizes, images, kernel, bias, shape, False)
        return y[0].permute(0, 3, 1, 2)


def _fits(of: nn.Conv2d) -> bool:
    """Whether the library has such a convolution."""
    channels = (of.in_channels, of.out_channels)
    window = (of.kernel_size, of.stride, of.padding, of.dilation, of.groups, of.padding_mode)
    known = window == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
    return known and all(each % CHANNELS == 0 and each <= MAX_CHANNELS for each in channels)
