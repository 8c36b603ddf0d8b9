"""The section `train` of a study file: one phase of training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from snellen.errors import StudyError
from snellen.models.backbones.layer import TRAIN_PATTERN
from snellen.study.key_types import ClassName, ClassWeight, Section
from snellen.study.phases import GoesOnFrom
from snellen.train.augment.registry import Augmentations
from snellen.train.improvement import Measure
from snellen.train.optimizers import AnyOptimizer
from snellen.train.schedules import AnySchedule

CLIPPINGS = ("clip_norm", "clip_parameter_norm", "clip_value")


class Train(Section):
    """How weights are updated and when training stops."""

    model_config = ConfigDict(serialize_by_alias=True)
    optimizer: AnyOptimizer = Field(default="adam", validate_default=True)
    learning_rate: Annotated[
        float | None, Field(strict=True, gt=0, le=10, description="default: Keras's for the optimizer")
    ] = None
    weight_decay: Annotated[
        float | None, Field(strict=True, ge=0, le=1, description="default: Keras's for the optimizer")
    ] = None
    schedule: AnySchedule = Field(default="constant", validate_default=True)
    epochs: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 10
    batch_size: Annotated[int, Field(strict=True, ge=1, le=65_536)] = 32
    patience: Annotated[
        int | None, Field(strict=True, ge=1, le=100_000, description="epochs without improvement to stop")
    ] = None
    min_delta: Annotated[
        float, Field(strict=True, ge=0, le=1_000, description="what patience counts as improvement is more than this")
    ] = 0.0
    start_from_epoch: Annotated[
        int, Field(strict=True, ge=0, le=100_000, description="patience counts the epochs after so many")
    ] = 0
    measure: Annotated[
        Measure, Field(description="validation measure that decides when to stop and which epoch to keep")
    ] = "loss"
    clip_norm: Annotated[
        float | None, Field(strict=True, gt=0, le=1e6, description="largest norm of all gradients together")
    ] = None
    clip_parameter_norm: Annotated[
        float | None, Field(strict=True, gt=0, le=1e6, description="largest norm of the gradient of each parameter")
    ] = None
    clip_value: Annotated[
        float | None, Field(strict=True, gt=0, le=1e6, description="largest absolute value of each gradient")
    ] = None
    l1: Annotated[
        float | None, Field(strict=True, ge=0, le=1_000, description="penalty on kernels of dense and conv layers")
    ] = None
    l2: Annotated[
        float | None, Field(strict=True, ge=0, le=1_000, description="penalty on kernels of dense and conv layers")
    ] = None
    label_smoothing: Annotated[
        float, Field(strict=True, ge=0, lt=1, description="share of the target that is spread evenly over all classes")
    ] = 0.0
    class_weights: Annotated[
        Literal["balanced"] | dict[ClassName, ClassWeight] | tuple[ClassWeight, ...] | None,
        Field(description="balanced, or a factor of the loss for each class, by name or in order"),
    ] = None
    augment: Annotated[Augmentations, Field(description="changes to training images, in the order of the list")] = ()
    unfreeze: Annotated[
        str | None,
        Field(pattern=TRAIN_PATTERN, description="`train` of the backbone in this phase"),
    ] = None
    continue_: GoesOnFrom = "kept"

    @model_validator(mode="after")
    def _fill_defaults(self) -> Train:
        """Sets the optimizer's defaults, so that a resolved study contains them."""
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", self.optimizer.default_learning_rate)
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", self.optimizer.default_weight_decay)
        return self

    @model_validator(mode="after")
    def _one_clipping(self) -> Train:
        given = [name for name in CLIPPINGS if getattr(self, name) is not None]
        if len(given) > 1:
            raise StudyError(
                f"more than one of {', '.join(CLIPPINGS)}",
                found=" and ".join(given),
                expected="one way to clip gradients",
            )
        return self

    @model_validator(mode="after")
    def _early_stopping(self) -> Train:
        """Keys that change when patience ends are refused without it."""
        if self.patience is None:
            for name in ("min_delta", "start_from_epoch"):
                if getattr(self, name):
                    raise StudyError(
                        f"`{name}` is of early stopping, but `patience` is not given, so no training stops early",
                        found=f"{name}: {getattr(self, name):g}",
                        hint=f"Add `patience`, or leave `{name}` out.",
                    )
        return self
