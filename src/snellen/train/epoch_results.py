"""What an epoch leaves of each lane: its record, validated, or why it failed; and what its jobs keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from snellen.errors import NonFiniteLoss
from snellen.metrics.scores import accuracy, loss
from snellen.models.forward import predict_probabilities
from snellen.train.batches import ResidentData, learning_rate
from snellen.train.job import Job
from snellen.train.kept_epoch import Kept, Weights
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.snapshot import EpochRecord, Progress, Values
from snellen.train.step import TrainState


@dataclass(frozen=True, eq=False)
class TrainedEpoch:
    """The state after the steps of an epoch, and the summed losses and right answers of each step, (A, steps), on the
    host. epoch: counted from 1; alive: places in the pack of the A lanes. margins: (n,) of each of these lanes, of its
    training rows; None where they are not recorded."""

    epoch: int
    alive: tuple[int, ...]
    state: TrainState
    losses: Tensor
    right: Tensor
    margins: tuple[Tensor, ...] | None = None

    def slots_of(self, place: int) -> Values:
        """Those of the optimizer of one lane, (1, P) each, copied."""
        own = slice(self.alive.index(place), self.alive.index(place) + 1)
        return {name: value[own].clone() for name, value in self.state.slots.items()}

    def weights_of(self, place: int) -> Weights:
        """Parameters (1, P) and state of one lane, copied: what it keeps must not keep the whole pack in memory."""
        own = slice(self.alive.index(place), self.alive.index(place) + 1)
        return Weights(self.state.theta[own].clone(), {name: v[own].clone() for name, v in self.state.layers.items()})


@dataclass(frozen=True, eq=False)
class Validation:
    """Validates lanes. rows: of each lane, on the device; labels: of these rows, on the host."""

    data: ResidentData
    layout: Layout
    rows: tuple[Tensor, ...]
    labels: tuple[np.ndarray, ...]

    @staticmethod
    def of(lanes: Sequence[Lane], data: ResidentData, layout: Layout) -> Validation:
        """On the validation rows of each lane of a pack."""
        rows = tuple(torch.from_numpy(lane.rows["validation"]).to(data.device) for lane in lanes)
        return Validation(data, layout, rows, tuple(data.labels[each].cpu().numpy() for each in rows))

    def scores(self, lane: Lane, place: int, theta: Tensor, state: Values) -> tuple[float | None, float | None]:
        """Loss and accuracy of theta (1, P) in evaluation mode; None without rows."""
        trajectory, rows, labels = lane.trajectory, self.rows[place], self.labels[place]
        if not len(rows):
            return None, None
        parameters, images = self.layout.views(theta), self.data.images
        network, pixel_range = trajectory.trained, trajectory.trained_range
        probabilities = predict_probabilities(network, parameters, state, images, pixel_range, self.data.at(rows))
        return loss(labels, probabilities), accuracy(labels, probabilities)


def epoch_record(
    lane: Lane, place: int, trained: TrainedEpoch, validation: Validation, history: Sequence[EpochRecord]
) -> EpochRecord | str:
    """The record of one lane, its seconds still 0, or the reason why the lane failed. history: the epochs before."""
    number, count = trained.alive.index(place), len(lane.rows["train"])
    losses, last_step = trained.losses[number], trained.epoch * lane.steps - 1
    finite = torch.isfinite(losses).numpy()
    if not finite.all():
        first = int(np.argmin(finite))
        return _non_finite(lane, "loss", float(losses[first]), last_step + 1 - lane.steps + first, history)
    weights = trained.weights_of(place)
    validation_loss, validation_accuracy = validation.scores(lane, place, weights.theta, weights.state)
    if validation_loss is not None and not math.isfinite(validation_loss):
        return _non_finite(lane, "validation loss", validation_loss, last_step, history)
    return EpochRecord(
        epoch=trained.epoch,
        loss=float(losses.double().sum()) / count,
        accuracy=int(trained.right[number].sum()) / count,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=learning_rate(lane, last_step, history),
        seconds=0.0,
    )


def _non_finite(lane: Lane, what: str, value: float, step: int, history: Sequence[EpochRecord]) -> str:
    epoch = step // lane.steps
    error = NonFiniteLoss(
        f"the {what} became {value:g} at step {step + 1} (epoch {epoch + 1}) with learning rate "
        f"{learning_rate(lane, step, history):g}; the last good epoch is {epoch}",
        hint="Try a smaller learning_rate.",
    )
    return str(error)


def progress_after(before: Progress, lane: Lane, place: int, record: EpochRecord, trained: TrainedEpoch) -> Progress:
    """The progress of one lane, with what each of its jobs keeps after this epoch."""
    weights = partial(trained.weights_of, place)
    scores = record["validation_loss"], record["validation_accuracy"]
    kept = list[Kept]()
    for job, old in zip(lane.jobs, before.kept):
        new = old.after(job.stop, *scores, weights)
        ends = job.id in lane.continued and new.stopping.done(job.stop) and not old.stopping.done(job.stop)
        slots = trained.slots_of(place) if ends else old.slots
        kept.append(replace(new, margins=_margin_sums(old, job, place, trained), slots=slots))
    return Progress(tuple(kept), (*before.history, record))


def _margin_sums(before: Kept, job: Job, place: int, trained: TrainedEpoch) -> Tensor | None:
    """(n,) sums over the epochs of a job; None where any of them was trained without."""
    if before.stopping.done(job.stop):
        return before.margins
    if trained.margins is None or (before.margins is None and before.stopping.epoch):
        return None
    own = trained.margins[trained.alive.index(place)]
    return own if before.margins is None else before.margins + own


def is_done(lane: Lane, progress: Progress) -> bool:
    """Whether no job of the lane needs another epoch."""
    return all(kept.stopping.done(job.stop) for job, kept in zip(lane.jobs, progress.kept))
