"""The engine: trains a pack of lanes, epoch by epoch, as one batched program."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from snellen.errors import NonFiniteLoss
from snellen.metrics.scores import accuracy, loss
from snellen.models.build import Network
from snellen.models.forward import input_of, predict_probabilities
from snellen.models.keys import Key
from snellen.train.augment.epoch import EpochAugmentation
from snellen.train.backend.cuda_graphs import Graphs
from snellen.train.backend.layer_table import KERNELS, TORCH, Compiled, ways_for
from snellen.train.backend.thread_team import ThreadTeam
from snellen.train.checkpoint import Checkpoint
from snellen.train.lane import Lane
from snellen.train.layout import Layout
from snellen.train.metric_accumulator import MetricAccumulator
from snellen.train.out_of_memory import is_out_of_memory
from snellen.train.schedules import Schedule
from snellen.train.snapshot import EpochRecord, Kept, Progress, Snapshot, Values, Weights
from snellen.train.state import Eager, Given, Moving, Pace
from snellen.train.step import Mixed, Rule, Workspace


@dataclass(frozen=True, eq=False)
class ResidentData:
    """All pictures and labels of a study, resident on the device. images: (N, H, W, C) as stored; labels: (N,) int64,
    sealed (negative) for test rows."""

    images: Tensor
    labels: Tensor

    @property
    def device(self) -> str:
        """Where they are, in torch's words."""
        return str(self.images.device)


class Watcher(Protocol):
    """Is told how training goes on."""

    def stepped(self, step: int, steps: int) -> None:
        """After each of the `steps` of an epoch."""

    def trained(self, place: int, record: EpochRecord) -> None:
        """After each epoch of the lane in this place of the pack."""


class Silent:
    """A watcher that says nothing."""

    def stepped(self, step: int, steps: int) -> None:
        """Nothing."""

    def trained(self, place: int, record: EpochRecord) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class OfSome:
    """Tells a watcher of a pack about some of its lanes, which are trained as a pack. places: theirs in the pack."""

    watcher: Watcher
    places: Sequence[int]

    def stepped(self, step: int, steps: int) -> None:
        """As it is."""
        self.watcher.stepped(step, steps)

    def trained(self, place: int, record: EpochRecord) -> None:
        """Of the place in the whole pack."""
        self.watcher.trained(self.places[place], record)


def train(
    lanes: Sequence[Lane],
    material: ResidentData,
    start: Snapshot,
    checkpoint: Checkpoint,
    watcher: Watcher,
    until: int | None = None,
    parts: int = 1,
    way: str | None = None,
    graphs: Graphs | None = None,
) -> Snapshot:
    """Trains from `start` until every lane is done, or has trained `until` epochs; returns the last snapshot.

    parts: of each batch, computed by a thread each; the bits depend on their number. way: by the kernels or by torch,
    None for the usual one of the two; kernels that are not here, or not for these lanes, are torch. graphs: whether
    steps are captured on a GPU, None where they can be. A lane whose loss is no longer a number fails alone. Where the
    user or a lack of memory ends training early, the last whole epoch is saved.
    """
    training, now = Training.prepare(lanes, material, parts, way, graphs), start
    try:
        while now.alive and (until is None or now.epoch < until):
            now = training.epoch(now, watcher)
            checkpoint.save_when_due(now)
    except (KeyboardInterrupt, RuntimeError, MemoryError) as error:
        if isinstance(error, KeyboardInterrupt) or is_out_of_memory(error):
            checkpoint.save(now)
        raise
    return now


CHANGED_AT_ONCE = 256
"""Pictures that are augmented together, whole batches of them: at batch 32 half the time of one batch after another."""
READ_AT_ONCE = 2**18
"""Numbers that are made of stored pixels together where nothing is augmented: what a core's own cache holds."""
READ_AT_ONCE_ELSEWHERE = 2**24
"""The same off the CPU, augmented or not: 64 MB, so that few operations are launched. Not measured."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step sees. rows, labels, weights: (A, B); x: (A, B, H, W, C), augmented; mixed: its second labels.

    weights: 0 for a row that only fills the batch up; None where all count.
    """

    rows: Tensor
    x: Tensor
    labels: Tensor
    weights: Tensor | None
    mixed: Mixed | None


