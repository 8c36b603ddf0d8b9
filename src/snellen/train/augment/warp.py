"""Affine maps of images: from which place of the stored image each pixel is read.

A map is six numbers (a, b, t, c, d, u): the pixel in row i and column j, counted from the centre, is read from row
a i + b j + t and column c i + d j + u, counted from the centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Fill = Literal["nearest", "zero"]
Interpolation = Literal["bilinear", "nearest"]
PADDING = {"nearest": "border", "zero": "zeros"}


def maps(
    count: int, linear: tuple[object, object, object, object] = (1, 0, 0, 1), offset: tuple[object, object] = (0, 0)
) -> np.ndarray:
    """(count, 6) of the linear part (a, b, c, d) and the offset (t, u), each a number or (count,)."""
    a, b, c, d = linear
    return np.stack([np.broadcast_to(np.asarray(each, float), count) for each in (a, b, offset[0], c, d, offset[1])], 1)


def composed(steps: Sequence[np.ndarray]) -> np.ndarray:
    """(n, 6) of several (n, 6), the first applied first."""
    whole: np.ndarray = reduce(_after, steps)
    return whole


def _after(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    outer, inner = first.reshape(-1, 2, 3), then.reshape(-1, 2, 3)
    both = outer[:, :, :2] @ inner
    both[:, :, 2] += outer[:, :, 2]
    return np.reshape(both, (-1, 6))


def read_between(x: Tensor, maps: Tensor, fill: Fill, interpolation: Interpolation) -> Tensor:
    """x (L, N, H, W, C) read by maps (L, N, 6), also between pixels. Beyond the edge is the nearest pixel, or zero."""
    height, width = x.shape[2:4]
    a, b, t, c, d, u = maps.to(x.dtype).flatten(0, 1).unsqueeze(-1).unbind(1)
    i, j = _from_centre(height, x), _from_centre(width, x)
    places = x.new_empty((len(a), height, width, 2))  # column, then row; the image lies between -1 and 1
    torch.add((c * i + u)[:, :, None] * (2 / width), (d * j)[:, None] * (2 / width), out=places[..., 0])
    torch.add((a * i + t)[:, :, None] * (2 / height), (b * j)[:, None] * (2 / height), out=places[..., 1])
    planes = x.flatten(0, 1).permute(0, 3, 1, 2)
    y = torch.nn.functional.grid_sample(planes, places, interpolation, PADDING[fill], align_corners=False)
    return y.permute(0, 2, 3, 1).contiguous().view(x.shape)


def read_whole(x: Tensor, maps: Tensor, fill: Fill) -> Tensor:
    """The same for maps that only mirror and move by whole pixels: exact and faster."""
    height, width, channels = x.shape[2:]
    a, _, t, _, d, u = maps.to(x.dtype).flatten(0, 1).unsqueeze(-1).unbind(1)
    rows = a * _from_centre(height, x) + t + (height - 1) / 2
    columns = d * _from_centre(width, x) + u + (width - 1) / 2
    nearest = rows.round().clamp(0, height - 1).long(), columns.round().clamp(0, width - 1).long()
    first = torch.arange(len(rows), device=x.device)[:, None] * height
    places = ((first + nearest[0]) * width)[:, :, None] + nearest[1][:, None]
    y = x.reshape(-1, channels).index_select(0, places.flatten()).view(x.shape)
    if fill == "nearest":
        return y
    inside = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None]
    return y * inside.view(*x.shape[:-1], 1)


def _from_centre(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2


def _inside(places: Tensor, size: int) -> Tensor:
    return (places > -0.5) & (places < size - 0.5)
