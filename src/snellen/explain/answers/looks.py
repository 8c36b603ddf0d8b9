"""What a model looks at: the share of its sensitivity that lies on the figure, beside the share of pixels it covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snellen.explain.answers.gradients import POINTS_AT_ONCE, Logits, slopes
from snellen.explain.figure import has_even_ground, masks, tones_of
from snellen.statistics.proportion_intervals import share_limits

PICTURES = 400
"""Pictures looked at, evenly over the rows: the interval is then below 3 points wide on MNIST."""


WORTH_SAYING = 0.05
"""Of 400 pictures 1 point can be told from 0 (LeNet-5 on Fashion: 26 % beside 25 %), and says nothing."""


@dataclass(frozen=True)
class Looks:
    """Means over pictures. on_figure: the share of the absolute gradients of the margin that lies on the figure.
    covered: the share of the pixels that the figure covers, which is what an even map would put there. low, high: of
    on_figure minus covered, 95 %, over other images."""

    images: int
    on_figure: float
    covered: float
    low: float
    high: float

    def as_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return asdict(self)


def looks(
    logits: Logits, inputs: Callable[[np.ndarray], Tensor], images: np.ndarray, pixel_range: tuple[float, float]
) -> Looks | None:
    """Of stored pictures (N, H, W, C); None where they have no even ground, or no figure.

    inputs(places) gives pictures as the network sees them. The margin is that of the two most probable classes.
    """
    tones = tones_of(images, pixel_range)
    figures = masks(tones)
    seen = np.flatnonzero(figures.any((1, 2)))
    if not has_even_ground(tones) or not len(seen):
        return None
    parts = [_strengths(logits, inputs(seen[at : at + POINTS_AT_ONCE])) for at in range(0, len(seen), POINTS_AT_ONCE)]
    strengths, own = np.concatenate(parts), figures[seen]
    total = strengths.sum((1, 2))
    on_figure = np.divide((strengths * own).sum((1, 2)), total, out=np.zeros_like(total), where=total > 0)
    covered = own.mean((1, 2))
    low, high = share_limits((1 + on_figure - covered) / 2)  # differences of shares, from -1 to 1
    return Looks(len(seen), float(on_figure.mean()), float(covered.mean()), 2 * low - 1, 2 * high - 1)


def differs(seen: Mapping[str, Any]) -> bool:
    """Of a Looks as JSON: whether the figure gets a share of the sensitivity that is WORTH_SAYING away from that of the
    pixels, by all of the interval."""
    return bool(seen["low"] > WORTH_SAYING or seen["high"] < -WORTH_SAYING)


def looks_sentence(model: str, seen: Mapping[str, Any]) -> str:
    """What may be said where it differs."""
    return (
        f"`{model}` is {'more' if seen['low'] > 0 else 'less'} sensitive to pixels of the figure than to an average "
        f"pixel: {100 * seen['on_figure']:.0f} % of its absolute gradients lie on the figure, which covers "
        f"{100 * seen['covered']:.0f} % of the pixels ({seen['images']:,} validation images)."
    )


def _strengths(logits: Logits, x: Tensor) -> np.ndarray:
    """(n, H, W): absolute gradients, channels added."""
    with torch.inference_mode():
        first, second = logits(x).topk(2, dim=1).indices.unbind(1)
    _, gradient = slopes(logits, x, first.clone(), second.clone())
    return np.asarray(gradient.abs().sum(-1).double().cpu().numpy())
