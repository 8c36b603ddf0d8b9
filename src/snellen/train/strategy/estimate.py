"""What a plan will cost, from a few timed steps on random pictures; nothing is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from snellen.limits import PREDICTION_BATCH
from snellen.models.forward import predict_probabilities
from snellen.train.job import Trajectory
from snellen.train.lane import Lane
from snellen.train.strategy.measurement import Rehearsal
from snellen.train.strategy.rule import NOTHING, Strategy, Table, of_pack

PROBE_SECONDS = 0.4
"""Timed a model: long enough for a median, short enough that `check` answers at once."""


PROBED_STEPS = 8
"""Steps of a timed epoch: what an epoch has beside its steps is shared by many, as it will be."""


@dataclass(frozen=True)
class Cost:
    """Of one lane of a pack. step_seconds: its share of a training step; batch_seconds: of predicting a batch.
    memory_bytes: beside the data."""

    parameters: int
    multiply_adds: int
    steps_an_epoch: int
    epochs: int
    step_seconds: float
    batch_seconds: float
    validation_batches: int
    memory_bytes: int

    @property
    def seconds(self) -> float:
        """All epochs; early stopping is not counted on."""
        return self.epochs * (self.steps_an_epoch * self.step_seconds + self.validation_batches * self.batch_seconds)

    def times(self, factor: float) -> Cost:
        """The same in so many times the time."""
        return replace(self, step_seconds=self.step_seconds * factor, batch_seconds=self.batch_seconds * factor)

    def of(self, lane: Lane) -> Cost:
        """The cost of a lane like the timed one, with its own rows and epochs; of another size by its
        multiply-adds."""
        network = lane.trajectory.network
        times = network.multiply_adds / max(1, self.multiply_adds)
        return replace(
            self,
            parameters=network.parameter_count,
            multiply_adds=network.multiply_adds,
            steps_an_epoch=lane.steps,
            epochs=lane.epochs,
            step_seconds=self.step_seconds * times,
            batch_seconds=self.batch_seconds * times,
            validation_batches=_batches(lane),
            memory_bytes=_memory(lane.trajectory),
        )


def estimate(lanes: Sequence[Lane], device: str, threads: int, table: Table = NOTHING) -> Cost:
    """The cost of each lane of a pack on this machine, as it is loaded now. threads: the most that it may use. table:
    what is known of lanes of this kind."""
    lane, network, strategy = lanes[0], lanes[0].trajectory.network, of_pack(lanes, threads, device, table)
    torch.set_num_threads(strategy.threads)
    step_seconds, batch_seconds = _probe(lanes, device, strategy)
    return Cost(
        parameters=network.parameter_count,
        multiply_adds=network.multiply_adds,
        steps_an_epoch=lane.steps,
        epochs=lane.epochs,
        step_seconds=step_seconds / len(lanes),
        batch_seconds=batch_seconds,
        validation_batches=_batches(lane),
        memory_bytes=_memory(lane.trajectory),
    )


def _batches(lane: Lane) -> int:
    return math.ceil(len(lane.rows["validation"]) / PREDICTION_BATCH)


def _probe(lanes: Sequence[Lane], device: str, strategy: Strategy) -> tuple[float, float]:
    """Median seconds of a training step of the pack, and of a prediction batch."""
    trajectory, steps = lanes[0].trajectory, min(PROBED_STEPS, lanes[0].steps)
    rehearsal = Rehearsal.of(lanes, device, steps, strategy, PREDICTION_BATCH)
    alone, images = rehearsal.start.alone(0), rehearsal.training.data.images
    views = rehearsal.training.layout.views(alone.theta)
    batch = torch.arange(PREDICTION_BATCH, device=device)

    def predict() -> None:
        predict_probabilities(trajectory.network, views, alone.state, images, trajectory.pixel_range, batch)

    return _median_seconds(rehearsal.run) / steps, _median_seconds(predict)


def _median_seconds(call: Callable[[], object]) -> float:
    call()
    times: list[float] = []
    while sum(times) < PROBE_SECONDS / 2 or len(times) < 3:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _memory(trajectory: Trajectory) -> int:
    """Weights, gradient, optimizer slots and two copies to go back to; outputs of all layers of a batch, twice."""
    network = trajectory.network
    copies = 5 + 2 * len(trajectory.optimizer.slots())
    outputs = sum(math.prod(placed.output_shape) for placed in network.layers)
    rows = max(2 * trajectory.batch_size, PREDICTION_BATCH)
    return 4 * (network.parameter_count * copies + outputs * rows)
