"""Augmentations that make one image of two, with both labels: mixup and cutmix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
from torch import Tensor

from snellen.train.augment.augmentation import ImageShape, Mixing
from snellen.train.augment.boxes import areas, boxes, inside


@dataclass(frozen=True, eq=False)
class Mixed:
    """The second labels of images that are made of two. labels: (L, N); share: (L, N) of the first image."""

    labels: Tensor
    share: Tensor


@final
class Mixup(Mixing):
    """The weighted mean of two images (Zhang et al. 2018); each has a weight of its own, as in Keras's MixUp."""

    kind: Literal["mixup"] = "mixup"
    shorthand: ClassVar[str] = "alpha"

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        return self.shares(generator, count)[:, None]

    def mix(self, x: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return partners.lerp(x, numbers[..., None, None]), numbers.squeeze(-1)


@final
class Cutmix(Mixing):
    """A rectangle of one image is put into the other (Yun et al. 2019). Shares are those of the visible area, so they
    are right where the rectangle is cut at the edge too."""

    kind: Literal["cutmix"] = "cutmix"
    shorthand: ClassVar[str] = "alpha"

    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        sides = np.sqrt(1 - self.shares(generator, count))[:, None] * shape[:2]
        return boxes(generator, sides.astype(int), shape)

    def mix(self, x: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return partners.where(inside(numbers, x), x), 1 - areas(numbers) / math.prod(x.shape[2:4])
