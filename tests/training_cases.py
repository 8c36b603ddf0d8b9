"""A small job on small images, and what the engine needs to train it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from runs import blobs

from snellen.models.layers import Dense
from snellen.models.parts import AnyPart
from snellen.train import initial_state, loop
from snellen.train.batches import ResidentData
from snellen.train.job import Job, StopRule, Trajectory
from snellen.train.lane import Lane
from snellen.train.loop import Training
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.snapshot import Snapshot, together
from snellen.train.watcher import Silent

TRAJECTORY: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": 8, "activation": "relu"}}, {"dropout": 0.2}],
    "input_shape": (6, 6, 1),
    "classes": 3,
    "pixel_range": (0, 255),
    "optimizer": "adam",
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "schedule": "constant",
    "batch_size": 16,
    "seed": 0,
    "rows": "a" * 64,
    "total_epochs": None,
    "clip_norm": None,
    "clip_parameter_norm": None,
    "clip_value": None,
    "label_smoothing": 0.0,
    "class_weights": None,
    "augment": (),
    "followed": None,
    "start": None,
    "continues": "kept",
}
STOP: dict[str, Any] = {"epochs": 4, "patience": None, "measure": "loss", "validation_rows": "b" * 64, "keep": "best"}
STOP |= {"min_delta": 0.0, "start_from_epoch": 0}
PARTS = TypeAdapter(tuple[AnyPart, ...])
TRAIN_ROWS, VALIDATION_ROWS = np.arange(60), np.arange(60, 90)
STEPS = 4

torch.set_num_threads(1)  # so small a network waits for a second thread longer than it works


def job(**changes: Any) -> Job:
    """The job with other values for some fields of its trajectory or stop rule."""
    trajectory, stop = ({name: changes.get(name, value) for name, value in each.items()} for each in (TRAJECTORY, STOP))
    assert changes.keys() <= TRAJECTORY.keys() | STOP.keys()
    if "reduce_on_plateau" in trajectory["schedule"] and trajectory["followed"] is None:
        trajectory["followed"] = {"measure": stop["measure"], "validation_rows": stop["validation_rows"]}
    layers = (*PARTS.validate_python(trajectory["layers"]), Dense(units=trajectory["classes"]))
    return Job(trajectory=Trajectory(**{**trajectory, "layers": layers}), stop=StopRule(**stop))


def lane(**changes: Any) -> Lane:
    return Lane((job(**changes),), {"train": TRAIN_ROWS, "validation": VALIDATION_ROWS})


def material() -> ResidentData:
    images, labels = blobs(90)
    return ResidentData(torch.from_numpy(images[..., None]), torch.from_numpy(labels))


def checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint(folder, [("job",)])


def start(*lanes: Lane, images: ResidentData | None = None) -> Snapshot:
    """The pack before its first epoch."""
    return together([initial_state.initial(lane, images or material()) for lane in lanes])


def train(*lanes: Lane, folder: Path, images: ResidentData | None = None) -> Snapshot:
    """Trains a pack, from its checkpoint in `folder` when there is one."""
    images = images or material()
    kept = Checkpoint(folder, [("job",) for _ in lanes])
    begun = kept.load("cpu") or start(*lanes, images=images)
    return loop.train(lanes, images, begun, kept, Silent())


def training(*lanes: Lane, images: ResidentData | None = None) -> Training:
    return Training.prepare(lanes, images or material())
