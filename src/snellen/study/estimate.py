"""What a plan will cost, from a few timed steps on random pictures; nothing is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from snellen.limits import PREDICTION_BATCH
from snellen.models.forward import predict_probabilities
from snellen.train import begin
from snellen.train.engine import Material, Silent, Training
from snellen.train.environment import threads_for
from snellen.train.job import Trajectory
from snellen.train.lane import Lane
from snellen.train.snapshot import together

PROBE_SECONDS = 0.4
"""Timed a model: long enough for a median, short enough that `check` answers at once."""


@dataclass(frozen=True)
class Cost:
    """Of one lane. seconds: all epochs, early stopping not counted on. memory_bytes: beside the data."""

    parameters: int
    steps_an_epoch: int
    epochs: int
    seconds: float
    memory_bytes: int


def estimate(lanes: Sequence[Lane], device: str, threads: int) -> Cost:
    """The cost of each lane of a pack on this machine, as it is loaded now. threads: the most that it may use."""
    lane, job = lanes[0], lanes[0].jobs[0]
    torch.set_num_threads(threads_for(job, len(lanes), threads))
    batches = math.ceil(len(lane.rows["validation"]) / PREDICTION_BATCH)
    step_seconds, batch_seconds = _probe(lanes, device)
    epochs = max(lane.epochs for lane in lanes)
    return Cost(
        parameters=job.trajectory.network.parameter_count,
        steps_an_epoch=lane.steps,
        epochs=epochs,
        seconds=epochs * (lane.steps * step_seconds / len(lanes) + batches * batch_seconds),
        memory_bytes=_memory(lane.trajectory),
    )


def _probe(lanes: Sequence[Lane], device: str) -> tuple[float, float]:
    """Median seconds of a training step of the pack, and of a prediction batch."""
    trajectory = lanes[0].trajectory
    size = max(trajectory.batch_size, PREDICTION_BATCH)
    low, high = trajectory.pixel_range
    generator = np.random.default_rng(0)
    pictures = generator.uniform(low, high, (size, *trajectory.input_shape)).astype(np.float32)
    material = Material(torch.from_numpy(pictures).to(device), torch.arange(size, device=device) % trajectory.classes)
    rows = {"train": np.arange(trajectory.batch_size), "validation": np.arange(1)}
    probes = [Lane(lane.jobs, rows) for lane in lanes]
    training = Training.prepare(probes, material)
    start = together([begin.unfitted(lane, material) for lane in probes])
    alone = start.alone(0)
    views = training.layout.views(alone.theta)
    batch = torch.arange(PREDICTION_BATCH, device=device)

    def predict() -> None:
        predict_probabilities(trajectory.network, views, alone.state, material.images, trajectory.pixel_range, batch)

    return _median_seconds(lambda: training.step_through(start, Silent())), _median_seconds(predict)


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
