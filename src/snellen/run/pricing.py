"""The cost of a plan: seconds of its packs, from timed steps, of baselines and of features; bytes on disk."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.splits.split_data import SplitData
from snellen.limits import LAST_TRAIN_ROWS, PREDICTION_BATCH
from snellen.models import baselines, fit
from snellen.models.feature_baselines import NEIGHBOUR_VALUES
from snellen.train.environment import PackEnvironment
from snellen.train.job import Trajectory
from snellen.train.lane import Lane
from snellen.train.strategy.cache import cached_timings
from snellen.train.strategy.estimate import Cost, estimate_cost
from snellen.train.strategy.packs import are_worth_workers, batching_key, cost_key, estimated_seconds, form_packs
from snellen.train.strategy.rule import UNMEASURED, Timings, choose_side_by_side

TIMED_SHAPES = 24
"""The most shapes of packs that are timed, half a second each; others are assumed to cost as much per multiply-add as
the most similar one."""
FITTED_ROWS = 500
"""For timing, feature steps are fitted to at least this many training images, and to four times as many; the time for
all images is extrapolated linearly."""
JOB_SECONDS = 0.04
"""Seconds to write and read the files of a job, without its predictions."""
BASELINE_SECONDS = 2.5
"""Seconds of a logistic regression with the work that baselines.WORK and ROUNDS allow, on one core."""
NEIGHBOUR_SECONDS = 4e-11
"""Seconds per feature of a distance between two images."""


@dataclass(eq=False)
class CostEstimator:
    """Estimates seconds on this machine, with a number of processes. Timings are kept: those of packs by shape, number
    of lanes and threads, those of feature steps by their settings."""

    dataset: Dataset
    environment: PackEnvironment
    workers: int = 1
    timed: dict[tuple[str, int, int], Cost] = field(default_factory=dict)
    fitted: dict[str, tuple[float, float]] = field(default_factory=dict)
    timings: dict[str, Timings] = field(default_factory=dict)

    def costs(self, lanes: Iterable[Lane], until: int | None = None) -> dict[Lane, Cost]:
        """Seconds of each lane, trained to its end in the packs that will be formed of these lanes: its share of the
        wall time if several processes train packs. until: the epoch at which they pause."""
        packs = self._packs(list(lanes))
        are_several = are_worth_workers(estimated_seconds(pack, until) for pack in packs)
        threads = 1 if are_several else self.environment["threads"]
        costs = [[self._cost(lane, pack, threads) for lane in pack] for pack in packs]
        workers = self.workers if are_several and self.environment["device"] == "cpu" else 1
        share = wall_share([sum(cost.seconds for cost in pack) for pack in costs], workers)
        return {lane: cost.scaled(share) for pack, own in zip(packs, costs) for lane, cost in zip(pack, own)}

    def _packs(self, lanes: Sequence[Lane]) -> list[tuple[Lane, ...]]:
        """The packs that a run would form, with the timings in the user's cache; nothing is measured."""
        device = self.environment["device"]
        self.timings |= cached_timings(lanes, self.environment)
        return form_packs(
            lanes, lambda lane: 0, lambda lane: choose_side_by_side(lane, device, self._timings(lane)).width
        )

    def _timings(self, lane: Lane) -> Timings:
        return self.timings.get(cost_key(lane), UNMEASURED)

    def seconds(self, lanes: Sequence[Lane], epochs: int | None = None) -> float:
        """Seconds of all lanes together, each for this many epochs, or to its end if None."""
        return sum(
            cost.seconds * ((epochs or cost.epochs) / cost.epochs) + self.overhead(lane)
            for lane, cost in self.costs(lanes, epochs).items()
        )

    def overhead(self, lane: Lane) -> float:
        """Seconds of a lane outside its epochs: fitting its feature steps, predicting its roles and the losses of its
        kept and last epochs, writing."""
        trajectory = lane.trajectory
        counts = [*map(len, lane.predicted.values()), *2 * loss_rows(lane)]
        batches = sum(math.ceil(rows / PREDICTION_BATCH) for rows in counts)
        predicting = batches * self._most_similar(trajectory).batch_seconds if self.timed else 0.0
        return len(lane.jobs) * (JOB_SECONDS + predicting) + (0 if trajectory.start else self._feature_seconds(lane))

    def _cost(self, lane: Lane, pack: Sequence[Lane], threads: int) -> Cost:
        """The cost of a lane in a pack that is timed now, or is similar to one that was."""
        key = batching_key(lane), len(pack), threads
        if key not in self.timed and len(self.timed) < TIMED_SHAPES:
            self.timed[key] = estimate_cost(pack, self.environment["device"], threads, self._timings(lane))
        if key in self.timed:
            return self.timed[key].for_lane(lane)
        return self._most_similar(lane.trajectory).for_lane(lane)

    def _most_similar(self, trajectory: Trajectory) -> Cost:
        """The timed pack that is most similar in multiply-adds."""
        adds = trajectory.trained.multiply_adds
        return min(self.timed.values(), key=lambda cost: abs(cost.multiply_adds - adds))

    def _feature_seconds(self, lane: Lane) -> float:
        trajectory, rows = lane.trajectory, lane.rows["train"]
        if not trajectory.network.features:
            return 0.0
        key = "; ".join(repr(placed.layer) for placed in trajectory.network.features)
        if key not in self.fitted:
            self.fitted[key] = self._fit_line(trajectory, rows)
        base, slope = self.fitted[key]
        return base + slope * len(rows)

    def _fit_line(self, trajectory: Trajectory, rows: np.ndarray) -> tuple[float, float]:
        """Seconds to fit the feature steps of a network: a constant, and seconds per row."""
        widest = max(math.prod(placed.output_shape) for placed in trajectory.network.features)
        few = min(len(rows), max(FITTED_ROWS, 2 * widest))
        many = min(len(rows), 4 * few)
        self._fit_seconds(trajectory, rows[:few])  # imports are not timed
        short, long = (self._fit_seconds(trajectory, rows[:: len(rows) // count][:count]) for count in (few, many))
        slope = max(0.0, long - short) / (many - few) if many > few else 0.0
        return max(0.0, short - slope * few), slope

    def _fit_seconds(self, trajectory: Trajectory, rows: np.ndarray) -> float:
        """Seconds to fit the feature steps of a network to these rows."""
        images, labels = self.dataset.images[rows], self.dataset.labels[rows]
        began = time.perf_counter()
        fit.fit(trajectory.network, images, labels, trajectory.pixel_range, trajectory.seed)
        return time.perf_counter() - began


def wall_share(pack_seconds: Sequence[float], workers: int) -> float:
    """Wall time of all packs over the sum of their times, when each goes to the worker that is free first."""
    busy_until = [0.0] * workers
    for each in pack_seconds:
        busy_until[busy_until.index(min(busy_until))] += each
    return max(busy_until) / sum(busy_until) if sum(busy_until) else 1.0


def baseline_seconds(data: SplitData, features: Iterable[int] = ()) -> float:
    """Rough seconds of all baselines, nearly all of which are logistic regressions and nearest neighbours. features:
    number of features of an image, for each different frozen backbone."""
    height, width, channels = data.dataset.shape
    pixels = min(height * width, baselines.SIDE**2) * channels
    return 0.1 + _logistic_seconds(data, pixels) + sum(_on_features_seconds(data, each) for each in features)


def _logistic_seconds(data: SplitData, width: int) -> float:
    classes, num_train = len(data.dataset.classes), len(data.roles.rows["train"])
    work = width * classes
    drawn = min(num_train, max(2 * classes, baselines.WORK // work))
    rounds = min(baselines.MAX_ROUNDS, max(baselines.MIN_ROUNDS, baselines.ROUNDS * baselines.WORK // (work * drawn)))
    return BASELINE_SECONDS * (work * drawn * rounds) / (baselines.WORK * baselines.ROUNDS)


def _on_features_seconds(data: SplitData, width: int) -> float:
    rows = data.roles.rows
    asked, known = sum(len(rows[role]) for role in rows if role != "train"), len(rows["train"]) * width
    return _logistic_seconds(data, width) + NEIGHBOUR_SECONDS * asked * min(known, NEIGHBOUR_VALUES)


def stored_bytes(lane: Lane, dataset: Dataset) -> int:
    """Bytes that the jobs of a lane store permanently: weights, predictions of its roles, history, and losses if
    training continues after the kept epoch."""
    network, epochs = lane.trajectory.trained, lane.epochs
    rows = sum(map(len, lane.predicted.values()))
    row_bytes = 4 * lane.trajectory.classes + 8 + 8 + _id_bytes(dataset)
    losses = 4 * 2 * sum(loss_rows(lane))
    return len(lane.jobs) * (4 * network.parameter_count + rows * row_bytes + losses + 200 * epochs + 4_000)


def loss_rows(lane: Lane) -> tuple[int, int]:
    """The most training and validation images whose losses are stored after the kept and after the last epoch."""
    return min(len(lane.rows["train"]), LAST_TRAIN_ROWS), len(lane.rows["validation"])


def checkpoint_bytes(lane: Lane) -> int:
    """Bytes of a checkpoint of a lane: its weights, the slots of its optimizer, and for each job the kept weights and,
    once it is done, the last weights."""
    copies = 1 + len(lane.trajectory.optimizer.slots()) + 2 * len(lane.jobs)
    return 4 * lane.trajectory.trained.parameter_count * copies


def _id_bytes(dataset: Dataset) -> int:
    """Bytes of a typical id, with its line end."""
    sample = dataset.ids[:: max(1, len(dataset.ids) // 100)]
    return 1 + round(float(np.mean([len(str(each)) for each in sample])))
