"""What an augmentation is: numbers that say all that is done to each picture, and a function that does it to a batch.

The numbers of an epoch are drawn for all n training pictures of a lane at once, from the address (seed, epoch, name in
the list); row r of them belongs to the r-th training row. So what happens to a picture does not depend on its batch, on
the other lanes or on a resume. The strength is in the numbers: lanes of one pack may differ in it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor

from snellen.models.named import Named
from snellen.train.augment.warp import Fill, Interpolation

PictureShape = tuple[int, int, int]
Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Named):
    """Base of all augmentations. Pictures are (L, N, H, W, C), black 0 and white 1."""

    @abstractmethod
    def draw(self, generator: np.random.Generator, count: int, shape: PictureShape) -> np.ndarray:
        """(count, k): what is done to each of `count` pictures of `shape` (H, W, C)."""


class Geometric(Augmentation):
    """Moves pixels. `draw` gives maps (count, 6), see warp.py. Neighbours in the list become one map, read once."""

    def fills(self) -> Fill | None:
        """What lies beyond the edge; None where nothing beyond is read."""
        return None

    def interpolates(self) -> Interpolation | None:
        """How values between pixels are made; None where none is read."""
        return None

    def moves_whole_pixels(self) -> bool:
        """Whether no pixel is ever read between others."""
        return True


class Recolouring(Augmentation):
    """Changes values of pixels where they stand."""

    @abstractmethod
    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x (L, N, H, W, C) as `numbers` (L, N, k) say, in [0, 1]."""


class Mixing(Augmentation):
    """Makes one picture of two; its loss is the mean of the losses for both labels, weighted by their shares.

    alpha: shares are drawn from Beta(alpha, alpha): 1 is uniform, near 0 leaves almost all pictures as they are, and
    0 leaves all. probability: that a picture is mixed at all.
    """

    alpha: Annotated[float, Field(ge=0, le=100)]
    probability: Share = 1.0

    @abstractmethod
    def mix(self, x: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Of x and partners (L, N, H, W, C): the mixed pictures, and the share (L, N) that x has in each."""

    def shares(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """(count,) shares of the first picture."""
        mixed = generator.random(count) < self.probability
        return np.where(mixed, generator.beta(self.alpha, self.alpha, count), 1.0) if self.alpha else np.ones(count)
