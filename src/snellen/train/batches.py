"""The batches of an epoch: which rows, in which order, augmented, and at which learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.models.forward import input_of
from snellen.models.keys import Key
from snellen.train.augment.epoch import EpochAugmentation
from snellen.train.lane import Lane
from snellen.train.schedules import Schedule
from snellen.train.snapshot import EpochRecord
from snellen.train.step import StepInputs

AUGMENTED_TOGETHER = 256
"""Images that are augmented together, in whole batches: at batch 32 this takes half the time of single batches."""
VALUES_TOGETHER = 2**18
"""Values that are read from stored pixels together where nothing is augmented: they fit the cache of a core."""
VALUES_TOGETHER_ON_A_DEVICE = 2**24
"""The same on other devices, augmented or not: 64 MB, so that few operations are launched. Not measured."""


@dataclass(frozen=True, eq=False)
class ResidentData:
    """Images and labels of a study, resident on the device. images: (N, H, W, C) as stored, or what a frozen backbone
    gives for some; labels: (N,) int64, sealed (negative) for test rows. places: (N,) int64, where the images of each
    row are, len(images) for a row without any; None where every row has one, at its own place."""

    images: Tensor
    labels: Tensor
    places: Tensor | None = None

    @property
    def device(self) -> str:
        """Its name in torch."""
        return str(self.images.device)

    def at(self, rows: Tensor) -> Tensor:
        """Where the images of these rows of the data set are in `images`."""
        return rows if self.places is None else self.places[rows]


@dataclass(frozen=True)
class Counted:
    """Epochs and steps of the optimizer before a phase that goes on with it; 0 for any other."""

    epochs: int = 0
    steps: int = 0


FROM_ZERO = Counted()
History = Sequence[EpochRecord]
"""The epochs of a lane, in order."""
NO_HISTORIES: Mapping[int, History] = {}


@dataclass(frozen=True, eq=False)
class Batches:
    """Makes the batches of a pack. train_rows: (n,) of each lane, on the device. counted: before its first epoch, equal
    for all lanes."""

    lanes: tuple[Lane, ...]
    data: ResidentData
    train_rows: tuple[Tensor, ...]
    counted: Counted = FROM_ZERO

    @staticmethod
    def of(lanes: Sequence[Lane], data: ResidentData, counted: Counted = FROM_ZERO) -> Batches:
        """For a pack that is trained on these data."""
        rows = tuple(torch.from_numpy(lane.rows["train"]).to(data.device) for lane in lanes)
        return Batches(tuple(lanes), data, rows, counted)

    @property
    def steps(self) -> int:
        """Steps of an epoch, equal for all lanes."""
        return self.lanes[0].steps

    def of_epoch(
        self, alive: Sequence[int], epoch: int, dtype: torch.dtype, histories: Mapping[int, History] = NO_HISTORIES
    ) -> Iterator[StepInputs]:
        """Every step of an epoch for the lanes at the places `alive`. epoch: of this phase, from 0; the schedule starts
        with the phase, all else goes on from what was counted. histories: the epochs of this phase before, by place."""
        trajectory, rates = self.lanes[0].trajectory, self._learning_rates(alive, epoch, dtype, histories)
        before, whole = self.counted.steps + epoch * self.steps, self.counted.epochs + epoch
        augmentation, steps = self._augmentation(alive, whole), self._rows(alive, whole)
        pairs = augmentation.partners([len(self.train_rows[place]) for place in alive], trajectory.batch_size)
        partners = [None] * len(steps) if pairs is None else pairs.split(trajectory.batch_size, 1)
        at_once = self._batches_at_once(len(alive))
        for first in range(0, len(steps), at_once):
            some = steps[first : first + at_once]
            rows = torch.cat([rows for rows, _ in some], 1)
            images = augmentation.change(
                input_of(self.data.images, self.data.at(rows), trajectory.trained_range, dtype), rows
            )
            labels = self.data.labels[rows].split(trajectory.batch_size, 1)
            each = zip(some, images.split(trajectory.batch_size, 1), labels)
            for number, ((own_rows, weight), own_images, own_labels) in enumerate(each, first):
                x, mixed = augmentation.mix(own_images.contiguous(), own_labels, own_rows, partners[number])
                step = before + number
                key = self._key(alive, "step", step)
                yield StepInputs(x, own_labels, step + 1, rates[number], key, weight, mixed, own_rows)

    def _batches_at_once(self, lanes: int) -> int:
        """Number of batches that are read and augmented together."""
        trajectory = self.lanes[0].trajectory
        values = lanes * trajectory.batch_size * math.prod(trajectory.trained.input_shape)
        if self.data.images.device.type != "cpu":
            return max(1, VALUES_TOGETHER_ON_A_DEVICE // values)
        return max(1, AUGMENTED_TOGETHER // trajectory.batch_size if trajectory.augment else VALUES_TOGETHER // values)

    def _augmentation(self, alive: Sequence[int], epoch: int) -> EpochAugmentation:
        trajectories = [self.lanes[place].trajectory for place in alive]
        rows, key = [self.train_rows[place] for place in alive], self._key(alive, "augment", epoch)
        return EpochAugmentation.draw([each.augment for each in trajectories], rows, trajectories[0].input_shape, key)

    def _key(self, alive: Sequence[int], *path: str | int) -> Key:
        """The address of random numbers of the phase that started the optimizer; the first has no prefix."""
        phase = self.lanes[0].trajectory.optimizer_phase
        seeds = tuple(self.lanes[place].trajectory.seed for place in alive)
        return Key(seeds, ("phase", phase, *path) if phase else path)

    def _rows(self, alive: Sequence[int], epoch: int) -> list[tuple[Tensor, Tensor | None]]:
        """(A, B) rows of each step, each lane in its own order of this epoch; with weights (A, B), 0 for padding, in
        the last batch where lanes have different numbers of rows."""
        ordered = [self._ordered(place, epoch) for place in alive]
        most = max(len(rows) for rows in ordered)
        padded = torch.stack([torch.cat([rows, rows[:1].expand(most - len(rows))]) for rows in ordered])
        padded = padded.to(self.data.device)  # all lanes and steps together: the host waits for each copy
        batches = padded.split(self.lanes[0].trajectory.batch_size, 1)
        counts = torch.tensor([[len(rows)] for rows in ordered])
        weights = None if bool((counts == most).all()) else (torch.arange(most) < counts).to(padded.device)
        last = None if weights is None else weights[:, most - batches[-1].shape[1] :].to(torch.float32)
        return [(rows, last if number == len(batches) - 1 else None) for number, rows in enumerate(batches)]

    def _ordered(self, place: int, epoch: int) -> Tensor:
        """(n,) training rows of a lane in the order of this epoch, still on the host."""
        rows = torch.from_numpy(self.lanes[place].rows["train"])
        return rows[torch.from_numpy(self._key((place,), "order", epoch).permutations(len(rows))[0])]

    def _learning_rates(
        self, alive: Sequence[int], epoch: int, dtype: torch.dtype, histories: Mapping[int, History]
    ) -> Tensor:
        """(steps, A, 1)."""
        steps = range(epoch * self.steps, (epoch + 1) * self.steps)
        lanes = [self.lanes[place] for place in alive]
        peaks = [_peak(lane, histories.get(place, ())) for place, lane in zip(alive, lanes)]
        one_of_each = {_schedule(lane): lane for lane in lanes}
        shares = {key: np.array([_share(lane, step) for step in steps]) for key, lane in one_of_each.items()}
        rates = np.stack([peak * shares[_schedule(lane)] for peak, lane in zip(peaks, lanes)], 1)
        return torch.from_numpy(rates[..., None]).to(dtype).to(self.data.device)


def learning_rate(lane: Lane, step: int, history: History) -> float:
    """At a step, counted from 0. history: the epochs before that of the step."""
    return _peak(lane, history) * _share(lane, step)


def _peak(lane: Lane, history: History) -> float:
    """The rate that shares are of, in the epoch after these."""
    trajectory = lane.trajectory
    if trajectory.followed is None:
        return trajectory.learning_rate
    measure = trajectory.followed.measure
    scores = [record["validation_loss" if measure == "loss" else "validation_accuracy"] for record in history]
    values = [score for score in scores if score is not None]
    return trajectory.schedule.peak_after(values, measure, trajectory.learning_rate)


def _share(lane: Lane, step: int) -> float:
    """Of the peak learning rate."""
    schedule, total_epochs = _schedule(lane)
    return schedule.share(step, lane.steps, total_epochs)


def _schedule(lane: Lane) -> tuple[Schedule, int]:
    """What the shares depend on, equal for most lanes of a pack: the schedule and its total epochs."""
    return lane.trajectory.schedule, lane.trajectory.total_epochs or lane.epochs
