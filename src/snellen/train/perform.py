"""Performs a job: trains it, stores the kept weights, reads them back and stores what they predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.data.dataset import SEALED, Dataset
from snellen.errors import TrainingError
from snellen.files.atomic import read_json, write_json
from snellen.files.hashing import identity
from snellen.metrics.scores import accuracy, loss
from snellen.models.forward import predict_probabilities
from snellen.models.predictions import Predictions
from snellen.models.weights import load_weights, save_weights
from snellen.train.checkpoint import Checkpoint
from snellen.train.engine import Lane, Material, Watcher, train
from snellen.train.environment import threads_for
from snellen.train.flat import Layout
from snellen.train.job import ID_LENGTH, Job
from snellen.train.results import JobFolder, Result
from snellen.train.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class Workplace:
    """Where jobs are performed. run: the run directory. dataset: without test labels. strategy: recorded beside ids."""

    run: Path
    dataset: Dataset
    material: Material
    strategy: Mapping[str, Any]

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job."""
        return JobFolder(self.run / "jobs" / job_id)


def perform(lane: Lane, rows: Mapping[str, np.ndarray], place: Workplace, watcher: Watcher) -> Result:
    """Trains a job from its checkpoint or from the start and stores its result. rows: those of each role to predict.

    A job that fails leaves a result with the reason; KeyboardInterrupt passes after a checkpoint was saved.
    """
    folder = place.folder(lane.job.id)
    folder.write_job(lane.job)
    checkpoint = _pack(lane, place)
    _settle_strategy(lane.job, place)
    try:
        snapshot = train(lane, place.material, checkpoint, watcher)
        result = _store(snapshot, lane, rows, place, folder)
    except (TrainingError, RuntimeError, MemoryError) as error:
        if not isinstance(error, TrainingError) and not _out_of_memory(error):
            raise
        result = _store_failure(str(error), lane, checkpoint, folder)
    folder.write_result(result)
    tidy(lane, place)
    return result


def _out_of_memory(error: Exception) -> bool:
    """torch has an exception of its own for this on a GPU, and only words on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def predict_role(role: str, rows: np.ndarray, job_id: str, place: Workplace) -> Predictions:
    """What the stored weights of a job say of `rows`; labels None where they are sealed."""
    folder = place.folder(job_id)
    trajectory = folder.read_job().trajectory
    parameters, state = load_weights(folder.weights, trajectory.network, place.material.device)
    wanted = torch.from_numpy(rows).to(place.material.device)
    probabilities = predict_probabilities(
        trajectory.network, parameters, state, place.material.images, trajectory.pixel_range, wanted
    )
    labels = place.dataset.labels[rows]
    return Predictions(role, rows, place.dataset.ids[rows], None if (labels == SEALED).any() else labels, probabilities)


def _pack(lane: Lane, place: Workplace) -> Checkpoint:
    """The checkpoint of a pack of one lane."""
    return Checkpoint(_pack_folder(lane.job.id, place), (lane.job.id,))


def _settle_strategy(job: Job, place: Workplace) -> None:
    """Who is in which place and how the pack is run: from the record when it was begun before, else written down."""
    record = _pack_folder(job.id, place) / "pack.json"
    if not record.exists():
        threads = threads_for(job, place.strategy["threads"])
        write_json(record, {"lanes": [job.id], "strategy": {**place.strategy, "threads": threads}})
    torch.set_num_threads(read_json(record)["strategy"]["threads"])


def _store(
    snapshot: Snapshot, lane: Lane, rows: Mapping[str, np.ndarray], place: Workplace, folder: JobFolder
) -> Result:
    _store_weights(snapshot, lane, folder)
    predictions = {role: predict_role(role, wanted, lane.job.id, place) for role, wanted in rows.items()}
    for each in predictions.values():
        folder.write_predictions(each)
    validation, kept = predictions["validation"], snapshot.history[snapshot.keeper.best_epoch - 1]
    assert validation.labels is not None  # validation rows are never sealed
    return Result(
        status="done",
        reason=None,
        kept_epoch=snapshot.keeper.best_epoch,
        epochs=snapshot.epoch,
        seconds=round(sum(record["seconds"] for record in snapshot.history), 2),
        logged_loss=kept["validation_loss"],
        logged_accuracy=kept["validation_accuracy"],
        reloaded_loss=loss(validation.labels, validation.probabilities),
        reloaded_accuracy=accuracy(validation.labels, validation.probabilities),
        sha256=folder.digests(folder.weights, *(folder.predictions_path(role) for role in rows)),
    )


def _store_weights(snapshot: Snapshot, lane: Lane, folder: JobFolder) -> None:
    """The kept weights and the history; the state in the network's order: equal weights are equal bytes."""
    parameters, state = lane.job.trajectory.network.init((0,))
    views = Layout.of(parameters).views(snapshot.best_theta)
    save_weights(folder.weights, views, {name: snapshot.best_state[name] for name in state}, {"job": lane.job.id})
    folder.write_history(snapshot.history)


def _store_failure(reason: str, lane: Lane, checkpoint: Checkpoint, folder: JobFolder) -> Result:
    """The reason, and the weights and history up to the last good epoch when there is one."""
    snapshot = checkpoint.load("cpu")
    if snapshot is None:
        return Result("failed", reason, 0, 0, 0.0, None, None, None, None, {})
    _store_weights(snapshot, lane, folder)
    seconds = round(sum(record["seconds"] for record in snapshot.history), 2)
    sha256 = folder.digests(folder.weights)
    return Result("failed", reason, snapshot.keeper.best_epoch, snapshot.epoch, seconds, None, None, None, None, sha256)


def tidy(lane: Lane, place: Workplace) -> None:
    """Removes the checkpoint of a job that has a result; its record stays. A killed process may have left it."""
    for path in _pack_folder(lane.job.id, place).glob("*"):
        if path.name != "pack.json":
            path.unlink()


def _pack_folder(job_id: str, place: Workplace) -> Path:
    return place.run / "packs" / identity([job_id])[:ID_LENGTH]
