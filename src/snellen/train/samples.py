"""A few training pictures as a network sees them, beside what they were made of, for the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.models.forward import to_input
from snellen.train.lane import Lane
from snellen.train.loop import ResidentData, Training

COUNT = 16


@dataclass(frozen=True, eq=False)
class Samples:
    """rows: (M,) of the data set. originals, augmented: (M, H, W, C) uint8, black 0 and white 255."""

    rows: np.ndarray
    originals: np.ndarray
    augmented: np.ndarray


def augmented_samples(lane: Lane, material: ResidentData, count: int = COUNT) -> Samples | None:
    """The first `count` pictures of the first epoch of a lane, just as it is trained on them; None where it is trained
    on pictures as they are."""
    if not lane.trajectory.augment:
        return None
    rows, seen, found = [], [], 0
    for batch in Training.prepare([lane], material).batches((0,), 0, torch.float32):
        rows.append(batch.rows[0])
        seen.append(batch.x[0])
        found += len(rows[-1])
        if found >= count:
            break
    chosen = torch.cat(rows)[:count]
    originals = to_input(material.images[chosen], lane.trajectory.pixel_range)
    return Samples(chosen.cpu().numpy(), _tones(originals), _tones(torch.cat(seen)[:count]))


def _tones(x: Tensor) -> np.ndarray:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
