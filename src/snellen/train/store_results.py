"""Stores what came of the lanes of a pack: kept weights, read back to predict, the history, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from snellen.data.dataset import SEALED
from snellen.files import hashes
from snellen.metrics.scores import accuracy, loss
from snellen.models.forward import predict_probabilities
from snellen.models.predictions import Predictions
from snellen.models.weights import load_weights, save_weights
from snellen.train.batches import Counted
from snellen.train.job import Job
from snellen.train.kept_epoch import Kept
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.margins import Margins
from snellen.train.overfitting import losses_of
from snellen.train.phase_end import PhaseEnd
from snellen.train.results import JobFolder, Result
from snellen.train.run_context import RunContext
from snellen.train.snapshot import EpochRecord, Progress, Snapshot


def store_lane(lane: Lane, snapshot: Snapshot, position: int, context: RunContext) -> None:
    """What a pack has come to for the lane in this position: the results of its jobs, or where it has paused."""
    progress = snapshot.lanes[position]
    if position in snapshot.alive:
        context.paused(lane).save(snapshot.alone(position))
        return
    for job, kept in zip(lane.jobs, progress.kept):
        folder = context.folder(job.id)
        if progress.failure is not None and not kept.stopping.done(job.stop):
            _finish(folder, _store_failed(job, kept, progress, folder), context)
        else:
            _finish(folder, _store_done(lane, job, kept, progress, context), context)
    remove_checkpoints([lane], context)


def predict_role(role: str, rows: np.ndarray, job_id: str, context: RunContext) -> Predictions:
    """What the stored weights of a job predict for `rows`; labels None where they are sealed."""
    folder = context.folder(job_id)
    trajectory = folder.read_job().trajectory
    data = context.inputs_of(trajectory)
    parameters, state = load_weights(folder.weights, trajectory.trained, context.material.device)
    places = data.at(torch.from_numpy(rows).to(data.device))
    probabilities = predict_probabilities(
        trajectory.trained, parameters, state, data.images, trajectory.trained_range, places
    )
    labels = context.dataset.labels[rows]
    return Predictions(
        role, rows, context.dataset.ids[rows], None if (labels == SEALED).any() else labels, probabilities
    )


def predict_missing_roles(lane: Lane, context: RunContext) -> None:
    """Stores predictions for roles that the jobs of a lane did not predict when they ended: a trial that won."""
    for job in lane.jobs:
        folder = context.folder(job.id)
        result = folder.read_result()
        missing = [role for role in lane.predicted if not folder.predictions_path(role).exists()]
        if result is None or result.status != "done" or not missing:
            continue
        paths = [*map(folder.predictions_path, missing)]
        with hashes.rewriting(context.run, [folder.result_path, *paths]):
            for role in missing:
                folder.write_predictions(predict_role(role, lane.rows[role], job.id, context))
            folder.write_result(replace(result, sha256={**result.sha256, **folder.digests(*paths)}))


def stop_lane(lane: Lane, reason: str, context: RunContext) -> None:
    """Ends a paused lane that will not go on: its jobs have a history, and no weights."""
    snapshot = context.paused(lane).load("cpu")
    assert snapshot is not None  # the caller saw its epoch
    progress = snapshot.lanes[0]
    for job, kept in zip(lane.jobs, progress.kept):
        folder = context.folder(job.id)
        folder.write_history(progress.history)
        folder.write_result(_unfinished("stopped", reason, kept, progress, {}))
    remove_checkpoints([lane], context)


def fail_pack(lanes: Sequence[Lane], reason: str, context: RunContext) -> None:
    """The pack as a whole cannot go on: what its checkpoint holds is stored beside the reason."""
    snapshot = context.checkpoint(lanes).load("cpu")
    for position, lane in enumerate(lanes):
        for index, job in enumerate(lane.jobs):
            folder = context.folder(job.id)
            if folder.is_over():
                continue
            if snapshot is None:
                _finish(folder, Result("failed", reason, 0, 0, 0.0, None, None, None, None, {}), context)
                continue
            progress = replace(snapshot.lanes[position], failure=reason)
            _finish(folder, _store_failed(job, progress.kept[index], progress, folder), context)
        remove_checkpoints([lane], context)


def remove_checkpoints(lanes: Sequence[Lane], context: RunContext) -> None:
    """Of a pack whose jobs have results, and of its lanes; the record stays. A killed process may leave them."""
    context.checkpoint(lanes).remove()
    for lane in lanes:
        paused = context.paused(lane)
        if paused.folder.exists():
            paused.remove()
            paused.folder.rmdir()


def history_of(lane: Lane, job: Job, context: RunContext) -> tuple[list[EpochRecord], Result | None]:
    """The epochs that a job has trained so far, and its result once it is over.

    A job that an earlier search stopped may have been continued since: then its checkpoint counts.
    """
    folder, paused = context.folder(job.id), context.paused(lane)
    result = folder.read_result()
    if result is None or (result.status == "stopped" and paused.epoch):
        return paused.read_history(), None
    return folder.read_history(), result


def _finish(folder: JobFolder, result: Result, context: RunContext) -> None:
    """The job is over, and each of its files has a hash. (What a search stopped gets none before the run is over: it
    may be continued.)"""
    folder.write_result(result)
    hashes.note(context.run, hashes.below(folder.path))


def _store_done(lane: Lane, job: Job, kept: Kept, progress: Progress, context: RunContext) -> Result:
    kept = last_if_asked(job, kept)
    folder, history = context.folder(job.id), progress.history[: kept.stopping.epoch]
    _store_weights(job, kept, folder)
    folder.write_history(history)
    predictions = {role: predict_role(role, rows, job.id, context) for role, rows in lane.predicted.items()}
    for each in predictions.values():
        folder.write_predictions(each)
    losses = losses_of(lane, kept, context.inputs_of(lane.trajectory))
    if losses is not None:
        losses.save(folder.losses, job.id)
    margins = margins_of_job(lane, kept)
    if margins is not None:
        margins.save(folder.margins, job.id)
    has_end = _store_end(lane, job, kept, context)
    reloaded, record = _validation_scores(predictions["validation"]), history[kept.stopping.best_epoch - 1]
    return Result(
        status="done",
        reason=None,
        kept_epoch=kept.stopping.best_epoch,
        epochs=kept.stopping.epoch,
        seconds=round(sum(each["seconds"] for each in history), 2),
        logged_loss=record["validation_loss"],
        logged_accuracy=record["validation_accuracy"],
        reloaded_loss=reloaded[0],
        reloaded_accuracy=reloaded[1],
        sha256=folder.digests(
            folder.weights,
            *map(folder.predictions_path, lane.predicted),
            *([folder.losses] if losses else []),
            *([folder.margins] if margins else []),
            *([folder.end] if has_end else []),
        ),
    )


def _store_end(lane: Lane, job: Job, kept: Kept, context: RunContext) -> bool:
    """What a later phase goes on from; whether there is one. A checkpoint from before the study had such a phase has no
    slots: `is_finished` then says that the job must be trained again."""
    if job.id not in lane.continued or (kept.slots is None and lane.trajectory.optimizer.slots()):
        return False
    before, epochs = context.counted(lane), kept.stopping.epoch
    counted = Counted(before.epochs + epochs, before.steps + epochs * lane.steps)
    PhaseEnd(kept.end, kept.slots or {}, counted).save(context.folder(job.id).end, job.id)
    return True


def last_if_asked(job: Job, kept: Kept) -> Kept:
    """What the job keeps: with a stop rule that keeps the last epoch, the weights of that one, whatever was better."""
    if job.stop.keep == "best" or kept.last is None:
        return kept
    stopping = replace(kept.stopping, best_epoch=kept.stopping.epoch)
    return replace(kept, stopping=stopping, theta=kept.last.theta, state=kept.last.state)


def margins_of_job(lane: Lane, kept: Kept) -> Margins | None:
    """The mean margins of a job over its epochs; None where they were not recorded."""
    if kept.margins is None:
        return None
    epochs = kept.stopping.epoch
    return Margins(lane.rows["train"], (kept.margins / epochs).cpu().numpy(), epochs)


def _validation_scores(validation: Predictions) -> tuple[float | None, float | None]:
    """Loss and accuracy; None without rows."""
    assert validation.labels is not None  # validation rows are never sealed
    if not len(validation.labels):
        return None, None
    return loss(validation.labels, validation.probabilities), accuracy(validation.labels, validation.probabilities)


def _store_failed(job: Job, kept: Kept, progress: Progress, folder: JobFolder) -> Result:
    """The reason, and the weights and history up to the last good epoch where there is one."""
    sha256: dict[str, str] = {}
    if kept.stopping.epoch:
        _store_weights(job, kept, folder)
        folder.write_history(progress.history)
        sha256 = folder.digests(folder.weights)
    return _unfinished("failed", progress.failure, kept, progress, sha256)


def _unfinished(
    status: Literal["failed", "stopped"], reason: str | None, kept: Kept, progress: Progress, sha256: dict[str, str]
) -> Result:
    seconds = round(sum(each["seconds"] for each in progress.history), 2)
    return Result(
        status, reason, kept.stopping.best_epoch, kept.stopping.epoch, seconds, None, None, None, None, sha256
    )


def _store_weights(job: Job, kept: Kept, folder: JobFolder) -> None:
    """The kept weights; the state in the network's order: equal weights are equal bytes."""
    parameters, state = job.trajectory.trained.init((0,))
    views = Layout.of(parameters).views(kept.theta)
    save_weights(folder.weights, views, {name: kept.state[name] for name in state}, {"job": job.id})
