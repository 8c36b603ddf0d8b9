"""Augmentations that move pixels, in Keras's terms where Keras has them (ImageDataGenerator, RandomFlip)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from pydantic import BeforeValidator, Field, field_validator

from snellen.errors import StudyError
from snellen.train.augment.augmentation import Geometric, ImageShape
from snellen.train.augment.warp import Fill, Interpolation, maps

Factor = Annotated[float, Field(gt=0, le=10)]


class _Resampling(Geometric):
    """Base of augmentations that may read between pixels and beyond the edge.

    fill: beyond the edge lies the nearest pixel (ImageDataGenerator's default), or zero (black). interpolation: of
    values between pixels.
    """

    fill: Fill = "nearest"
    interpolation: Interpolation = "bilinear"

    def fills(self) -> Fill | None:
        return self.fill

    def interpolates(self) -> Interpolation | None:
        return self.interpolation

    def moves_whole_pixels(self) -> bool:
        return False


@final
class Shift(_Resampling):
    """Moves by up to `amount` times the height and, independently, the width, either way: `width_shift_range` and
    `height_shift_range` of ImageDataGenerator. With `interpolation: nearest` it moves by whole pixels."""

    kind: Literal["shift"] = "shift"
    strengths: ClassVar = frozenset({"amount"})
    shorthand: ClassVar[str] = "amount"
    amount: Annotated[float, Field(ge=0, lt=1)]

    def moves_whole_pixels(self) -> bool:
        return self.interpolation == "nearest"

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        pixels = generator.uniform(-self.amount, self.amount, (count, 2)) * shape[:2]
        down, right = (pixels.round() if self.moves_whole_pixels() else pixels).T
        return maps(count, offset=(down, right))


@final
class Flip(Geometric):
    """Mirrors half of the images left to right, or top to bottom, or half of them each way.

    anyway: allows digits and letters too, whose mirror images are other characters, or none, and classes such as left
    and right.
    """

    kind: Literal["flip"] = "flip"
    strengths: ClassVar = frozenset({"probability"})
    shorthand: ClassVar[str] = "direction"
    direction: Literal["horizontal", "vertical", "both"] = "horizontal"
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    anyway: bool = False

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        signs = np.where(generator.random((count, 2)) < self.probability, -1, 1)
        vertical = signs[:, 1] if self.direction != "horizontal" else 1
        horizontal = signs[:, 0] if self.direction != "vertical" else 1
        return maps(count, linear=(vertical, 0, 0, horizontal))


@final
class Crop(Geometric):
    """Pads with `padding` pixels of black (or of the nearest pixel) on all sides, and crops at the old size at a random
    place (He et al. 2016): a shift by whole pixels."""

    kind: Literal["crop"] = "crop"
    strengths: ClassVar = frozenset({"padding"})
    shorthand: ClassVar[str] = "padding"
    padding: Annotated[int, Field(ge=0, le=512)]
    fill: Fill = "zero"

    def fills(self) -> Fill | None:
        return self.fill

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        down, right = generator.integers(-self.padding, self.padding, (count, 2), endpoint=True).T
        return maps(count, offset=(down, right))


@final
class Rotate(_Resampling):
    """Turns about the centre by up to `degrees` either way: `rotation_range` of ImageDataGenerator.

    anyway: allows turns that make one class of another, such as a 9 of a 6.
    """

    kind: Literal["rotate"] = "rotate"
    strengths: ClassVar = frozenset({"degrees"})
    shorthand: ClassVar[str] = "degrees"
    identity_baseline: ClassVar = {"anyway": False}
    degrees: Annotated[float, Field(ge=0, le=180)]
    anyway: bool = False

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        angles = np.deg2rad(generator.uniform(-self.degrees, self.degrees, count))
        return maps(count, linear=(np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)))


def _around_one(factors: object) -> object:
    """0.1 stands for [0.9, 1.1]."""
    if isinstance(factors, int | float) and not isinstance(factors, bool):
        return 1 - factors, 1 + factors
    return factors


@final
class Scale(_Resampling):
    """Magnifies or shrinks about the centre, by a factor between the two given: 1.1 is a tenth larger.

    ImageDataGenerator's `zoom_range` counts the other way: its 0.9 is 1 / 0.9 here.
    """

    kind: Literal["scale"] = "scale"
    strengths: ClassVar = frozenset({"factors"})
    shorthand: ClassVar[str] = "factors"
    factors: Annotated[
        tuple[Factor, Factor], BeforeValidator(_around_one, json_schema_input_type=float | tuple[Factor, Factor])
    ]

    @field_validator("factors")
    @classmethod
    def _smaller_first(cls, factors: tuple[float, float]) -> tuple[float, float]:
        if factors[0] > factors[1]:
            raise StudyError("the smaller factor comes first", found=f"[{factors[0]:g}, {factors[1]:g}]")
        return factors

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        shrink = 1 / generator.uniform(*self.factors, count)
        return maps(count, linear=(shrink, 0, 0, shrink))
