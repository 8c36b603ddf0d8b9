"""The engine: trains a pack, epoch by epoch. A pack holds one lane for now; every tensor has the lane axis."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from snellen.errors import NonFiniteLoss, TrainingError
from snellen.metrics.scores import accuracy, loss
from snellen.models.build import to_tensors
from snellen.models.fit import fit
from snellen.models.forward import predict_probabilities, to_input
from snellen.models.keys import Key
from snellen.train.checkpoint import Checkpoint
from snellen.train.flat import Layout
from snellen.train.job import Job
from snellen.train.keeper import Keeper
from snellen.train.snapshot import EpochRecord, Snapshot
from snellen.train.step import Rule, training_step


@dataclass(frozen=True, eq=False)
class Material:
    """All pictures and labels of a study, resident on the device. images: (N, H, W, C) as stored; labels: (N,) int64,
    sealed (negative) for test rows."""

    images: Tensor
    labels: Tensor

    @property
    def device(self) -> str:
        """Where they are, in torch's words."""
        return str(self.images.device)


@dataclass(frozen=True, eq=False)
class Lane:
    """A job and the rows it is trained and stopped on: (n,) int64, ascending."""

    job: Job
    train_rows: np.ndarray
    validation_rows: np.ndarray


class Watcher(Protocol):
    """Is told how training goes on."""

    def stepped(self, step: int, steps: int) -> None:
        """After each of the `steps` of an epoch."""

    def trained(self, record: EpochRecord) -> None:
        """After each epoch."""


def train(lane: Lane, material: Material, checkpoint: Checkpoint, watcher: Watcher) -> Snapshot:
    """Trains until the stop rule is done, from the checkpoint when there is one; returns the last snapshot.

    Raises NonFiniteLoss. Whatever ends it early, the last whole epoch is saved first.
    """
    training = Training.prepare(lane, material)
    now = checkpoint.load(material.device) or training.start()
    try:
        while not now.keeper.done(lane.job.stop):
            now = training.epoch(now, watcher)
            watcher.trained(now.history[-1])
            checkpoint.save_when_due(now)
    except (KeyboardInterrupt, TrainingError):
        checkpoint.save(now)
        raise
    return now


@dataclass(frozen=True, eq=False)
class Stepped:
    """After the steps of an epoch: what moved, and each step's summed losses and right answers, (steps,)."""

    theta: Tensor
    state: dict[str, Tensor]
    slots: dict[str, Tensor]
    losses: Tensor
    right: Tensor


