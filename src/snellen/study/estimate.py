"""What a plan will cost, from a few timed steps on random pictures; nothing is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from snellen.limits import PREDICTION_BATCH
from snellen.models.forward import predict_probabilities
from snellen.train.engine import Lane, Material, Silent, Training
from snellen.train.environment import threads_for
from snellen.train.job import Job

PROBE_SECONDS = 0.4
"""Timed a model: long enough for a median, short enough that `check` answers at once."""


@dataclass(frozen=True)
class Cost:
    """Of one job. seconds: all epochs, early stopping not counted on. memory_bytes: beside the data."""

    parameters: int
    steps_an_epoch: int
    epochs: int
    seconds: float
    memory_bytes: int


def estimate(lane: Lane, device: str, threads: int) -> Cost:
    """The cost of a job on this machine, as it is loaded now. threads: the most that it may use."""
    job = lane.job
    torch.set_num_threads(threads_for(job, threads))
    steps = math.ceil(len(lane.train_rows) / job.trajectory.batch_size)
    batches = math.ceil(len(lane.validation_rows) / PREDICTION_BATCH)
    step_seconds, batch_seconds = _probe(job, device)
    return Cost(
        parameters=job.trajectory.network.parameter_count,
        steps_an_epoch=steps,
        epochs=job.stop.epochs,
        seconds=job.stop.epochs * (steps * step_seconds + batches * batch_seconds),
        memory_bytes=_memory(job),
    )


def _probe(job: Job, device: str) -> tuple[float, float]:
    """Median seconds of a training step and of a prediction batch."""
    trajectory, size = job.trajectory, max(job.trajectory.batch_size, PREDICTION_BATCH)
    low, high = trajectory.pixel_range
    generator = np.random.default_rng(0)
    pictures = generator.uniform(low, high, (size, *trajectory.input_shape)).astype(np.float32)
    material = Material(torch.from_numpy(pictures).to(device), torch.arange(size, device=device) % trajectory.classes)
    training = Training.prepare(Lane(job, np.arange(trajectory.batch_size), np.arange(1)), material)
    start = training.unfitted()
    views = training.rule.layout.views(start.theta)
    rows = torch.arange(PREDICTION_BATCH, device=device)

    def predict() -> None:
        predict_probabilities(trajectory.network, views, start.state, material.images, trajectory.pixel_range, rows)

    return _median_seconds(lambda: training.step_through(start, Silent())), _median_seconds(predict)


def _median_seconds(call: Callable[[], object]) -> float:
    call()
    times: list[float] = []
    while sum(times) < PROBE_SECONDS / 2 or len(times) < 3:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _memory(job: Job) -> int:
    """Weights, gradient, optimizer slots and two copies to go back to; outputs of all layers of a batch, twice."""
    network = job.trajectory.network
    copies = 5 + 2 * len(job.trajectory.optimizer.slots())
    outputs = sum(math.prod(placed.output_shape) for placed in network.layers)
    rows = max(2 * job.trajectory.batch_size, PREDICTION_BATCH)
    return 4 * (network.parameter_count * copies + outputs * rows)
