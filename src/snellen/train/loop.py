"""The training loop: trains a pack of lanes, epoch by epoch, as one batched program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from snellen.train.backend.choose import TORCH, backends_for, step_runner, workspace
from snellen.train.backend.cuda_graphs import CudaGraphs
from snellen.train.batches import FROM_ZERO, Batches, Counted, ResidentData
from snellen.train.epoch_results import TrainedEpoch, Validation, epoch_record, is_done, progress_after
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.margins import EpochMargins
from snellen.train.metric_accumulator import MetricAccumulator
from snellen.train.out_of_memory import is_out_of_memory
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.snapshot import EpochRecord, Progress, Snapshot
from snellen.train.step import Rule, TrainState
from snellen.train.thread_team import ThreadTeam
from snellen.train.watcher import Watcher


def train(
    lanes: Sequence[Lane],
    data: ResidentData,
    start: Snapshot,
    checkpoint: Checkpoint | None,
    watcher: Watcher,
    until: int | None = None,
    shards: int = 1,
    backend: str | None = None,
    graphs: CudaGraphs | None = None,
    margins: bool = False,
    counted: Counted = FROM_ZERO,
) -> Snapshot:
    """Trains from `start` until every lane is done, or has trained `until` epochs; returns the last snapshot.

    shards: of each batch, computed by a thread each; results depend on their number in the last bits. backend: one of
    `choose.backends_for`, the first of them when None; torch where the compiled library is missing. graphs: whether
    steps are captured on a GPU; None captures them where possible. margins: whether the margins of the training rows
    are recorded. counted: by the optimizer, before the first epoch of these lanes. A lane whose loss becomes infinite
    or NaN fails alone. When training is interrupted or memory runs out, the last complete epoch is saved; nothing is
    without a checkpoint.
    """
    training, snapshot = Training.prepare(lanes, data, shards, backend, graphs, margins, counted), start
    try:
        while snapshot.alive and (until is None or snapshot.epoch < until):
            snapshot = training.epoch(snapshot, watcher)
            if checkpoint is not None:
                checkpoint.save_when_due(snapshot)
    except (KeyboardInterrupt, RuntimeError, MemoryError) as error:
        if checkpoint is not None and (isinstance(error, KeyboardInterrupt) or is_out_of_memory(error)):
            checkpoint.save(snapshot)
        raise
    return snapshot


@dataclass(frozen=True, eq=False)
class Training:
    """What stays the same from epoch to epoch."""

    lanes: tuple[Lane, ...]
    data: ResidentData
    layout: Layout
    batches: Batches
    validation: Validation
    shards: int = 1
    backend: str = TORCH
    graphs: CudaGraphs = field(default_factory=lambda: CudaGraphs(None))
    margins: bool = False

    @staticmethod
    def prepare(
        lanes: Sequence[Lane],
        data: ResidentData,
        shards: int = 1,
        backend: str | None = None,
        graphs: CudaGraphs | None = None,
        margins: bool = False,
        counted: Counted = FROM_ZERO,
    ) -> Training:
        """For a pack on these data; arguments as of `train`."""
        layout = Layout.of(lanes[0].trajectory.trained.init((0,))[0])
        usable = backends_for(lanes[0].trajectory, data.device)
        chosen = usable[0] if backend is None else backend if backend in usable else TORCH
        batches, validation = Batches.of(lanes, data, counted), Validation.of(lanes, data, layout)
        graphs = graphs or CudaGraphs.on(data.device)
        return Training(tuple(lanes), data, layout, batches, validation, shards, chosen, graphs, margins)

    def epoch(self, before: Snapshot, watcher: Watcher) -> Snapshot:
        """One more epoch of the lanes alive; those that are done or have failed leave. `before` is not changed."""
        began = time.perf_counter()
        trained = self.run_steps(before, watcher)
        records = [
            epoch_record(self.lanes[place], place, trained, self.validation, before.lanes[place].history)
            for place in before.alive
        ]
        seconds = round((time.perf_counter() - began) / len(before.alive), 4)
        lanes = list(before.lanes)
        for place, record in zip(before.alive, records):
            if isinstance(record, str):
                lanes[place] = replace(before.lanes[place], failure=record)
            else:
                record = EpochRecord(**{**record, "seconds": seconds})
                lanes[place] = progress_after(before.lanes[place], self.lanes[place], place, record, trained)
                watcher.trained(place, record)
        state = trained.state
        after = Snapshot(trained.epoch, before.alive, state.theta, state.layers, state.slots, tuple(lanes))
        return after.without([place for place in before.alive if self._leaves(place, lanes[place])])

    def _leaves(self, place: int, progress: Progress) -> bool:
        return progress.failure is not None or is_done(self.lanes[place], progress)

    def run_steps(self, before: Snapshot, watcher: Watcher) -> TrainedEpoch:
        """All steps of the next epoch, on copies of what `before` holds."""
        alive, dtype, steps = before.alive, before.theta.dtype, self.batches.steps
        batches = self.batches.of_epoch(alive, before.epoch, dtype, {at: before.lanes[at].history for at in alive})
        trajectories = [self.lanes[place].trajectory for place in alive]
        rule, state = Rule.of(trajectories, self.layout, self.data.device, dtype), TrainState.of(before)
        metrics = MetricAccumulator(trajectories[0].batch_size)
        margins = EpochMargins(len(alive), len(self.data.labels), self.data.device) if self.margins else None
        with ThreadTeam(self.shards) as team:
            runner = step_runner(rule, state, workspace(rule, state.theta, team, self.backend), self.graphs, alive)
            for number, inputs in enumerate(batches, 1):
                outcome = runner.run_step(inputs)
                metrics.add(outcome)
                if margins is not None:
                    margins.add(inputs, outcome)
                watcher.stepped(number, steps)
        losses, right = (sums.cpu() for sums in metrics.sums())
        found = None if margins is None else self._margins_of_lanes(alive, margins.margins())
        return TrainedEpoch(before.epoch + 1, alive, runner.reached(), losses, right, found)

    def _margins_of_lanes(self, alive: Sequence[int], margins: Tensor) -> tuple[Tensor, ...]:
        """(n,) of each lane: those of its own training rows."""
        rows = [self.batches.train_rows[place] for place in alive]
        return tuple(margins[number, own] for number, own in enumerate(rows))
