"""A job: a trajectory, which determines the weights after every epoch, and a stop rule, which says which to keep."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from snellen.files.hashing import identity
from snellen.models.build import Network, assemble
from snellen.models.chain import Placed
from snellen.models.frozen_part import frozen_part, trained_part
from snellen.models.named import Named, identity_of
from snellen.models.parts import AnyPart
from snellen.train.augment.registry import Augmentations
from snellen.train.improvement import Measure
from snellen.train.optimizers import AnyOptimizer
from snellen.train.schedules import AnySchedule

Continues = Literal["kept", "last"]
"""What a phase goes on from: the kept weights of the one before, or its last ones with the state of its optimizer."""
ID_LENGTH = 16


class Frozen(BaseModel):
    """Plain values that never change.

    identity_baseline: for each field added after a release, the value that reproduces the earlier behaviour. A field
    with this value is left out of identities, so that old ids stay valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    identity_baseline: ClassVar[Mapping[str, Any]] = {}


class Followed(Frozen):
    """What a schedule follows that depends on validation: the measure, and the rows (as of a stop rule)."""

    measure: Measure
    validation_rows: str


class Trajectory(Frozen):
    """What determines the weights after every epoch.

    layers: all of them, with feature steps and the output layer. rows: SHA-256 of the training rows' content, labels
    and order. total_epochs: only where the schedule depends on it. start: the job of the phase before; None starts from
    initial weights. continues: from the kept weights of `start` with a new optimizer, or from its last weights with the
    state of its optimizer. class_weights: one per class, in their order. followed: only where the schedule depends on
    the validation measure.
    """

    identity_baseline: ClassVar[Mapping[str, Any]] = {
        "start": None,
        "continues": "kept",
        "clip_norm": None,
        "clip_parameter_norm": None,
        "clip_value": None,
        "label_smoothing": 0.0,
        "class_weights": None,
        "augment": (),
        "followed": None,
    }
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
    start: Job | None = None
    continues: Continues = "kept"
    clip_norm: float | None = None
    clip_parameter_norm: float | None = None
    clip_value: float | None = None
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    augment: Augmentations = ()
    followed: Followed | None = None

    @model_validator(mode="after")
    def _says_what_is_followed(self) -> Trajectory:
        if self.schedule.follows_validation != (self.followed is not None):
            raise ValueError("`followed` is given exactly where the schedule follows validation")
        return self

    @cached_property
    def network(self) -> Network:
        return assemble(self.layers, self.input_shape, self.classes)

    @cached_property
    def trained(self) -> Network:
        """What is trained: the network without what a frozen backbone gives, which is computed once."""
        return trained_part(self.network)

    @cached_property
    def frozen(self) -> tuple[Placed, ...]:
        """The layers whose outputs are the inputs of `trained`; none without a frozen backbone."""
        return frozen_part(self.network)

    @property
    def trained_range(self) -> tuple[float, float]:
        """The stored values that `trained` sees as 0 and 1."""
        return (0.0, 1.0) if self.frozen else self.pixel_range

    @cached_property
    def id(self) -> str:
        """Hash of the values, in hex."""
        return identity(_canonical(self))[:ID_LENGTH]

    @property
    def phase(self) -> int:
        """0 for the first, which starts from initial weights."""
        return 1 + self.start.trajectory.phase if self.start else 0

    @property
    def optimizer_phase(self) -> int:
        """The phase that started the optimizer. Until a later phase starts it again, steps and epochs are counted on:
        for its corrections, and for the random numbers of batches, augmentations and dropout."""
        return self.start.trajectory.optimizer_phase if self.start and self.continues == "last" else self.phase


class StopRule(Frozen):
    """How long to train and which epoch to keep: the best by `measure` on the validation rows (the first of equals); or
    the last, where all rows are trained on and there are no validation rows, or where a study does so on purpose.

    patience: epochs without improvement after which training stops; None trains all epochs. min_delta: what patience
    counts as an improvement is better by more than this. start_from_epoch: patience counts epochs after so many.
    """

    identity_baseline: ClassVar[Mapping[str, Any]] = {"keep": "best", "min_delta": 0.0, "start_from_epoch": 0}
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    patience: Annotated[int, Field(ge=1, le=100_000)] | None
    measure: Measure
    validation_rows: str
    keep: Literal["best", "last"] = "best"
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    start_from_epoch: Annotated[int, Field(ge=0)] = 0


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
    if isinstance(value, Job):
        return value.id
    if isinstance(value, Named):
        return identity_of(value)
    if isinstance(value, Frozen):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        baseline = value.identity_baseline
        return {name: _canonical(own) for name, own in fields.items() if name not in baseline or own != baseline[name]}
    return [_canonical(item) for item in value] if isinstance(value, tuple) else value


Trajectory.model_rebuild()
