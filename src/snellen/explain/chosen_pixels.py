"""Which pixels a model was given: the importances that chose them, and the chosen ones on the mean picture."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from snellen.files import tensors
from snellen.models.features import TopPixels
from snellen.train.results import JobFolder


class PixelMap(TypedDict):
    """Row by row, (height * width) each. importance, picture: 0..1. chosen: 0 or 1. step: what chose them, in words."""

    height: int
    width: int
    step: str
    importance: list[float]
    picture: list[float]
    chosen: list[int]


def pixel_map(folder: JobFolder, mean_pictures: np.ndarray) -> PixelMap | None:
    """The map of a job whose first step chooses pixels; None for any other, and without its weights.

    mean_pictures: (K, H*W*C), 0..1. Channels are one pixel: its importance is their sum, and it is chosen when one of
    them is.
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
        picture=_rounded(mean_pictures.mean(0).reshape(-1, channels).mean(1)),
        chosen=chosen.tolist(),
    )


def _rounded(values: np.ndarray) -> list[float]:
    rounded: list[float] = values.astype(float).round(3).tolist()
    return rounded
