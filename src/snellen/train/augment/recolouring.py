"""Augmentations that change the values of pixels: brightness, contrast, cutout."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from pydantic import Field
from torch import Tensor

from snellen.train.augment.augmentation import ImageShape, Recolouring, Share
from snellen.train.augment.boxes import boxes, inside


@final
class Brightness(Recolouring):
    """Adds one number between -amount and amount to all pixels, black being 0 and white 1; values beyond are cut off
    (Keras's RandomBrightness)."""

    kind: Literal["brightness"] = "brightness"
    strengths: ClassVar = frozenset({"amount"})
    shorthand: ClassVar[str] = "amount"
    amount: Share

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        return generator.uniform(-self.amount, self.amount, (count, 1))

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        return (x + numbers[..., None, None]).clamp_(0, 1)


@final
class Contrast(Recolouring):
    """Multiplies the distance of each pixel to the mean of its channel by a factor between 1 - amount and 1 + amount;
    values beyond black and white are cut off (Keras's RandomContrast)."""

    kind: Literal["contrast"] = "contrast"
    strengths: ClassVar = frozenset({"amount"})
    shorthand: ClassVar[str] = "amount"
    amount: Share

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        return generator.uniform(1 - self.amount, 1 + self.amount, (count, 1))

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True).lerp(x, numbers[..., None, None]).clamp_(0, 1)


@final
class Cutout(Recolouring):
    """Covers a square of `size` pixels, whose centre is anywhere in the image, also at its edge, with `value`; black
    is 0 (DeVries and Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    strengths: ClassVar = frozenset({"size"})
    shorthand: ClassVar[str] = "size"
    size: Annotated[int, Field(ge=0, le=512)]
    value: Share = 0.0

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        return boxes(generator, np.full((count, 2), self.size), shape)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        return x.masked_fill(inside(numbers, x), self.value)
