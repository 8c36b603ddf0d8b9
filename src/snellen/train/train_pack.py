"""Trains a pack as its record says, and stores its results; where memory runs out, as two packs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from snellen.errors import TrainingError
from snellen.models.pretrained import pretrained_values
from snellen.train import initial_state
from snellen.train.backend.choose import TORCH
from snellen.train.backend.cuda_graphs import CudaGraphs
from snellen.train.lane import Lane
from snellen.train.loop import train
from snellen.train.out_of_memory import is_out_of_memory
from snellen.train.phase_end import PhaseEnd
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.run_context import RunContext
from snellen.train.snapshot import Snapshot, together
from snellen.train.store_results import fail_pack, store_lane
from snellen.train.strategy.record import (
    PackStrategy,
    note_in_record,
    read_pack,
    record_pack,
    record_path,
    recorded_strategy,
)
from snellen.train.watcher import OfSome, Watcher


def train_pack(lanes: Sequence[Lane], context: RunContext, watcher: Watcher, until: int | None = None) -> None:
    """Trains a pack from its checkpoint, from where its lanes paused, or from the start, and stores the results.

    until: epochs after which lanes that are not done pause, to go on in this pack or another. A lane that fails leaves
    a result with the reason; KeyboardInterrupt passes after a checkpoint was saved. Where memory does not suffice for
    all lanes at once, those without a result go on as two packs.
    """
    for job in (job for lane in lanes for job in lane.jobs):
        context.folder(job.id).write_job(job)
    record_pack(lanes, context)
    checkpoint, must_halve = context.checkpoint(lanes), False
    try:
        snapshot = _train(lanes, context, checkpoint, watcher, until)
        for position, lane in enumerate(lanes):
            store_lane(lane, snapshot, position, context)
    except (TrainingError, RuntimeError, MemoryError) as error:
        if not isinstance(error, TrainingError) and not is_out_of_memory(error):
            raise
        must_halve = is_out_of_memory(error) and len(lanes) > 1
        if not must_halve:
            fail_pack(lanes, str(error), context)
    if must_halve:  # not inside `except`: the error holds on to the memory that ran out
        _train_halves(lanes, context, watcher, until)
    checkpoint.remove()


def remove_finished_checkpoints(context: RunContext) -> None:
    """Removes the checkpoints of packs whose jobs are all over: a process killed at the wrong moment leaves them."""
    for path in (context.run / "packs").glob("*/pack.json"):
        lanes = read_pack(path)["lanes"]
        if all(context.folder(job).read_result() for lane in lanes for job in lane):
            Checkpoint(path.parent, lanes).remove()


def _train(
    lanes: Sequence[Lane], context: RunContext, checkpoint: Checkpoint, watcher: Watcher, until: int | None
) -> Snapshot:
    strategy, device = recorded_strategy(lanes, context), context.material.device
    data = context.inputs_of(lanes[0].trajectory)
    torch.set_num_threads(strategy["threads"])
    start = checkpoint.load(device) or together([_first_snapshot(lane, context) for lane in lanes])
    shards, backend = strategy.get("parts", 1), strategy.get("way", TORCH)
    with _graphs(lanes, context, strategy) as graphs:
        counted = context.counted(lanes[0])
        return train(lanes, data, start, checkpoint, watcher, until, shards, backend, graphs, context.margins, counted)


def _first_snapshot(lane: Lane, context: RunContext) -> Snapshot:
    """A lane where it paused, or with what the phase before left, or with initial weights."""
    paused = context.paused(lane).load(context.material.device)
    if paused is not None:
        return paused
    before = lane.trajectory.start
    if before is None:
        values = pretrained_values(context.weights, lane.trajectory.trained, context.material.device)
        return initial_state.initial(lane, context.inputs_of(lane.trajectory), values)
    folder = context.folder(before.id)
    if lane.trajectory.continues == "last":
        if not folder.end.exists():
            raise TrainingError(f"the phase before, job {before.id}, did not end well: there is nothing to go on from")
        end = PhaseEnd.load(folder.end, lane.trajectory, before.id, context.material.device)
        return initial_state.of_end(lane, end.weights, end.slots)
    if folder.read_result() is None or not folder.weights.exists():
        raise TrainingError(f"the phase before, job {before.id}, left no weights to begin from")
    _, parameters, state = folder.load_network(context.material.device, context.weights)
    values, shapes = {**parameters, **state}, lane.trajectory.trained.shapes
    return initial_state.of_weights(lane, *({name: values[name] for name in each} for each in shapes))


@contextmanager
def _graphs(lanes: Sequence[Lane], context: RunContext, strategy: PackStrategy) -> Iterator[CudaGraphs]:
    """CUDA graphs, as the record of the pack allows; afterwards it says whether steps were captured, or why not."""
    graphs = CudaGraphs.on(context.material.device, strategy)
    try:
        yield graphs
    finally:
        graphs.release()
        if graphs.as_record():
            note_in_record(lanes, context, graphs.as_record())


def _train_halves(lanes: Sequence[Lane], context: RunContext, watcher: Watcher, until: int | None) -> None:
    """The unfinished lanes go on from the last whole epoch, half of them at a time, in packs with their own records."""
    unfinished = _unfinished(lanes, context, until)
    record_path(lanes, context).unlink()
    middle = math.ceil(len(unfinished) / 2)
    for half in (unfinished[:middle], unfinished[middle:]):
        if half:
            train_pack(half, context, OfSome(watcher, [lanes.index(lane) for lane in half]), until)


def _unfinished(lanes: Sequence[Lane], context: RunContext, until: int | None) -> list[Lane]:
    """The lanes still to be trained; each lane of the checkpoint is stored, or paused at its epoch."""
    snapshot, unfinished = context.checkpoint(lanes).load("cpu"), []
    for position, lane in enumerate(lanes):
        is_over = all(context.folder(job.id).is_over() for job in lane.jobs)
        if is_over or context.paused(lane).epoch >= (until or math.inf):
            continue
        if snapshot is not None:
            store_lane(lane, snapshot, position, context)
        if snapshot is None or position in snapshot.alive:
            unfinished.append(lane)
    return unfinished
