"""Trains one network in this process and in memory: no run directory, no checkpoint, nothing on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from snellen.errors import StudyError, TrainingError
from snellen.train import initial_state
from snellen.train.backend.cuda_graphs import CudaGraphs
from snellen.train.batches import FROM_ZERO, Counted, ResidentData
from snellen.train.environment import PackEnvironment
from snellen.train.kept_epoch import Kept
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.loop import train
from snellen.train.snapshot import EpochRecord, Snapshot, Values
from snellen.train.store_results import last_if_asked
from snellen.train.strategy.cache import cached_timings
from snellen.train.strategy.packs import cost_key
from snellen.train.strategy.record import PackStrategy, as_recorded
from snellen.train.strategy.rule import UNMEASURED, choose_for_pack
from snellen.train.watcher import Watcher


@dataclass(frozen=True, eq=False)
class TrainedPhase:
    """A phase that is over. kept: what it keeps. history: its epochs. strategy: how it was computed, as in pack.json.
    counted: by its optimizer, with what it went on from."""

    lane: Lane
    kept: Kept
    history: tuple[EpochRecord, ...]
    strategy: PackStrategy
    counted: Counted

    @property
    def values(self) -> tuple[Values, Values]:
        """Parameters and state of the kept epoch, name -> (1, ...)."""
        parameters, state = self.lane.trajectory.trained.init((0,))
        return Layout.of(parameters).views(self.kept.theta), {name: self.kept.state[name] for name in state}


def train_in_memory(
    lanes: Sequence[Lane], data: ResidentData, environment: PackEnvironment, watcher: Watcher
) -> list[TrainedPhase]:
    """The phases of one network, each a lane of one job, trained with the bits of `train_pack` under one strategy.

    The strategy is the one that a new run would record, without measuring: that of the cache where there is one, else
    the rule's. It may change torch's number of threads. Raises TrainingError where a loss is not finite, StudyError for
    a frozen backbone, whose features are stored on disk.
    """
    phases: list[TrainedPhase] = []
    for lane in lanes:
        if lane.trajectory.frozen:
            raise StudyError("a frozen backbone is trained by a study only", hint="Use snellen.Study.")
        phases.append(_train_phase(lane, phases[-1] if phases else None, data, environment, watcher))
    return phases


def _train_phase(
    lane: Lane, before: TrainedPhase | None, data: ResidentData, environment: PackEnvironment, watcher: Watcher
) -> TrainedPhase:
    [job], strategy = lane.jobs, _strategy(lane, environment)
    torch.set_num_threads(strategy["threads"])
    goes_on = before is not None and lane.trajectory.continues == "last"
    counted = before.counted if before is not None and goes_on else FROM_ZERO
    graphs = CudaGraphs.on(environment["device"], strategy)
    try:
        start, shards, backend = _start(lane, before, data), strategy["parts"], strategy["way"]
        end = train([lane], data, start, None, watcher, None, shards, backend, graphs, counted=counted)
    finally:
        graphs.release()
    [progress] = end.lanes
    [kept] = progress.kept
    if progress.failure is not None and not kept.stopping.done(job.stop):
        raise TrainingError(progress.failure)
    epochs = kept.stopping.epoch
    total = Counted(counted.epochs + epochs, counted.steps + epochs * lane.steps)
    return TrainedPhase(lane, last_if_asked(job, kept), progress.history[:epochs], strategy, total)


def _start(lane: Lane, before: TrainedPhase | None, data: ResidentData) -> Snapshot:
    """Initial weights, or what the phase before left."""
    if before is None:
        return initial_state.initial(lane, data)
    if lane.trajectory.continues == "last":
        return initial_state.of_end(lane, before.kept.end, before.kept.slots or {})
    return initial_state.of_weights(lane, *before.values)


def _strategy(lane: Lane, environment: PackEnvironment) -> PackStrategy:
    timings = cached_timings([lane], environment).get(cost_key(lane), UNMEASURED)
    chosen = choose_for_pack([lane], environment["threads"], environment["device"], timings)
    return PackStrategy(**{**environment, **as_recorded([lane], chosen, timings)})
