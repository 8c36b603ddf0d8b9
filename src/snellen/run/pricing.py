"""Prices: seconds of packs as they will be formed, from timed steps; of baselines and features; bytes on the disk."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import SplitData
from snellen.limits import LAST_TRAIN_ROWS, PREDICTION_BATCH
from snellen.models import baselines, fit
from snellen.train.job import Trajectory
from snellen.train.lane import Lane
from snellen.train.strategy.cache import stored_tables
from snellen.train.strategy.estimate import Cost, estimate
from snellen.train.strategy.packs import WORTH_SECONDS, form, kind_of, seconds, shape_of
from snellen.train.strategy.rule import NOTHING, Table, side_by_side

PROBES = 24
"""Shapes of packs that are timed, half a second each; others cost as much as those for each multiply-add."""

FITTED_ROWS = 500
"""Training pictures that feature steps are fitted to for timing, at least; and to four times as many. More take longer
along a straight line."""

JOB_SECONDS = 0.04
"""To write and read what a job leaves behind, beside its predictions."""

BASELINE_SECONDS = 2.5
"""Of a logistic regression that sees as much as baselines.WORK and ROUNDS allow, on one core."""


@dataclass(eq=False)
class Clock:
    """Seconds on this device, with so many processes; each shape and width of a pack is timed once.

    environment: device, threads and what else the record of a run says of them.
    """

    dataset: Dataset
    environment: Mapping[str, Any]
    workers: int = 1
    timed: dict[tuple[str, int, int], Cost] = field(default_factory=dict)
    fitted: dict[str, tuple[float, float]] = field(default_factory=dict)
    held: dict[str, Table] = field(default_factory=dict)

    def costs(self, lanes: Iterable[Lane], until: int | None = None) -> dict[Lane, Cost]:
        """Of each lane, trained to its end in the packs that these lanes will be formed into: its part of the wall
        time, where several processes share the packs. until: the epoch at which they pause."""
        packs = self._packs(list(lanes))
        worth = sum(sorted(seconds(pack, until) for pack in packs)[:-1]) >= WORTH_SECONDS
        threads = 1 if worth else self.environment["threads"]
        found = [[self._cost(lane, pack, threads) for lane in pack] for pack in packs]
        shared = self.environment["device"] == "cpu" and worth
        part = wall_share([sum(cost.seconds for cost in pack) for pack in found], self.workers if shared else 1)
        return {lane: cost.times(part) for pack, costs in zip(packs, found) for lane, cost in zip(pack, costs)}

    def _packs(self, lanes: Sequence[Lane]) -> list[tuple[Lane, ...]]:
        """As a run would form them, with what the cache knows of this machine; nothing is measured for it."""
        device = self.environment["device"]
        self.held |= stored_tables(lanes, self.environment)
        return form(lanes, lambda lane: 0, lambda lane: side_by_side(lane, device, self._table(lane)).width)

    def _table(self, lane: Lane) -> Table:
        return self.held.get(kind_of(lane), NOTHING)

    def seconds(self, lanes: Sequence[Lane], epochs: int | None = None) -> float:
        """Of all lanes together, each for so many epochs or to its end."""
        return sum(
            cost.seconds * ((epochs or cost.epochs) / cost.epochs) + self.around(lane)
            for lane, cost in self.costs(lanes, epochs).items()
        )

    def around(self, lane: Lane) -> float:
        """Of a lane beside its epochs: fitting its feature steps, predicting its roles, judging its last epoch,
        writing."""
        trajectory = lane.trajectory
        counts = [*map(len, lane.predicted.values()), *2 * judged_rows(lane)]
        batches = sum(math.ceil(rows / PREDICTION_BATCH) for rows in counts)
        predicting = batches * self._batch_seconds(trajectory)
        return len(lane.jobs) * (JOB_SECONDS + predicting) + (0 if trajectory.start else self._features(lane))

    def _cost(self, lane: Lane, pack: Sequence[Lane], threads: int) -> Cost:
        """Of a lane in a pack like one that was timed."""
        key = shape_of(lane), len(pack), threads
        if key not in self.timed and len(self.timed) < PROBES:
            self.timed[key] = estimate(pack, self.environment["device"], threads, self._table(lane))
        if key in self.timed:
            return self.timed[key].of(lane)
        known = list(self.timed.values())
        return min(known, key=lambda cost: abs(cost.multiply_adds - lane.trajectory.network.multiply_adds)).of(lane)

    def _batch_seconds(self, trajectory: Trajectory) -> float:
        known = list(self.timed.values())
        adds = trajectory.network.multiply_adds
        return min(known, key=lambda cost: abs(cost.multiply_adds - adds)).batch_seconds if known else 0.0

    def _features(self, lane: Lane) -> float:
        trajectory, rows = lane.trajectory, lane.rows["train"]
        if not trajectory.network.features:
            return 0.0
        key = "; ".join(repr(placed.layer) for placed in trajectory.network.features)
        if key not in self.fitted:
            self.fitted[key] = self._line(trajectory, rows)
        base, slope = self.fitted[key]
        return base + slope * len(rows)

    def _line(self, trajectory: Trajectory, rows: np.ndarray) -> tuple[float, float]:
        """Seconds to fit the feature steps of a network: for no rows, and for each row."""
        widest = max(math.prod(placed.output_shape) for placed in trajectory.network.features)
        few = min(len(rows), max(FITTED_ROWS, 2 * widest))
        many = min(len(rows), 4 * few)
        self._fit(trajectory, rows[:few])  # what is imported first is not timed
        short, long = (self._fit(trajectory, rows[:: len(rows) // count][:count]) for count in (few, many))
        slope = max(0.0, long - short) / (many - few) if many > few else 0.0
        return max(0.0, short - slope * few), slope

    def _fit(self, trajectory: Trajectory, rows: np.ndarray) -> float:
        """Seconds to fit the feature steps of a network to these rows."""
        images, labels = self.dataset.images[rows], self.dataset.labels[rows]
        began = time.perf_counter()
        fit.fit(trajectory.network, images, labels, trajectory.pixel_range, trajectory.seed)
        return time.perf_counter() - began


def wall_share(pack_seconds: Sequence[float], workers: int) -> float:
    """Wall time of packs over the sum of their times, each taken in turn by the worker that is free first."""
    free = [0.0] * workers
    for each in pack_seconds:
        free[free.index(min(free))] += each
    return max(free) / sum(free) if sum(free) else 1.0


def baseline_seconds(data: SplitData) -> float:
    """Roughly the seconds of all baselines: the logistic regression takes nearly all of them."""
    dataset, num_train = data.dataset, len(data.roles.rows["train"])
    pixels = min(math.prod(dataset.shape[:2]), baselines.SIDE**2) * dataset.shape[2]
    work = pixels * len(dataset.classes)
    drawn = min(num_train, max(2 * len(dataset.classes), baselines.WORK // work))
    rounds = min(baselines.MAX_ROUNDS, max(baselines.MIN_ROUNDS, baselines.ROUNDS * baselines.WORK // (work * drawn)))
    return 0.1 + BASELINE_SECONDS * (work * drawn * rounds) / (baselines.WORK * baselines.ROUNDS)


def stored_bytes(lane: Lane, dataset: Dataset) -> int:
    """What the jobs of a lane leave on the disk: weights, predictions of its roles, history, and the losses of those
    that train past the epoch they keep."""
    network, epochs = lane.trajectory.network, lane.epochs
    rows = sum(map(len, lane.predicted.values()))
    a_row = 4 * lane.trajectory.classes + 8 + 8 + _id_bytes(dataset)
    losses = 4 * 2 * sum(judged_rows(lane))
    return len(lane.jobs) * (4 * network.parameter_count + rows * a_row + losses + 200 * epochs + 4_000)


def judged_rows(lane: Lane) -> tuple[int, int]:
    """Training and validation images whose losses are stored after the kept and after the last epoch, at most."""
    return min(len(lane.rows["train"]), LAST_TRAIN_ROWS), len(lane.rows["validation"])


def checkpoint_bytes(lane: Lane) -> int:
    """A snapshot of a lane under way: weights as they are, what the optimizer remembers, and of each job the kept
    weights and, once it is done, the last."""
    copies = 1 + len(lane.trajectory.optimizer.slots()) + 2 * len(lane.jobs)
    return 4 * lane.trajectory.network.parameter_count * copies


def _id_bytes(dataset: Dataset) -> int:
    """A typical id, and the end of its line."""
    some = dataset.ids[:: max(1, len(dataset.ids) // 100)]
    return 1 + round(float(np.mean([len(str(each)) for each in some])))