@dataclass(frozen=True, eq=False)
class Stepped:
    """After the steps of an epoch: what moved; summed losses and right answers of each step, (A, steps), where the host
    can read them."""

    theta: Tensor
    state: Values
    slots: Values
    losses: Tensor
    right: Tensor


@dataclass(frozen=True, eq=False)
class Training:
    """What stays the same from epoch to epoch. graphs: the steps as they have been captured."""

    lanes: tuple[Lane, ...]
    material: ResidentData
    layout: Layout
    train_rows: tuple[Tensor, ...]
    validation_rows: tuple[Tensor, ...]
    validation_labels: tuple[np.ndarray, ...]
    parts: int = 1
    way: str = TORCH
    graphs: Graphs = field(default_factory=lambda: Graphs(None))

    @staticmethod
    def prepare(
        lanes: Sequence[Lane],
        material: ResidentData,
        parts: int = 1,
        way: str | None = None,
        graphs: Graphs | None = None,
    ) -> Training:
        """The training of a pack on these pictures, each batch in so many parts; as `train` has it."""
        ways = ways_for(lanes[0].trajectory, material.device)
        validation = tuple(torch.from_numpy(lane.rows["validation"]).to(material.device) for lane in lanes)
        return Training(
            tuple(lanes),
            material,
            Layout.of(lanes[0].trajectory.network.init((0,))[0]),
            tuple(torch.from_numpy(lane.rows["train"]).to(material.device) for lane in lanes),
            validation,
            tuple(material.labels[rows].cpu().numpy() for rows in validation),
            parts,
            way if way in ways else ways[0] if way is None else TORCH,
            graphs or Graphs.on(material.device),
        )

    @property
    def steps(self) -> int:
        """Steps an epoch, of every lane."""
        return self.lanes[0].steps

    def epoch(self, now: Snapshot, watcher: Watcher) -> Snapshot:
        """One more epoch of the lanes alive; those that are done or have failed leave. `now` is left as it is."""
        began = time.perf_counter()
        stepped = self.step_through(now, watcher)
        outcomes = [self._outcome(now, stepped, number) for number in range(len(now.alive))]
        seconds = round((time.perf_counter() - began) / len(now.alive), 4)
        lanes, gone = list(now.lanes), []
        for number, (place, outcome) in enumerate(zip(now.alive, outcomes)):
            if isinstance(outcome, str):
                lanes[place] = Progress(now.lanes[place].kept, now.lanes[place].history, outcome)
            else:
                record = EpochRecord(**{**outcome, "seconds": seconds})
                lanes[place] = self._progress(now.lanes[place], place, record, stepped, number)
                watcher.trained(place, record)
            if lanes[place].failure or self._done(place, lanes[place]):
                gone.append(place)
        after = Snapshot(now.epoch + 1, now.alive, stepped.theta, stepped.state, stepped.slots, tuple(lanes))
        return after.without(gone)

    def step_through(self, now: Snapshot, watcher: Watcher) -> Stepped:
        """All steps of the next epoch, on copies of what `now` holds."""
        dtype, rates = now.theta.dtype, self._rates(now.alive, now.epoch, now.theta)
        tally = MetricAccumulator(self.lanes[0].trajectory.batch_size)
        with ThreadTeam(self.parts) as team:
            pace = self._pace(now, team)
            for number, batch in enumerate(self.batches(now.alive, now.epoch, dtype)):
                step = now.epoch * self.steps + number
                key = self._key(now.alive, "step", step)
                given = Given(batch.x, batch.labels, step + 1, rates[number], key, batch.weights, batch.mixed)
                tally.add(pace.take(given))
                watcher.stepped(number + 1, self.steps)
        after = pace.reached()
        return Stepped(after.theta, after.state, after.slots, *(sums.cpu() for sums in tally.sums()))

    def _pace(self, now: Snapshot, team: ThreadTeam) -> Pace:
        """Repeats a captured step where that can be done."""
        rule, moving = self._rule(now.alive, now.theta.dtype), Moving.of(now)
        compiled = self._compiled(rule.network, moving.theta)
        plain = Eager(rule, moving, Workspace.of(self.layout, moving.theta, team, compiled))
        return self.graphs.pace(now.alive, rule, moving) or plain

    def _compiled(self, network: Network, theta: Tensor) -> Compiled | None:
        """For the kernels, which compute in float32."""
        usable = self.way == KERNELS and theta.dtype == torch.float32
        return Compiled.of(network, len(theta)) if usable else None

    def _rule(self, alive: Sequence[int], dtype: torch.dtype) -> Rule:
        return Rule.of([self.lanes[place].trajectory for place in alive], self.layout, self.material.device, dtype)

    def batches(self, alive: Sequence[int], epoch: int, dtype: torch.dtype) -> Iterator[Batch]:
        """What the network sees in an epoch, step by step."""
        augmentation, steps = self._augmentation(alive, epoch), self._batches(alive, epoch)
        trajectory = self.lanes[0].trajectory
        pairs = augmentation.partners([len(self.train_rows[place]) for place in alive], trajectory.batch_size)
        partners = [None] * len(steps) if pairs is None else pairs.split(trajectory.batch_size, 1)
        at_once = self._batches_at_once(len(alive))
        for first in range(0, len(steps), at_once):
            some = steps[first : first + at_once]
            rows = torch.cat([rows for rows, _ in some], 1)
            seen = augmentation.change(input_of(self.material.images, rows, trajectory.pixel_range, dtype), rows)
            parts = zip(
                seen.split(trajectory.batch_size, 1), self.material.labels[rows].split(trajectory.batch_size, 1)
            )
            for number, ((rows, weights), (part, labels)) in enumerate(zip(some, parts), first):
                x, mixed = augmentation.mix(part.contiguous(), labels, rows, partners[number])
                yield Batch(rows, x, labels, weights, mixed)

    def _batches_at_once(self, lanes: int) -> int:
        """So many batches are made together."""
        trajectory = self.lanes[0].trajectory
        numbers = lanes * trajectory.batch_size * math.prod(trajectory.input_shape)
        if self.material.images.device.type != "cpu":
            return max(1, READ_AT_ONCE_ELSEWHERE // numbers)
        return max(1, CHANGED_AT_ONCE // trajectory.batch_size if trajectory.augment else READ_AT_ONCE // numbers)

    def _augmentation(self, alive: Sequence[int], epoch: int) -> EpochAugmentation:
        trajectories = [self.lanes[place].trajectory for place in alive]
        rows, key = [self.train_rows[place] for place in alive], self._key(alive, "augment", epoch)
        return EpochAugmentation.draw([each.augment for each in trajectories], rows, trajectories[0].input_shape, key)

    def _key(self, alive: Sequence[int], *path: str | int) -> Key:
        """The address of this phase's randomness; the first phase has the short form."""
        phase = self.lanes[0].trajectory.phase
        seeds = tuple(self.lanes[place].trajectory.seed for place in alive)
        return Key(seeds, ("phase", phase, *path) if phase else path)

    def _batches(self, alive: Sequence[int], epoch: int) -> list[tuple[Tensor, Tensor | None]]:
        """(A, B) rows of each step, each lane in its own order of this epoch; with weights (A, B), 0 for a filler, in
        the last batch where lanes have different numbers of rows."""
        ordered = [self._ordered(place, epoch) for place in alive]
        most = max(len(rows) for rows in ordered)
        filled = torch.stack([torch.cat([rows, rows[:1].expand(most - len(rows))]) for rows in ordered])
        filled = filled.to(self.material.device)  # all lanes and steps at once: each copy is waited for
        batches = filled.split(self.lanes[0].trajectory.batch_size, 1)
        counts = torch.tensor([[len(rows)] for rows in ordered])
        weights = None if bool((counts == most).all()) else (torch.arange(most) < counts).to(filled.device)
        last = None if weights is None else weights[:, most - batches[-1].shape[1] :].to(torch.float32)
        return [(rows, last if number == len(batches) - 1 else None) for number, rows in enumerate(batches)]

    def _ordered(self, place: int, epoch: int) -> Tensor:
        """(n,) training rows of a lane, still on the host."""
        rows = torch.from_numpy(self.lanes[place].rows["train"])
        return rows[torch.from_numpy(self._key((place,), "order", epoch).permutations(len(rows))[0])]

    def _rates(self, alive: Sequence[int], epoch: int, like: Tensor) -> Tensor:
        """(steps, A, 1) learning rates of an epoch."""
        steps = range(epoch * self.steps, (epoch + 1) * self.steps)
        lanes = [self.lanes[place] for place in alive]
        one_of_each = {_scheduled(lane): lane for lane in lanes}
        shares = {key: np.array([_share(lane, step) for step in steps]) for key, lane in one_of_each.items()}
        rates = np.stack([lane.trajectory.learning_rate * shares[_scheduled(lane)] for lane in lanes], 1)
        return torch.from_numpy(rates[..., None]).to(like.dtype).to(like.device)

    def _rate(self, place: int, step: int) -> float:
        return self.lanes[place].trajectory.learning_rate * _share(self.lanes[place], step)

    def _outcome(self, now: Snapshot, stepped: Stepped, number: int) -> EpochRecord | str:
        """The record of the epoch of one lane, without its seconds, or the reason why it failed."""
        place, count = now.alive[number], len(self.train_rows[now.alive[number]])
        finite = torch.isfinite(stepped.losses[number]).numpy()
        if not finite.all():
            first = int(np.argmin(finite))
            return self._non_finite(place, "loss", float(stepped.losses[number, first]), now.epoch * self.steps + first)
        theta, state = _values(stepped, number)
        validation_loss, validation_accuracy = self.validate(place, theta, state)
        last_step = (now.epoch + 1) * self.steps - 1
        if validation_loss is not None and not math.isfinite(validation_loss):
            return self._non_finite(place, "validation loss", validation_loss, last_step)
        return EpochRecord(
            epoch=now.epoch + 1,
            loss=float(stepped.losses[number].double().sum()) / count,
            accuracy=int(stepped.right[number].sum()) / count,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=self._rate(place, last_step),
            seconds=0.0,
        )

    def _non_finite(self, place: int, what: str, value: float, step: int) -> str:
        epoch = step // self.steps
        error = NonFiniteLoss(
            f"the {what} became {value:g} at step {step + 1} (epoch {epoch + 1}) with learning rate "
            f"{self._rate(place, step):g}; the last good epoch is {epoch}",
            hint="Try a smaller learning_rate.",
        )
        return str(error)

    def _progress(self, before: Progress, place: int, record: EpochRecord, stepped: Stepped, number: int) -> Progress:
        kept = []
        for job, old in zip(self.lanes[place].jobs, before.kept):
            if old.keeper.done(job.stop):
                kept.append(old)
                continue
            keeper = old.keeper.after(job.stop, record["validation_loss"], record["validation_accuracy"])
            theta, state = _values(stepped, number) if keeper.improved() else (old.theta, old.state)
            ends_later = keeper.done(job.stop) and not keeper.improved()
            last = Weights(*_values(stepped, number)) if ends_later else None
            kept.append(Kept(keeper, theta, state, last))
        return Progress(tuple(kept), (*before.history, record))

    def _done(self, place: int, progress: Progress) -> bool:
        return all(kept.keeper.done(job.stop) for job, kept in zip(self.lanes[place].jobs, progress.kept))

    def validate(self, place: int, theta: Tensor, state: Values) -> tuple[float | None, float | None]:
        """Loss and accuracy of theta (1, P) on the lane's validation rows, in evaluation mode; None without rows."""
        trajectory, rows = self.lanes[place].trajectory, self.validation_rows[place]
        if not len(rows):
            return None, None
        views, images = self.layout.views(theta), self.material.images
        probabilities = predict_probabilities(trajectory.network, views, state, images, trajectory.pixel_range, rows)
        labels = self.validation_labels[place]
        return loss(labels, probabilities), accuracy(labels, probabilities)


def _scheduled(lane: Lane) -> tuple[Schedule, int]:
    """What all shares of the learning rate depend on: hundreds of lanes may have one schedule."""
    return lane.trajectory.schedule, lane.trajectory.total_epochs or lane.epochs


def _share(lane: Lane, step: int) -> float:
    schedule, total = _scheduled(lane)
    return schedule.share(step, lane.steps, total)


def _values(stepped: Stepped, number: int) -> tuple[Tensor, Values]:
    """Parameters (1, P) and state of one lane, copied: what it keeps must not hold the whole pack."""
    own = slice(number, number + 1)
    return stepped.theta[own].clone(), {name: value[own].clone() for name, value in stepped.state.items()}
