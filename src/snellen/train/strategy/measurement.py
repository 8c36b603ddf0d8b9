"""Times a few training steps on random images under several strategies. Nothing is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from snellen.train import initial_state
from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.loop import Training
from snellen.train.snapshot import Snapshot, together
from snellen.train.strategy.packs import MULTIPLY_ADDS_PER_SECOND, STEP_SECONDS
from snellen.train.strategy.rule import Strategy, Timing, Timings
from snellen.train.watcher import Silent

BLOCK_SECONDS = 0.015
"""Approximate duration of the steps timed together: long enough to spread the fixed cost of an epoch, short enough that
a disturbance by other programs does not fill all blocks."""
MIN_STEPS, MAX_STEPS = 2, 16
SECONDS, MIN_ROUNDS, MAX_ROUNDS = 1.5, 3, 9
"""Duration of all rounds together (a round is one block of every candidate); medians of fewer are chance."""
HOPELESS = 3
"""A candidate that takes this many times the core time of the fastest in the first round is not timed again."""


@dataclass(frozen=True, eq=False)
class RandomImagesPack:
    """A pack about to train some steps of an epoch on random images."""

    training: Training
    start: Snapshot
    steps: int

    @staticmethod
    def of(lanes: Sequence[Lane], device: str, steps: int, strategy: Strategy, min_images: int = 0) -> RandomImagesPack:
        """These lanes under this strategy; its threads are set by the caller."""
        trajectory = lanes[0].trajectory
        count = max(trajectory.batch_size * steps, min_images)
        pixels = np.random.default_rng(0).uniform(*trajectory.trained_range, (count, *trajectory.trained.input_shape))
        images = torch.from_numpy(pixels.astype(np.float32)).to(device)
        data = ResidentData(images, torch.arange(count, device=device) % trajectory.classes)
        rows = {"train": np.arange(trajectory.batch_size * steps), "validation": np.arange(1)}
        timed = [Lane(lane.jobs, rows) for lane in lanes]
        start = together([initial_state.unfitted(lane, data) for lane in timed])
        training = Training.prepare(timed, data, strategy.batch_shards, strategy.backend)
        return RandomImagesPack(training, start, steps)

    def train_steps(self) -> None:
        """All its steps, from the start."""
        self.training.run_steps(self.start, Silent())


def measure(lane: Lane, candidates: Sequence[Strategy]) -> Timings:
    """Seconds per step and lane of each candidate, on this CPU under its present load. Takes two or three seconds."""
    steps = steps_per_block(lane)
    blocks = {each: _block(RandomImagesPack.of([lane] * each.width, "cpu", steps, each), each) for each in candidates}
    threads_before = torch.get_num_threads()
    try:
        return time_in_rounds(blocks)
    finally:
        torch.set_num_threads(threads_before)


def time_in_rounds(
    blocks: Mapping[Strategy, Callable[[], Timing]], clock: Callable[[], float] = time.monotonic
) -> dict[Strategy, Timing]:
    """The median of each block. Blocks are called in turn, so that what disturbs the machine disturbs all alike. The
    first round warms up; after the second, those without a chance are left out."""
    for block in blocks.values():
        block()
    until = clock() + SECONDS
    timings = {each: [block()] for each, block in blocks.items()}
    limit = HOPELESS * min(first.core for [first] in timings.values())
    remaining = {each: block for each, block in blocks.items() if timings[each][0].core < limit}
    for number in range(2, MAX_ROUNDS + 1):
        if number > MIN_ROUNDS and clock() > until:
            break
        for each, block in remaining.items():
            timings[each].append(block())
    return {each: _medians(timed) for each, timed in timings.items()}


def _medians(timings: Sequence[Timing]) -> Timing:
    return Timing(median(each.wall for each in timings), median(each.core for each in timings))


def steps_per_block(lane: Lane) -> int:
    """As many steps as take about BLOCK_SECONDS, by a rough estimate."""
    work = 3 * lane.trajectory.trained.multiply_adds * lane.trajectory.batch_size / MULTIPLY_ADDS_PER_SECOND
    return min(MAX_STEPS, max(MIN_STEPS, math.ceil(BLOCK_SECONDS / (STEP_SECONDS + work))))


def _block(pack: RandomImagesPack, strategy: Strategy) -> Callable[[], Timing]:
    count = pack.steps * strategy.width

    def run() -> Timing:
        torch.set_num_threads(strategy.threads)
        wall, core = time.perf_counter(), time.process_time()
        pack.train_steps()
        return Timing((time.perf_counter() - wall) / count, (time.process_time() - core) / count)

    return run