class Silent:
    """A watcher that says nothing."""

    def stepped(self, step: int, steps: int) -> None:
        """Nothing."""

    def trained(self, record: EpochRecord) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class Training:
    """What stays the same from epoch to epoch."""

    lane: Lane
    material: Material
    rule: Rule
    train_rows: Tensor
    validation_rows: Tensor
    validation_labels: np.ndarray

    @staticmethod
    def prepare(lane: Lane, material: Material) -> Training:
        """The training of a lane on these pictures."""
        trajectory, device = lane.job.trajectory, material.device
        decay = torch.full((1, 1), trajectory.weight_decay, device=device) if trajectory.weight_decay else None
        layout = Layout.of(trajectory.network.init((trajectory.seed,))[0])
        validation_rows = torch.from_numpy(lane.validation_rows).to(device)
        return Training(
            lane,
            material,
            Rule(trajectory.network, layout, trajectory.optimizer, decay),
            torch.from_numpy(lane.train_rows).to(device),
            validation_rows,
            material.labels[validation_rows].cpu().numpy(),
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """One seed a lane."""
        return (self.lane.job.trajectory.seed,)

    @property
    def steps(self) -> int:
        """Steps an epoch; the last batch may be smaller."""
        return math.ceil(len(self.train_rows) / self.lane.job.trajectory.batch_size)

    def start(self) -> Snapshot:
        """The snapshot before the first epoch, feature steps fitted to the training rows."""
        fitted = fit(
            self.rule.network,
            self.material.images[self.train_rows].cpu().numpy(),
            self.material.labels[self.train_rows].cpu().numpy(),
            self.lane.job.trajectory.pixel_range,
            self.lane.job.trajectory.seed,
        )
        return self.unfitted(to_tensors(fitted, torch.float32, self.material.device))

    def unfitted(self, fitted: Mapping[str, Tensor] | None = None) -> Snapshot:
        """The same with the state of feature steps as given, or zero."""
        parameters, state = self.rule.network.init(self.seeds, device=self.material.device)
        state |= fitted or {}
        theta = self.rule.layout.flatten(parameters)
        return Snapshot(theta, state, self.rule.optimizer.init(theta), theta, state, Keeper(), ())

    def epoch(self, now: Snapshot, watcher: Watcher) -> Snapshot:
        """One more epoch; `now` is left as it is."""
        began = time.perf_counter()
        stepped = self.step_through(now, watcher)
        self._refuse_non_finite(stepped.losses, now.epoch * self.steps)
        validation_loss, validation_accuracy = self.validate(stepped.theta, stepped.state)
        if not math.isfinite(validation_loss):
            raise self._non_finite("validation loss", validation_loss, (now.epoch + 1) * self.steps - 1)
        keeper = now.keeper.after(self.lane.job.stop, validation_loss, validation_accuracy)
        record = EpochRecord(
            epoch=keeper.epoch,
            loss=float(stepped.losses.double().sum()) / len(self.train_rows),
            accuracy=int(stepped.right.sum()) / len(self.train_rows),
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=self._rate(keeper.epoch * self.steps - 1),
            seconds=round(time.perf_counter() - began, 4),
        )
        best = (stepped.theta, stepped.state) if keeper.improved() else (now.best_theta, now.best_state)
        return Snapshot(stepped.theta, stepped.state, stepped.slots, *best, keeper, (*now.history, record))

    def step_through(self, now: Snapshot, watcher: Watcher) -> Stepped:
        """All steps of the next epoch, on copies of what `now` holds."""
        theta, state = now.theta.clone(), now.state
        slots = {name: value.clone() for name, value in now.slots.items()}
        losses, right = [], []
        for number, rows in enumerate(self._batches(now.epoch)):
            step = now.epoch * self.steps + number
            rate = torch.full((1, 1), self._rate(step), dtype=theta.dtype, device=theta.device)
            x = to_input(self.material.images[rows], self.lane.job.trajectory.pixel_range, theta.dtype)
            key = Key(self.seeds, ("step", step))
            outcome = training_step(self.rule, theta, state, slots, x, self.material.labels[rows], step + 1, rate, key)
            state = outcome.state
            losses.append(outcome.losses.sum(1))
            right.append(outcome.right.sum(1))
            watcher.stepped(number + 1, self.steps)
        return Stepped(theta, state, slots, torch.cat(losses), torch.cat(right))

    def _batches(self, epoch: int) -> list[Tensor]:
        """(1, B) rows of each step, in the order of this epoch."""
        order = torch.from_numpy(Key(self.seeds, ("order", epoch)).permutations(len(self.train_rows)))
        rows = self.train_rows[order.to(self.train_rows.device)]
        return list(rows.split(self.lane.job.trajectory.batch_size, 1))

    def _rate(self, step: int) -> float:
        trajectory = self.lane.job.trajectory
        total = trajectory.total_epochs or self.lane.job.stop.epochs
        return trajectory.learning_rate * trajectory.schedule.share(step, self.steps, total)

    def _refuse_non_finite(self, losses: Tensor, first_step: int) -> None:
        finite = torch.isfinite(losses).cpu().numpy()
        if not finite.all():
            number = int(np.argmin(finite))
            raise self._non_finite("loss", float(losses[number]), first_step + number)

    def _non_finite(self, what: str, value: float, step: int) -> NonFiniteLoss:
        epoch = step // self.steps
        return NonFiniteLoss(
            f"the {what} became {value:g} at step {step + 1} (epoch {epoch + 1}) with learning rate "
            f"{self._rate(step):g}; the last good epoch is {epoch}",
            hint="Try a smaller learning_rate.",
        )

    def validate(self, theta: Tensor, state: dict[str, Tensor]) -> tuple[float, float]:
        """Loss and accuracy on the validation rows, in evaluation mode."""
        views = self.rule.layout.views(theta)
        pixel_range = self.lane.job.trajectory.pixel_range
        probabilities = predict_probabilities(
            self.rule.network, views, state, self.material.images, pixel_range, self.validation_rows
        )
        return loss(self.validation_labels, probabilities), accuracy(self.validation_labels, probabilities)
