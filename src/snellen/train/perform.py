"""Performs packs: trains their lanes, stores the kept weights, reads them back and stores what they predict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.data.dataset import SEALED, Dataset
from snellen.errors import TrainingError
from snellen.files import hashes
from snellen.files.atomic import write_json
from snellen.metrics.scores import accuracy, loss
from snellen.models.forward import predict_probabilities
from snellen.models.predictions import Predictions
from snellen.models.weights import load_weights, save_weights
from snellen.train import initial_state
from snellen.train.backend.choose import TORCH
from snellen.train.backend.cuda_graphs import CudaGraphs
from snellen.train.batches import ResidentData
from snellen.train.checkpoint import Checkpoint
from snellen.train.job import Job
from snellen.train.lane import Lane, pack_id
from snellen.train.layout import Layout
from snellen.train.loop import train
from snellen.train.out_of_memory import is_out_of_memory
from snellen.train.overfitting import losses_of
from snellen.train.results import JobFolder, Result
from snellen.train.snapshot import EpochRecord, Kept, Progress, Snapshot, together
from snellen.train.strategy.cache import tables
from snellen.train.strategy.packs import kind_of
from snellen.train.strategy.record import read_pack
from snellen.train.strategy.rule import NOTHING, as_record, of_pack
from snellen.train.watcher import OfSome, Watcher


@dataclass(frozen=True, eq=False)
class RunContext:
    """Where jobs are performed. run: the run directory. dataset: without test labels. strategy: recorded beside ids.
    workers: processes that may train at the same time."""

    run: Path
    dataset: Dataset
    material: ResidentData
    strategy: Mapping[str, Any]
    workers: int = 1

    def folder(self, job_id: str) -> JobFolder:
        """The folder of a job."""
        return JobFolder.of(self.run, job_id)

    def pack_folder(self, lanes: Sequence[Lane]) -> Path:
        """The folder of a pack: who is in which place, and its checkpoint."""
        return self.run / "packs" / pack_id(lanes)

    def paused(self, lane: Lane) -> Checkpoint:
        """Where a lane waits that was told to pause."""
        return Checkpoint(self.run / "paused" / pack_id([lane]), [lane.ids])


def perform(lanes: Sequence[Lane], place: RunContext, watcher: Watcher, until: int | None = None) -> None:
    """Trains a pack from its checkpoint, from where its lanes paused, or from the start, and stores the results.

    until: epochs after which lanes that are not done pause, to be gone on with in this pack or another. A lane that
    fails leaves a result with the reason; KeyboardInterrupt passes after a checkpoint was saved. Where the memory does
    not suffice for all lanes at once, those without a result go on as two packs.
    """
    for job in (job for lane in lanes for job in lane.jobs):
        place.folder(job.id).write_job(job)
    checkpoint = Checkpoint(place.pack_folder(lanes), [lane.ids for lane in lanes])
    parts, way = _settle_strategy(lanes, place)
    try:
        start = checkpoint.load(place.material.device) or together([_begin(lane, place) for lane in lanes])
        with _graphs(lanes, place) as graphs:
            ended = train(lanes, place.material, start, checkpoint, watcher, until, parts, way, graphs)
        for number, lane in enumerate(lanes):
            _store_lane(lane, ended, number, place)
    except (TrainingError, RuntimeError, MemoryError) as error:
        halved = is_out_of_memory(error) and len(lanes) > 1
        if not isinstance(error, TrainingError) and not is_out_of_memory(error):
            raise
        if not halved:
            fail(lanes, str(error), place)
    else:
        halved = False
    if halved:  # no earlier: while the error is handled, it holds what it ran out with
        _perform_halves(lanes, place, watcher, until)
    checkpoint.remove()


def _perform_halves(lanes: Sequence[Lane], place: RunContext, watcher: Watcher, until: int | None) -> None:
    """What is stored stays; the other lanes go on from the last whole epoch, half of them at a time. The record of the
    pack gives way to theirs."""
    left = _part(lanes, place, until)
    (place.pack_folder(lanes) / "pack.json").unlink()
    middle = math.ceil(len(left) / 2)
    for half in (left[:middle], left[middle:]):
        if half:
            perform(half, place, OfSome(watcher, [lanes.index(lane) for lane in half]), until)


def _part(lanes: Sequence[Lane], place: RunContext, until: int | None) -> list[Lane]:
    """Each lane pauses where the checkpoint of the pack has it, or is stored; returns those that are not done."""
    snapshot, left = Checkpoint(place.pack_folder(lanes), [lane.ids for lane in lanes]).load("cpu"), []
    for number, lane in enumerate(lanes):
        if all(place.folder(job.id).is_over() for job in lane.jobs) or place.paused(lane).epoch >= (until or math.inf):
            continue
        if snapshot is not None:
            _store_lane(lane, snapshot, number, place)
        if snapshot is None or number in snapshot.alive:
            left.append(lane)
    return left


def predict_role(role: str, rows: np.ndarray, job_id: str, place: RunContext) -> Predictions:
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


def record_pack(lanes: Sequence[Lane], place: RunContext, most_threads: int | None = None) -> None:
    """Writes down who is in which place and how the pack is run, unless it was begun before. most_threads: that it may
    use; None for those of the place."""
    record = place.pack_folder(lanes) / "pack.json"
    if not record.exists():
        kind, device = kind_of(lanes[0]), place.material.device
        table = tables(place.run, device).get(kind, NOTHING)
        chosen = of_pack(lanes, most_threads or place.strategy["threads"], device, table)
        ids, strategy = [list(lane.ids) for lane in lanes], {**place.strategy, **as_record(lanes, chosen, table)}
        write_json(record, {"lanes": ids, "kind": kind, "strategy": strategy})


def strategy_of(lanes: Sequence[Lane], place: RunContext) -> dict[str, Any]:
    """How this pack is computed, as its record has it."""
    return dict(read_pack(place.pack_folder(lanes) / "pack.json")["strategy"])


def stop(lane: Lane, reason: str, place: RunContext) -> None:
    """Ends a lane that paused and will not be gone on with: its jobs have a history, and no weights."""
    snapshot = place.paused(lane).load("cpu")
    assert snapshot is not None
    progress = snapshot.lanes[0]
    for job, kept in zip(lane.jobs, progress.kept):
        folder = place.folder(job.id)
        folder.write_history(progress.history)
        folder.write_result(_unfinished("stopped", reason, kept, progress, {}))
    tidy([lane], place)


def history_of(lane: Lane, job: Job, place: RunContext) -> tuple[list[EpochRecord], Result | None]:
    """The epochs that a job has trained so far, over or paused, and its result once it is over.

    A job that an earlier search cut may have been taken up again since: then what is paused counts.
    """
    folder, waiting = place.folder(job.id), place.paused(lane)
    result = folder.read_result()
    if result is None or (result.status == "stopped" and waiting.epoch):
        return waiting.read_history(), None
    return folder.read_history(), result


def clear(place: RunContext) -> None:
    """Removes the checkpoints of packs whose jobs are all over: a process killed at the wrong moment leaves them."""
    for path in (place.run / "packs").glob("*/pack.json"):
        lanes = read_pack(path)["lanes"]
        if all(place.folder(job).read_result() for lane in lanes for job in lane):
            Checkpoint(path.parent, lanes).remove()


def tidy(lanes: Sequence[Lane], place: RunContext) -> None:
    """Removes the checkpoints of a pack whose jobs have results; its record stays. A killed process may leave them."""
    Checkpoint(place.pack_folder(lanes), [lane.ids for lane in lanes]).remove()
    for lane in lanes:
        waiting = place.paused(lane)
        if waiting.folder.exists():
            waiting.remove()
            waiting.folder.rmdir()


def _begin(lane: Lane, place: RunContext) -> Snapshot:
    """A lane where it paused, or from the kept weights of the phase before, or from the start."""
    paused = place.paused(lane).load(place.material.device)
    if paused is not None:
        return paused
    before = lane.trajectory.start
    if before is None:
        return initial_state.initial(lane, place.material)
    if place.folder(before.id).read_result() is None or not place.folder(before.id).weights.exists():
        raise TrainingError(f"the phase before, job {before.id}, left no weights to begin from")
    weights = load_weights(place.folder(before.id).weights, before.trajectory.network, place.material.device)
    return initial_state.of_weights(lane, *weights)


def _settle_strategy(lanes: Sequence[Lane], place: RunContext) -> tuple[int, str]:
    """Threads as the record of the pack has them; returns in how many parts its batches are computed, and in which
    way."""
    record_pack(lanes, place)
    strategy = strategy_of(lanes, place)
    torch.set_num_threads(strategy["threads"])
    return int(strategy.get("parts", 1)), str(strategy.get("way", TORCH))


@contextmanager
def _graphs(lanes: Sequence[Lane], place: RunContext) -> Iterator[CudaGraphs]:
    """For a pack as its record has it; afterwards the record says whether its steps were captured, or why not."""
    strategy = strategy_of(lanes, place)
    graphs = CudaGraphs.on(place.material.device, strategy)
    try:
        yield graphs
    finally:
        graphs.release()
        if graphs.as_record():
            record = place.pack_folder(lanes) / "pack.json"
            write_json(record, {**read_pack(record), "strategy": {**strategy, **graphs.as_record()}})


def _store_lane(lane: Lane, ended: Snapshot, number: int, place: RunContext) -> None:
    progress = ended.lanes[number]
    if number in ended.alive:
        place.paused(lane).save(ended.alone(number))
        return
    for job, kept in zip(lane.jobs, progress.kept):
        folder = place.folder(job.id)
        failed = progress.failure is not None and not kept.keeper.done(job.stop)
        _end(folder, _failed(job, kept, progress, folder) if failed else _done(lane, job, kept, progress, place), place)
    tidy([lane], place)


def _end(folder: JobFolder, result: Result, place: RunContext) -> None:
    """The job is over, and all that it left has a hash. (What a search stopped has none before the run is over: it may
    be gone on with.)"""
    folder.write_result(result)
    hashes.note(place.run, hashes.below(folder.path))


def _done(lane: Lane, job: Job, kept: Kept, progress: Progress, place: RunContext) -> Result:
    folder, history = place.folder(job.id), progress.history[: kept.keeper.epoch]
    _store_weights(job, kept, folder)
    folder.write_history(history)
    predictions = {role: predict_role(role, wanted, job.id, place) for role, wanted in lane.predicted.items()}
    for each in predictions.values():
        folder.write_predictions(each)
    losses = losses_of(lane, kept, place.material)
    if losses is not None:
        losses.save(folder.losses, job.id)
    reloaded, record = _measured(predictions["validation"]), history[kept.keeper.best_epoch - 1]
    return Result(
        status="done",
        reason=None,
        kept_epoch=kept.keeper.best_epoch,
        epochs=kept.keeper.epoch,
        seconds=round(sum(each["seconds"] for each in history), 2),
        logged_loss=record["validation_loss"],
        logged_accuracy=record["validation_accuracy"],
        reloaded_loss=reloaded[0],
        reloaded_accuracy=reloaded[1],
        sha256=folder.digests(
            folder.weights, *map(folder.predictions_path, lane.predicted), *([folder.losses] if losses else [])
        ),
    )


def complete(lane: Lane, place: RunContext) -> None:
    """Stores what the jobs of a lane say of roles that they were not asked for when they ended: a trial that won."""
    for job in lane.jobs:
        folder = place.folder(job.id)
        result = folder.read_result()
        missing = [role for role in lane.predicted if not folder.predictions_path(role).exists()]
        if result is None or result.status != "done" or not missing:
            continue
        written = [folder.result_path, *map(folder.predictions_path, missing)]
        with hashes.rewriting(place.run, written):
            for role in missing:
                folder.write_predictions(predict_role(role, lane.rows[role], job.id, place))
            added = folder.digests(*map(folder.predictions_path, missing))
            folder.write_result(replace(result, sha256={**result.sha256, **added}))


def _measured(validation: Predictions) -> tuple[float | None, float | None]:
    """Loss and accuracy; None without rows."""
    assert validation.labels is not None  # validation rows are never sealed
    if not len(validation.labels):
        return None, None
    return loss(validation.labels, validation.probabilities), accuracy(validation.labels, validation.probabilities)


def _failed(job: Job, kept: Kept, progress: Progress, folder: JobFolder) -> Result:
    """The reason, and the weights and history up to the last good epoch when there is one."""
    sha256: dict[str, str] = {}
    if kept.keeper.epoch:
        _store_weights(job, kept, folder)
        folder.write_history(progress.history)
        sha256 = folder.digests(folder.weights)
    return _unfinished("failed", progress.failure, kept, progress, sha256)


def _unfinished(status: Any, reason: str | None, kept: Kept, progress: Progress, sha256: dict[str, str]) -> Result:
    seconds = round(sum(each["seconds"] for each in progress.history), 2)
    best, epochs = kept.keeper.best_epoch, kept.keeper.epoch
    return Result(status, reason, best, epochs, seconds, None, None, None, None, sha256)


def fail(lanes: Sequence[Lane], reason: str, place: RunContext) -> None:
    """The pack as a whole could not go on: what its checkpoint holds is stored beside the reason."""
    snapshot = Checkpoint(place.pack_folder(lanes), [lane.ids for lane in lanes]).load("cpu")
    for number, lane in enumerate(lanes):
        for index, job in enumerate(lane.jobs):
            folder = place.folder(job.id)
            if folder.is_over():
                continue
            if snapshot is None:
                _end(folder, Result("failed", reason, 0, 0, 0.0, None, None, None, None, {}), place)
                continue
            before = snapshot.lanes[number]
            progress = Progress(before.kept, before.history, reason)
            _end(folder, _failed(job, before.kept[index], progress, folder), place)
        tidy([lane], place)


def _store_weights(job: Job, kept: Kept, folder: JobFolder) -> None:
    """The kept weights; the state in the network's order: equal weights are equal bytes."""
    parameters, state = job.trajectory.network.init((0,))
    views = Layout.of(parameters).views(kept.theta)
    save_weights(folder.weights, views, {name: kept.state[name] for name in state}, {"job": job.id})
