"""A list of augmentations as stages: neighbours that move pixels become one map, so that images are read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from snellen.models.keys import Key
from snellen.train.augment.augmentation import Augmentation, Geometric, ImageShape, Recolouring
from snellen.train.augment.warp import Fill, Interpolation, composed, read_between, read_whole

Steps = tuple[Augmentation, ...]


@dataclass(frozen=True)
class Stage:
    """Augmentations applied at once. names: of each, such as `shift_1`, part of the address of its random numbers.
    begin: place of the first in the list. fill, interpolation: common to all that move pixels.
    """

    steps: Steps
    names: tuple[str, ...]
    begin: int
    fill: Fill = "nearest"
    interpolation: Interpolation = "bilinear"

    def draw(self, lists: Sequence[Steps], counts: Sequence[int], shape: ImageShape, key: Key) -> np.ndarray:
        """(L, n, k) numbers of an epoch. counts: images of each lane, n the most of them; other lanes end in zeros.
        lists: all augmentations of each lane, which differ from these in strength at most.
        """
        generators = [key.at(name).generators() for name in self.names]
        drawn = []
        for lane, (steps, count) in enumerate(zip(lists, counts)):
            own = steps[self.begin : self.begin + len(self.steps)]
            numbers = composed([step.draw(each[lane], count, shape) for step, each in zip(own, generators)])
            drawn.append(np.pad(numbers.astype(np.float32), ((0, max(counts) - count), (0, 0))))
        return np.stack(drawn)

    def apply(self, x: Tensor, numbers: Tensor) -> Tensor:
        """x (L, N, H, W, C) changed by `numbers` (L, N, k); for augmentations of single images."""
        first = self.steps[0]
        if isinstance(first, Recolouring):
            return first.apply(x, numbers)
        if all(step.moves_whole_pixels() for step in self.steps if isinstance(step, Geometric)):
            return read_whole(x, numbers, self.fill)
        return read_between(x, numbers, self.fill, self.interpolation)


def stages_of(steps: Steps) -> tuple[Stage, ...]:
    """The stages of a list, in its order."""
    return tuple(_stages(steps))


def _stages(steps: Steps) -> Iterator[Stage]:
    names, together = _names(steps), 0
    for end in range(1, len(steps) + 1):
        if end == len(steps) or _common_settings(steps[together : end + 1]) is None:
            fill, interpolation = _common_settings(steps[together:end]) or ("nearest", "bilinear")
            yield Stage(steps[together:end], names[together:end], together, fill, interpolation)
            together = end


def _names(steps: Steps) -> tuple[str, ...]:
    """Kinds counted from 1 in order of appearance, like layers."""
    counts: Counter[str] = Counter()
    names = []
    for step in steps:
        counts[step.name] += 1
        names.append(f"{step.name}_{counts[step.name]}")
    return tuple(names)


def _common_settings(steps: Steps) -> tuple[Fill, Interpolation] | None:
    """Fill and interpolation for all these augmentations; None where they cannot be one map."""
    moving = [step for step in steps if isinstance(step, Geometric)]
    fills = {step.fills() for step in moving} - {None}
    interpolations = {step.interpolates() for step in moving} - {None}
    if len(moving) < len(steps) or len(fills) > 1 or len(interpolations) > 1:
        return None
    return next(iter(fills), None) or "nearest", next(iter(interpolations), None) or "bilinear"
