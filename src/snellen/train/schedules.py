"""Learning-rate schedules: the share of the peak rate at each step."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field

from snellen.models.named import Named, one_of


class Schedule(Named):
    """Base of all schedules. `warmup_epochs` rise linearly to the peak first."""

    needs_total: ClassVar[bool] = False
    warmup_epochs: Annotated[float, Field(ge=0, le=1_000)] = 0.0

    def share(self, step: int, steps_an_epoch: int, total_epochs: int) -> float:
        """Learning rate / peak at `step`, counted from 0."""
        warmup = round(self.warmup_epochs * steps_an_epoch)
        if step < warmup:
            return (step + 1) / warmup
        total = total_epochs * steps_an_epoch
        return self.after_warmup((step - warmup) / max(1, total - warmup))

    @abstractmethod
    def after_warmup(self, progress: float) -> float:
        """The share at `progress` in [0, 1) of the steps that follow the warm-up."""


@final
class Constant(Schedule):
    """The peak rate throughout."""

    kind: Literal["constant"] = "constant"

    def after_warmup(self, progress: float) -> float:
        return 1.0


@final
class Cosine(Schedule):
    """Half a cosine from the peak to `final` times the peak (Loshchilov and Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    needs_total: ClassVar[bool] = True
    final: Annotated[float, Field(ge=0, le=1)] = 0.0

    def after_warmup(self, progress: float) -> float:
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


SCHEDULES: dict[str, type[Schedule]] = {"constant": Constant, "cosine": Cosine}

if TYPE_CHECKING:
    AnySchedule = Schedule
else:
    AnySchedule = one_of(SCHEDULES, "schedule")
