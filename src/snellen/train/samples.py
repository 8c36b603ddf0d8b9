"""A few training images as the network sees them, with their originals, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from snellen.models.forward import to_input
from snellen.train.batches import Batches, ResidentData
from snellen.train.lane import Lane

COUNT = 16


@dataclass(frozen=True, eq=False)
class Samples:
    """rows: (M,) of the data set. originals, augmented: (M, H, W, C) uint8, black 0 and white 255."""

    rows: np.ndarray
    originals: np.ndarray
    augmented: np.ndarray


def augmented_samples(lane: Lane, data: ResidentData, count: int = COUNT) -> Samples | None:
    """The first `count` images of the first epoch of a lane, exactly as it is trained on them; None where nothing is
    augmented."""
    if not lane.trajectory.augment:
        return None
    steps = -(-count // lane.trajectory.batch_size)
    batches = list(islice(Batches.of([lane], data).of_epoch((0,), 0, torch.float32), steps))
    rows = torch.cat([batch.rows[0] for batch in batches if batch.rows is not None])[:count]
    originals = to_input(data.images[data.at(rows)], lane.trajectory.pixel_range)
    augmented = torch.cat([batch.x[0] for batch in batches])[:count]
    return Samples(rows.cpu().numpy(), _as_bytes(originals), _as_bytes(augmented))


def _as_bytes(x: Tensor) -> np.ndarray:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
