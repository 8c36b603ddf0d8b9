"""What an augmentation is: random numbers for each image, and a function that changes a batch by its numbers.

The numbers of an epoch are drawn for all n training images of a lane at once, from the address (seed, epoch, name in
the list); row r belongs to the r-th training row. So what happens to an image does not depend on its batch, on other
lanes or on a resumed training.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor

from snellen.models.named import Named
from snellen.train.augment.warp import Fill, Interpolation

ImageShape = tuple[int, int, int]
Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Named):
    """Base of all augmentations. Images are (L, N, H, W, C), black 0 and white 1.

    strengths: the arguments that change nothing but the numbers that are drawn; lanes of one pack may differ in them.
    """

    strengths: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def draw(self, generator: np.random.Generator, count: int, shape: ImageShape) -> np.ndarray:
        """(count, k) numbers, one row for each of `count` images of `shape` (H, W, C)."""


class Geometric(Augmentation):
    """Moves pixels. `draw` gives affine maps (count, 6), see warp.py. Neighbours in a list are combined to one map."""

    def fills(self) -> Fill | None:
        """What lies beyond the edge; None where nothing beyond the edge is read."""
        return None

    def interpolates(self) -> Interpolation | None:
        """How values between pixels are computed; None where none is read."""
        return None

    def moves_whole_pixels(self) -> bool:
        """Whether values are read at pixels only, never between them."""
        return True


class Recolouring(Augmentation):
    """Changes values of pixels where they stand."""

    @abstractmethod
    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x (L, N, H, W, C) changed by `numbers` (L, N, k), in [0, 1]."""


class Mixing(Augmentation):
    """Makes one image of two; its loss is the mean of the losses for both labels, weighted by their shares.

    alpha: shares are drawn from Beta(alpha, alpha): 1 is uniform, near 0 hardly changes most images, and 0 changes
    none. probability: that an image is mixed at all.
    """

    strengths: ClassVar = frozenset({"alpha", "probability"})
    alpha: Annotated[float, Field(ge=0, le=100)]
    probability: Share = 1.0

    @abstractmethod
    def mix(self, x: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The mixed images of x and partners (L, N, H, W, C), and the share (L, N) that x has in each."""

    def shares(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """(count,) shares of the first image."""
        mixed = generator.random(count) < self.probability
        return np.where(mixed, generator.beta(self.alpha, self.alpha, count), 1.0) if self.alpha else np.ones(count)
