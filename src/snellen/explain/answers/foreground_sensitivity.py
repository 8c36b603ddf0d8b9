"""How sensitive a model is to the foreground: the share of its absolute gradients that lies on the foreground, compared
with the share of the pixels that the foreground covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.explain.answers.facts import SensitivityJson
from snellen.explain.answers.gradients import POINTS_AT_ONCE, Logits, margin_gradients
from snellen.explain.foreground import brightness_of, foreground_masks, has_even_background
from snellen.statistics.wilson_interval import share_limits

IMAGES = 400
"""Images that are measured, evenly spaced. On MNIST this makes the interval less than 3 points wide."""

WORTH_SAYING = 0.05
"""Smallest difference that is reported. With 400 images a difference of 1 point can be significant (LeNet-5 on Fashion:
26 % against 25 %), but it has no practical meaning."""


@dataclass(frozen=True)
class ForegroundSensitivity:
    """Means over images. on_figure: the share of the absolute gradients of the margin that lies on the foreground.
    covered: the share of the pixels that the foreground covers, which is the share that equal gradients everywhere
    would have. low, high: the 95 % interval of on_figure minus covered, over other images."""

    images: int
    on_figure: float
    covered: float
    low: float
    high: float

    def as_json(self) -> SensitivityJson:
        """As a JSON value."""
        return {
            "images": self.images,
            "on_figure": self.on_figure,
            "covered": self.covered,
            "low": self.low,
            "high": self.high,
        }


def foreground_sensitivity(
    logits: Logits, inputs: Callable[[np.ndarray], Tensor], images: np.ndarray, pixel_range: tuple[float, float]
) -> ForegroundSensitivity | None:
    """For stored images (N, H, W, C); None if they have no uniform background, or no foreground.

    inputs(places): images scaled as the network expects them. The margin is that of the two most probable classes.
    """
    brightness = brightness_of(images, pixel_range)
    masks = foreground_masks(brightness)
    with_foreground = np.flatnonzero(masks.any((1, 2)))
    if not has_even_background(brightness) or not len(with_foreground):
        return None
    starts = range(0, len(with_foreground), POINTS_AT_ONCE)
    parts = [_absolute_gradients(logits, inputs(with_foreground[start : start + POINTS_AT_ONCE])) for start in starts]
    gradients, foreground = np.concatenate(parts), masks[with_foreground]
    total = gradients.sum((1, 2))
    on_figure = np.divide((gradients * foreground).sum((1, 2)), total, out=np.zeros_like(total), where=total > 0)
    covered = foreground.mean((1, 2))
    low, high = share_limits((1 + on_figure - covered) / 2)  # differences of shares, from -1 to 1
    return ForegroundSensitivity(
        len(with_foreground), float(on_figure.mean()), float(covered.mean()), 2 * low - 1, 2 * high - 1
    )


def differs(sensitivity: SensitivityJson) -> bool:
    """Whether the whole interval is farther than WORTH_SAYING from 0."""
    return bool(sensitivity["low"] > WORTH_SAYING or sensitivity["high"] < -WORTH_SAYING)


def sensitivity_sentence(model: str, sensitivity: SensitivityJson) -> str:
    """The sentence about a sensitivity that differs."""
    return (
        f"`{model}` is {'more' if sensitivity['low'] > 0 else 'less'} sensitive to foreground pixels than to an "
        f"average pixel: {100 * sensitivity['on_figure']:.0f} % of its absolute gradients are on the foreground, which "
        f"covers {100 * sensitivity['covered']:.0f} % of the pixels ({sensitivity['images']:,} validation images)."
    )


def _absolute_gradients(logits: Logits, x: Tensor) -> np.ndarray:
    """(n, H, W): absolute gradients of the margin, summed over channels."""
    with torch.inference_mode():
        first, second = logits(x).topk(2, dim=1).indices.unbind(1)
    _, gradient = margin_gradients(logits, x, first.clone(), second.clone())
    return np.asarray(gradient.abs().sum(-1).double().cpu().numpy())
