"""The state of a lane before its first epoch: initial weights, or the kept weights of the phase before."""

from __future__ import annotations

import torch

from snellen.models.build import to_tensors
from snellen.models.fit import fit
from snellen.train.batches import ResidentData
from snellen.train.kept_epoch import EarlyStopping, Kept
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.snapshot import Progress, Snapshot, Values


def initial(lane: Lane, data: ResidentData) -> Snapshot:
    """Initial weights, and feature steps fitted to the training rows of the lane."""
    rows, trajectory = torch.from_numpy(lane.rows["train"]).to(data.device), lane.trajectory
    images, labels = (values[rows].cpu().numpy() for values in (data.images, data.labels))
    fitted = fit(trajectory.network, images, labels, trajectory.pixel_range, trajectory.seed)
    return unfitted(lane, data, to_tensors(fitted, torch.float32, data.device))


def unfitted(lane: Lane, data: ResidentData, fitted: Values | None = None) -> Snapshot:
    """Initial weights, and the state of feature steps as given, or zero."""
    parameters, state = lane.trajectory.network.init((lane.trajectory.seed,), device=data.device)
    return of_weights(lane, parameters, state | (fitted or {}))


def of_weights(lane: Lane, parameters: Values, state: Values) -> Snapshot:
    """These parameters and this state, name -> (1, ...)."""
    theta = Layout.of(parameters).flatten(parameters)
    kept = tuple(Kept(EarlyStopping(), theta, state) for _ in lane.jobs)
    return Snapshot(0, (0,), theta, state, lane.trajectory.optimizer.init(theta), (Progress(kept),))
