"""The loss of each image by the kept weights and by those of the last epoch: whether training went on too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from snellen.errors import located
from snellen.files import tensors
from snellen.limits import LAST_TRAIN_ROWS
from snellen.metrics.scores import losses
from snellen.models.forward import predict_probabilities
from snellen.train.batches import ResidentData
from snellen.train.kept_epoch import Kept, Weights
from snellen.train.lane import Lane
from snellen.train.layout import Layout

ROLES = ("train", "validation")
EPOCHS = ("kept", "last")


@dataclass(frozen=True, eq=False)
class Losses:
    """kept, last: role -> (n,) float32, the loss of each image after the kept and after the last epoch, in evaluation
    mode and without augmentation; of all validation rows, and of a sample of the training rows."""

    kept: Mapping[str, np.ndarray]
    last: Mapping[str, np.ndarray]

    def save(self, path: Path, job: str) -> None:
        """Four arrays: kept.train, kept.validation, last.train, last.validation."""
        both = {"kept": self.kept, "last": self.last}
        arrays = {f"{epoch}.{role}": both[epoch][role] for epoch in EPOCHS for role in ROLES}
        tensors.save(path, arrays, {"job": job})

    @staticmethod
    def load(path: Path) -> Losses:
        """What `save` wrote."""
        arrays, _ = tensors.load(path)
        with located(str(path)):
            kept = {role: tensors.array(arrays, f"kept.{role}", np.float32, (None,)) for role in ROLES}
            last = {role: tensors.array(arrays, f"last.{role}", np.float32, (len(kept[role]),)) for role in ROLES}
        return Losses(kept, last)


def losses_of(lane: Lane, kept: Kept, data: ResidentData) -> Losses | None:
    """Of a job that trained beyond the epoch that it kept; None for any other."""
    if kept.last is None:
        return None
    labels = data.labels.cpu().numpy()
    rows = {"train": sample(lane.rows["train"], labels, LAST_TRAIN_ROWS), "validation": lane.rows["validation"]}
    both = (Weights(kept.theta, kept.state), kept.last)
    return Losses(*({role: _losses(lane, weights, rows[role], data) for role in ROLES} for weights in both))


def sample(rows: np.ndarray, labels: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, ascending: evenly spaced after sorting by class, so that each class keeps its
    share."""
    if len(rows) <= most:
        return rows
    by_class = rows[np.argsort(labels[rows], kind="stable")]
    return np.sort(by_class[np.arange(most) * len(rows) // most])


def _losses(lane: Lane, weights: Weights, rows: np.ndarray, data: ResidentData) -> np.ndarray:
    network, pixel_range = lane.trajectory.trained, lane.trajectory.trained_range
    parameters = Layout.of(network.init((0,))[0]).views(weights.theta)
    on_device, state = torch.from_numpy(rows).to(data.device), weights.state
    places = data.at(on_device)
    probabilities = predict_probabilities(network, parameters, state, data.images, pixel_range, places)
    return losses(data.labels[on_device].cpu().numpy(), probabilities).astype(np.float32)
