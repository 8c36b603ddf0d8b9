"""The pixels that the first step of a model chose, and their importance, as maps."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from snellen.files import tensors
from snellen.models.features import TopPixels
from snellen.train.results import JobFolder


class PixelMap(TypedDict):
    """Values of (height * width) pixels, row by row. importance, image (the mean image): 0..1. chosen: 0 or 1. step:
    how the pixels were chosen, in words."""

    height: int
    width: int
    step: str
    importance: list[float]
    picture: list[float]
    chosen: list[int]


def pixel_map(folder: JobFolder, mean_images: np.ndarray) -> PixelMap | None:
    """The map of a job whose first step chooses pixels; None for other jobs and without stored weights.

    mean_images: (K, H*W*C), 0..1. The importance of a pixel is the sum over its channels, and a pixel is chosen if
    one of its channels is.
    """
    trajectory = folder.read_job().trajectory
    first = trajectory.network.layers[0]
    if not isinstance(first.layer, TopPixels) or not folder.weights.exists():
        return None
    height, width, channels = trajectory.input_shape
    arrays, _ = tensors.load(folder.weights)
    importance = arrays[f"{first.name}.importance"].reshape(-1, channels).sum(1)
    chosen = np.zeros(height * width, np.int64)
    chosen[arrays[f"{first.name}.pixels"].astype(np.int64) // channels] = 1
    return PixelMap(
        height=height,
        width=width,
        step=first.layer.detail(),
        importance=_rounded(importance / max(float(importance.max()), 1e-12)),
        picture=_rounded(mean_images.mean(0).reshape(-1, channels).mean(1)),
        chosen=chosen.tolist(),
    )


def _rounded(values: np.ndarray) -> list[float]:
    rounded: list[float] = values.astype(float).round(3).tolist()
    return rounded
