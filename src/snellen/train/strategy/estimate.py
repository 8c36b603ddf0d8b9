"""What training a lane will cost, from a few timed steps on random images. Nothing is trained."""

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
from snellen.train.strategy.measurement import RandomImagesPack
from snellen.train.strategy.rule import UNMEASURED, Strategy, Timings, choose_for_pack

TIMED_SECONDS = 0.4
"""Per model: long enough for a median, short enough that `check` answers at once."""
TIMED_STEPS = 8
"""Together, so that they share the fixed cost of an epoch, as they will in training."""
LONG_STEP = 2 * 10**9
"""Multiply-adds of a pack's step, forwards, from which on one alone is timed: that cost is then a small part of it."""


@dataclass(frozen=True)
class Cost:
    """Of one lane of a pack. step_seconds: its share of a training step; batch_seconds: of predicting a batch.
    memory_bytes: in addition to the data."""

    parameters: int
    multiply_adds: int
    steps_per_epoch: int
    epochs: int
    step_seconds: float
    batch_seconds: float
    validation_batches: int
    memory_bytes: int

    @property
    def seconds(self) -> float:
        """Of all epochs: early stopping may save some."""
        return self.epochs * (self.steps_per_epoch * self.step_seconds + self.validation_batches * self.batch_seconds)

    def scaled(self, factor: float) -> Cost:
        """The same, taking `factor` times as long."""
        return replace(self, step_seconds=self.step_seconds * factor, batch_seconds=self.batch_seconds * factor)

    def for_lane(self, lane: Lane) -> Cost:
        """The cost of another lane, with its own rows and epochs; in proportion to its multiply-adds."""
        network = lane.trajectory.trained
        factor = network.multiply_adds / max(1, self.multiply_adds)
        return replace(
            self,
            parameters=network.parameter_count,
            multiply_adds=network.multiply_adds,
            steps_per_epoch=lane.steps,
            epochs=lane.epochs,
            step_seconds=self.step_seconds * factor,
            batch_seconds=self.batch_seconds * factor,
            validation_batches=_validation_batches(lane),
            memory_bytes=_memory_bytes(lane.trajectory),
        )


def estimate_cost(lanes: Sequence[Lane], device: str, max_threads: int, timings: Timings = UNMEASURED) -> Cost:
    """The cost of each lane of a pack on this machine, under its present load. timings: of lanes of this kind."""
    lane, network = lanes[0], lanes[0].trajectory.trained
    strategy = choose_for_pack(lanes, max_threads, device, timings)
    torch.set_num_threads(strategy.threads)
    step_seconds, batch_seconds = _timed(lanes, device, strategy)
    return Cost(
        parameters=network.parameter_count,
        multiply_adds=network.multiply_adds,
        steps_per_epoch=lane.steps,
        epochs=lane.epochs,
        step_seconds=step_seconds / len(lanes),
        batch_seconds=batch_seconds,
        validation_batches=_validation_batches(lane),
        memory_bytes=_memory_bytes(lane.trajectory),
    )


def _validation_batches(lane: Lane) -> int:
    return math.ceil(len(lane.rows["validation"]) / PREDICTION_BATCH)


def _timed(lanes: Sequence[Lane], device: str, strategy: Strategy) -> tuple[float, float]:
    """Median seconds of a training step of the pack, and of a prediction batch."""
    trajectory = lanes[0].trajectory
    is_long = len(lanes) * trajectory.batch_size * trajectory.trained.multiply_adds > LONG_STEP
    steps = 1 if is_long else min(TIMED_STEPS, lanes[0].steps)
    pack = RandomImagesPack.of(lanes, device, steps, strategy, PREDICTION_BATCH)
    alone, images = pack.start.alone(0), pack.training.data.images
    views = pack.training.layout.views(alone.theta)
    batch = torch.arange(PREDICTION_BATCH, device=device)

    def predict() -> None:
        predict_probabilities(trajectory.trained, views, alone.state, images, trajectory.trained_range, batch)

    return _median_seconds(pack.train_steps) / steps, _median_seconds(predict)


def _median_seconds(call: Callable[[], object]) -> float:
    """Of three calls or more after a first one, which loads what is needed; of one where a call takes long."""
    warm_up, times = _seconds(call), list[float]()
    while sum(times) < TIMED_SECONDS / 2 or len(times) < (3 if warm_up < TIMED_SECONDS else 1):
        times.append(_seconds(call))
    return float(np.median(times))


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _memory_bytes(trajectory: Trajectory) -> int:
    """Weights, gradients, optimizer slots and two copies of the best weights; twice the outputs of all layers."""
    network = trajectory.trained
    copies = 5 + 2 * len(trajectory.optimizer.slots())
    outputs = sum(math.prod(placed.output_shape) for placed in network.layers)
    rows = max(2 * trajectory.batch_size, PREDICTION_BATCH)
    return 4 * (network.parameter_count * copies + outputs * rows)
