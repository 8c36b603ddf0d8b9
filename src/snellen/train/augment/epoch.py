"""The augmentation of one epoch of a pack: all numbers are drawn at once, then applied batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snellen.models.keys import Key
from snellen.train.augment.augmentation import Augmentation, ImageShape, Mixing
from snellen.train.augment.mixing import Mixed
from snellen.train.augment.stages import Stage, stages_of


@dataclass(frozen=True, eq=False)
class EpochAugmentation:
    """stages: each with the numbers (L, n, k) of all training rows. train_rows: (n,) of each lane, ascending. key: of
    the random numbers of the epoch."""

    stages: tuple[tuple[Stage, Tensor], ...]
    train_rows: tuple[Tensor, ...]
    key: Key

    @staticmethod
    def draw(
        lists: Sequence[tuple[Augmentation, ...]], train_rows: Sequence[Tensor], shape: ImageShape, key: Key
    ) -> EpochAugmentation:
        """lists: the augmentations of each lane, which may differ in strength, not in kind."""
        counts, device = [len(rows) for rows in train_rows], train_rows[0].device
        drawn = [(stage, torch.from_numpy(stage.draw(lists, counts, shape, key))) for stage in stages_of(lists[0])]
        return EpochAugmentation(tuple((stage, numbers.to(device)) for stage, numbers in drawn), tuple(train_rows), key)

    def change(self, x: Tensor, rows: Tensor) -> Tensor:
        """Images x (L, N, H, W, C) of `rows` (L, N) after all augmentations that change single images."""
        for stage, drawn in self.stages:
            if not isinstance(stage.steps[0], Mixing):
                x = stage.apply(x, self._numbers(drawn, rows, x))
        return x

    def mix(self, x: Tensor, labels: Tensor, rows: Tensor, partners: Tensor | None) -> tuple[Tensor, Mixed | None]:
        """The images of one batch after the last augmentation, where that mixes images, and their second labels.

        partners: (L, N) places in the batch, None where nothing is mixed.
        """
        step = self._mixing()
        if step is None or partners is None:
            return x, None
        lanes = torch.arange(len(x), device=x.device)[:, None]
        x, share = step.mix(x, x[lanes, partners], self._numbers(self.stages[-1][1], rows, x))
        return x, Mixed(labels.take_along_dim(partners, 1), share)

    def partners(self, counts: Sequence[int], batch_size: int) -> Tensor | None:
        """(L, n) for all batches: the place in its batch of each row's partner, which may be the row itself; None where
        nothing is mixed. counts: rows of each lane, n the most of them; rows that only pad a batch are their own
        partners and nobody else's. All batches together: a GPU waits for each copy.
        """
        if self._mixing() is None:
            return None
        found = torch.arange(max(counts)).remainder(batch_size).repeat(len(counts), 1)
        for number, places in enumerate(found.split(batch_size, 1)):
            generators = self.key.at("partners", number).generators()
            for own, generator, count in zip(places, generators, counts):
                left = min(count - number * batch_size, batch_size)
                own[:left] = torch.from_numpy(generator.permutation(left))
        return found.to(self.train_rows[0].device)

    def _mixing(self) -> Mixing | None:
        """The augmentation that mixes images: the last of the list, or none."""
        last = self.stages[-1][0].steps[0] if self.stages else None
        return last if isinstance(last, Mixing) else None

    def _numbers(self, drawn: Tensor, rows: Tensor, like: Tensor) -> Tensor:
        """(L, N, k) for `rows`, which are looked up among the training rows of their lane."""
        places = torch.stack([torch.searchsorted(own, each) for own, each in zip(self.train_rows, rows.contiguous())])
        return drawn.take_along_dim(places[..., None], 1).to(like.dtype)
