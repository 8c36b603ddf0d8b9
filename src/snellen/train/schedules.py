"""Learning-rate schedules: the share of the peak rate at each step."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field

from snellen.models.named import Named, one_of
from snellen.train.improvement import Measure, improves

Share = Annotated[float, Field(ge=0, le=1)]


class Schedule(Named):
    """Base of all schedules. needs_total: whether shares depend on the epochs that are asked for. follows_validation:
    whether the peak depends on the validation measure after each epoch so far."""

    needs_total: ClassVar[bool] = False
    follows_validation: ClassVar[bool] = False

    @abstractmethod
    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        """Learning rate / peak at `step`, counted from 0."""

    def peak_after(self, values: Sequence[float], measure: Measure, peak: float) -> float:
        """The peak of the next epoch, after epochs with these values of the validation measure; `peak` at first, and
        always where the schedule does not follow validation."""
        return peak


class WarmingUp(Schedule):
    """Base of those that start at the peak: `warmup_epochs` rise to it linearly first, and all else is counted from
    their end."""

    warmup_epochs: Annotated[float, Field(ge=0, le=1_000)] = 0.0

    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        warmup = round(self.warmup_epochs * steps_an_epoch)
        if step < warmup:
            return (step + 1) / warmup
        total = total_epochs * steps_an_epoch
        return self.after_warmup(step - warmup, steps_an_epoch, max(1, total - warmup))

    @abstractmethod
    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        """The share at `step` of the `total` steps that follow the warm-up; a longer run goes on after them."""


@final
class Constant(WarmingUp):
    """The peak rate throughout."""

    kind: Literal["constant"] = "constant"

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return 1.0


@final
class Cosine(WarmingUp):
    """Half a cosine from the peak to `final` times the peak (Loshchilov and Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    needs_total: ClassVar[bool] = True
    final: Share = 0.0

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return _cosine(1.0, self.final, step / total)


@final
class Linear(WarmingUp):
    """A straight line from the peak to `final` times the peak."""

    kind: Literal["linear"] = "linear"
    needs_total: ClassVar[bool] = True
    final: Share = 0.0

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return 1 + (self.final - 1) * min(step / total, 1.0)


@final
class Steps(WarmingUp):
    """`factor` times the rate before, every so many epochs: 1, factor, factor squared ..."""

    kind: Literal["step"] = "step"
    shorthand: ClassVar[str] = "every_epochs"
    every_epochs: Annotated[int, Field(ge=1, le=100_000)]
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return self.factor ** (step // (steps_an_epoch * self.every_epochs))


@final
class Exponential(WarmingUp):
    """`factor` times the rate before, over every so many epochs, evenly: 1 at first, factor after `every_epochs`."""

    kind: Literal["exponential"] = "exponential"
    shorthand: ClassVar[str] = "factor"
    factor: Annotated[float, Field(gt=0, le=1)]
    every_epochs: Annotated[float, Field(gt=0, le=100_000)] = 1.0

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return float(self.factor ** (step / (steps_an_epoch * self.every_epochs)))


@final
class Polynomial(WarmingUp):
    """A power of the steps that are left, from the peak to `final` times the peak; `linear` is the power 1."""

    kind: Literal["polynomial"] = "polynomial"
    needs_total: ClassVar[bool] = True
    shorthand: ClassVar[str] = "power"
    power: Annotated[float, Field(gt=0, le=100)]
    final: Share = 0.0

    def after_warmup(self, step: int, steps_an_epoch: int, total: int) -> float:
        return float(self.final + (1 - self.final) * (1 - min(step / total, 1.0)) ** self.power)


@final
class OneCycle(Schedule):
    """Half a cosine up from `start` times the peak during the share `rise` of all steps, then half a cosine down to
    `final` times the peak (Smith and Topin 2018, as in PyTorch's OneCycleLR); the learning rate only, not momentum."""

    kind: Literal["one_cycle"] = "one_cycle"
    needs_total: ClassVar[bool] = True
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start: Share = 0.04
    final: Share = 4e-6

    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        total = total_epochs * steps_an_epoch
        peak = self.rise * total - 1
        if step < peak:
            return _cosine(self.start, 1.0, step / peak)
        return _cosine(1.0, self.final, (step - peak) / (total - 1 - peak))


@final
class ReduceOnPlateau(Schedule):
    """`factor` times the rate before, whenever the validation measure has not improved by more than `min_delta` for
    `patience` epochs, down to `min_learning_rate`; after that, `cooldown` epochs are not counted. Keras's
    ReduceLROnPlateau with the `measure` of the training as its monitor."""

    kind: Literal["reduce_on_plateau"] = "reduce_on_plateau"
    follows_validation: ClassVar[bool] = True
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=1, le=100_000)] = 10
    min_delta: Annotated[float, Field(ge=0, le=1_000)] = 1e-4
    cooldown: Annotated[int, Field(ge=0, le=100_000)] = 0
    min_learning_rate: Annotated[float, Field(ge=0, le=10)] = 0.0

    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        return 1.0

    def peak_after(self, values: Sequence[float], measure: Measure, peak: float) -> float:
        """The source of the order of these steps: keras/src/callbacks/reduce_lr_on_plateau.py, `on_epoch_end`."""
        rate, waited, cooling, best = peak, 0, 0, None
        for value in values:
            cooling = max(0, cooling - 1)
            if best is None or improves(measure, value, best, self.min_delta):
                best, waited = value, 0
            elif not cooling:
                waited += 1
                if waited >= self.patience and rate > self.min_learning_rate:
                    rate, cooling, waited = max(rate * self.factor, self.min_learning_rate), self.cooldown, 0
        return rate


def _cosine(begin: float, end: float, progress: float) -> float:
    """From begin to end by half a cosine, and end from then on. progress: from 0 on."""
    return end + (begin - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
    "linear": Linear,
    "step": Steps,
    "exponential": Exponential,
    "polynomial": Polynomial,
    "one_cycle": OneCycle,
    "reduce_on_plateau": ReduceOnPlateau,
}

if TYPE_CHECKING:
    AnySchedule = Schedule
else:
    AnySchedule = one_of(SCHEDULES, "schedule")
