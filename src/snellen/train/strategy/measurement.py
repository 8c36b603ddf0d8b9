"""A few timed steps on random pictures: what a step costs in each of several ways. Nothing is trained."""

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
from snellen.train.strategy.packs import MULTIPLY_ADDS_A_SECOND, STEP_SECONDS
from snellen.train.strategy.rule import Strategy, Table, Timing
from snellen.train.watcher import Silent

BLOCK_SECONDS = 0.015
"""About as long are the steps of one lane that are timed at a time: what an epoch has beside its steps is shared by
many of them, and others who use the machine do not fill a block."""
LEAST_STEPS, MOST_STEPS = 2, 16
SECONDS, LEAST_ROUNDS, MOST_ROUNDS = 1.5, 3, 9
"""Rounds, each a block of every candidate, go on for so long; medians of fewer are chance."""
HOPELESS = 3
"""Times the core time of the quickest in the first round, from which a way is not timed again."""


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """So many steps of an epoch of a pack, on random pictures."""

    training: Training
    start: Snapshot
    steps: int

    @staticmethod
    def of(lanes: Sequence[Lane], device: str, steps: int, strategy: Strategy, least_rows: int = 0) -> Rehearsal:
        """The pack computed in this way; its threads are set by the caller. least_rows: pictures that there are at
        least."""
        trajectory = lanes[0].trajectory
        size = max(trajectory.batch_size * steps, least_rows)
        pictures = np.random.default_rng(0).uniform(*trajectory.pixel_range, (size, *trajectory.input_shape))
        images = torch.from_numpy(pictures.astype(np.float32)).to(device)
        material = ResidentData(images, torch.arange(size, device=device) % trajectory.classes)
        rows = {"train": np.arange(trajectory.batch_size * steps), "validation": np.arange(1)}
        probes = [Lane(lane.jobs, rows) for lane in lanes]
        start = together([initial_state.unfitted(lane, material) for lane in probes])
        return Rehearsal(Training.prepare(probes, material, strategy.parts, strategy.way), start, steps)

    def run(self) -> None:
        """All its steps, once more from the start."""
        self.training.run_steps(self.start, Silent())


def measure(lane: Lane, candidates: Sequence[Strategy]) -> Table:
    """What a step and lane costs in each of these ways, on this CPU as it is loaded now; two or three seconds."""
    steps = steps_at_once(lane)
    blocks = {each: _block(Rehearsal.of([lane] * each.width, "cpu", steps, each), each) for each in candidates}
    before = torch.get_num_threads()
    try:
        return in_rounds(blocks)
    finally:
        torch.set_num_threads(before)


def in_rounds(
    blocks: Mapping[Strategy, Callable[[], Timing]], clock: Callable[[], float] = time.monotonic
) -> dict[Strategy, Timing]:
    """The median of each block. All are called in turn, again and again, so that what disturbs the machine disturbs
    them alike; before the first round to warm up, and after it only those that may still be the best."""
    for block in blocks.values():
        block()
    until = clock() + SECONDS
    timed = {each: [block()] for each, block in blocks.items()}
    limit = HOPELESS * min(first.core for [first] in timed.values())
    left = {each: block for each, block in blocks.items() if timed[each][0].core < limit}
    for number in range(2, MOST_ROUNDS + 1):
        if number > LEAST_ROUNDS and clock() > until:
            break
        for each, block in left.items():
            timed[each].append(block())
    return {each: _middle(timings) for each, timings in timed.items()}


def _middle(timings: Sequence[Timing]) -> Timing:
    return Timing(median(each.wall for each in timings), median(each.core for each in timings))


def steps_at_once(lane: Lane) -> int:
    """As many as take about BLOCK_SECONDS, by the rule."""
    work = 3 * lane.trajectory.network.multiply_adds * lane.trajectory.batch_size / MULTIPLY_ADDS_A_SECOND
    return min(MOST_STEPS, max(LEAST_STEPS, math.ceil(BLOCK_SECONDS / (STEP_SECONDS + work))))


def _block(rehearsal: Rehearsal, strategy: Strategy) -> Callable[[], Timing]:
    """Runs it with the threads of the strategy; returns how long a step and lane took."""
    count = rehearsal.steps * strategy.width

    def run() -> Timing:
        torch.set_num_threads(strategy.threads)
        wall, core = time.perf_counter(), time.process_time()
        rehearsal.run()
        return Timing((time.perf_counter() - wall) / count, (time.process_time() - core) / count)

    return run
