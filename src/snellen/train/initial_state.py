"""The state of a lane before its first epoch: initial weights, or those of the phase before, kept or last."""

from __future__ import annotations

import torch

from snellen.models.build import to_tensors
from snellen.models.fit import fit
from snellen.train.batches import ResidentData
from snellen.train.kept_epoch import EarlyStopping, Kept, Weights
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.snapshot import Progress, Snapshot, Values


def initial(lane: Lane, data: ResidentData, pretrained: Values | None = None) -> Snapshot:
    """Initial weights, and feature steps fitted to the training rows of the lane. pretrained: values of a backbone, by
    full name, instead of the initial ones."""
    rows, trajectory = torch.from_numpy(lane.rows["train"]).to(data.device), lane.trajectory
    images, labels = data.images[data.at(rows)].cpu().numpy(), data.labels[rows].cpu().numpy()
    fitted = fit(trajectory.trained, images, labels, trajectory.trained_range, trajectory.seed)
    return unfitted(lane, data, to_tensors(fitted, torch.float32, data.device) | (pretrained or {}))


def unfitted(lane: Lane, data: ResidentData, given: Values | None = None) -> Snapshot:
    """Initial weights, and zero for the state of feature steps, except for the values that are given by name."""
    parameters, state = lane.trajectory.trained.init((lane.trajectory.seed,), device=data.device)
    known = given or {}
    return of_weights(
        lane,
        {name: known.get(name, value) for name, value in parameters.items()},
        {name: known.get(name, value) for name, value in state.items()},
    )


def of_weights(lane: Lane, parameters: Values, state: Values) -> Snapshot:
    """These parameters and this state, name -> (1, ...)."""
    theta = Layout.of(parameters).flatten(parameters)
    return of_end(lane, Weights(theta, state), lane.trajectory.optimizer.init(theta))


def of_end(lane: Lane, weights: Weights, slots: Values) -> Snapshot:
    """These weights, and these slots of the optimizer, name -> (1, P)."""
    kept = tuple(Kept(EarlyStopping(), weights.theta, weights.state) for _ in lane.jobs)
    return Snapshot(0, (0,), weights.theta, weights.state, slots, (Progress(kept),))
