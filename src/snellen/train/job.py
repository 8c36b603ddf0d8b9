"""A job: a trajectory, which determines the weights after every epoch, and a stop rule, which says what to keep."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from snellen.files.hashing import identity
from snellen.models.build import Network, assemble
from snellen.models.features import AnyPart
from snellen.models.named import Named, identity_of
from snellen.train.optimizers import AnyOptimizer
from snellen.train.schedules import AnySchedule

Measure = Literal["loss", "accuracy"]
ID_LENGTH = 16


class Frozen(BaseModel):
    """Plain values that never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Trajectory(Frozen):
    """What determines the weights after every epoch.

    layers: complete, feature steps and the output layer included. rows: SHA-256 of the training rows' content, labels
    and order. total_epochs: only where the schedule depends on it.
    """

    layers: tuple[AnyPart, ...]
    input_shape: tuple[int, int, int]
    classes: int
    pixel_range: tuple[float, float]
    optimizer: AnyOptimizer
    learning_rate: float
    weight_decay: float
    schedule: AnySchedule
    batch_size: int
    seed: int
    rows: str
    total_epochs: int | None

    @cached_property
    def network(self) -> Network:
        return assemble(self.layers, self.input_shape, self.classes)


class StopRule(Frozen):
    """How far to go and which epoch to keep: the best by `measure` on the validation rows, the first of equals.

    patience: epochs without improvement after which training stops; None trains all epochs.
    """

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    patience: Annotated[int, Field(ge=1, le=100_000)] | None
    measure: Measure
    validation_rows: str


class Job(Frozen):
    """One training run to be made: plain values, without row numbers, test rows or display names."""

    trajectory: Trajectory
    stop: StopRule

    @cached_property
    def id(self) -> str:
        """Hash of the resolved values, in hex; equal jobs have equal ids on every machine."""
        return identity(self.identity())[:ID_LENGTH]

    def identity(self) -> dict[str, Any]:
        """The canonical values behind the id."""
        return {"trajectory": _canonical(self.trajectory), "stop": _canonical(self.stop)}


def _canonical(value: Any) -> Any:
    if isinstance(value, Named):
        return identity_of(value)
    if isinstance(value, Frozen):
        return {name: _canonical(getattr(value, name)) for name in type(value).model_fields}
    return [_canonical(item) for item in value] if isinstance(value, tuple) else value
