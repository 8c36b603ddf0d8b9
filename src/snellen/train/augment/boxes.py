"""Rectangles of pixels, each given by its first row and column and those behind its last."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from snellen.train.augment.augmentation import ImageShape


def boxes(generator: np.random.Generator, sides: np.ndarray, shape: ImageShape) -> np.ndarray:
    """(n, 4) boxes (top, left, bottom, right) with sides (n, 2), the centre anywhere, cut at the edge."""
    size = np.asarray(shape[:2])
    first = np.floor(generator.random((len(sides), 2)) * size) - sides // 2
    return np.hstack([first.clip(0, size), (first + sides).clip(0, size)])


def inside(boxes: Tensor, x: Tensor) -> Tensor:
    """(L, N, H, W, 1) bool: which pixels of x (L, N, H, W, C) lie in their box (L, N, 4)."""
    top, left, bottom, right = boxes.unsqueeze(-1).unbind(2)
    rows, columns = (torch.arange(size, device=x.device) for size in x.shape[2:4])
    return (((rows >= top) & (rows < bottom))[..., None] & ((columns >= left) & (columns < right)).unsqueeze(2))[
        ..., None
    ]


def areas(boxes: Tensor) -> Tensor:
    """(L, N) pixels in each of the boxes (L, N, 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
