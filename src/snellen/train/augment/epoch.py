"""One epoch's augmentation of a pack of lanes: all numbers drawn once, then batch after batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snellen.models.keys import Key
from snellen.train.augment.augmentation import Augmentation, Mixing, PictureShape
from snellen.train.augment.stages import Stage, stages_of
from snellen.train.step import Mixed


@dataclass(frozen=True, eq=False)
class EpochAugmentation:
    """stages: each with the numbers (L, n, k) of all training rows. train_rows: (n,) of each lane, ascending. key: the
    address of the epoch."""

    stages: tuple[tuple[Stage, Tensor], ...]
    train_rows: tuple[Tensor, ...]
    key: Key

    @staticmethod
    def draw(
        lists: Sequence[tuple[Augmentation, ...]], train_rows: Sequence[Tensor], shape: PictureShape, key: Key
    ) -> EpochAugmentation:
        """Of one epoch. lists: of each lane; they may differ in strength, not in kind."""
        counts, device = [len(rows) for rows in train_rows], train_rows[0].device
        drawn = [(stage, torch.from_numpy(stage.draw(lists, counts, shape, key))) for stage in stages_of(lists[0])]
        return EpochAugmentation(tuple((stage, numbers.to(device)) for stage, numbers in drawn), tuple(train_rows), key)

    def change(self, x: Tensor, rows: Tensor) -> Tensor:
        """Pictures x (L, N, H, W, C) of `rows` (L, N) after all steps that change each picture alone."""
        for stage, drawn in self.stages:
            if not isinstance(stage.steps[0], Mixing):
                x = stage.apply(x, self._numbers(drawn, rows, x))
        return x

    def mix(
        self, x: Tensor, labels: Tensor, rows: Tensor, weights: Tensor | None, number: int
    ) -> tuple[Tensor, Mixed | None]:
        """The pictures of one batch after the last step, where that makes one of two, and their second labels.

        weights: (L, N), 0 for rows that only fill the batch up; or None. number: of the batch in the epoch.
        """
        last = self.stages[-1:]
        step = last[0][0].steps[0] if last else None
        if not isinstance(step, Mixing):
            return x, None
        partners = self._partners(rows, weights, number)
        lanes = torch.arange(len(x), device=x.device)[:, None]
        x, share = step.mix(x, x[lanes, partners], self._numbers(last[0][1], rows, x))
        return x, Mixed(labels.take_along_dim(partners, 1), share)

    def _numbers(self, drawn: Tensor, rows: Tensor, like: Tensor) -> Tensor:
        """(L, N, k): those of `rows`, which are found among the training rows of their lane."""
        places = torch.stack([torch.searchsorted(own, each) for own, each in zip(self.train_rows, rows.contiguous())])
        return drawn.take_along_dim(places[..., None], 1).to(like.dtype)

    def _partners(self, rows: Tensor, weights: Tensor | None, number: int) -> Tensor:
        """(L, N): for each row of the batch another, or itself; rows that fill up are their own and nobody else's."""
        order = torch.arange(rows.shape[1]).repeat(len(rows), 1)
        counts = [rows.shape[1]] * len(rows) if weights is None else weights.count_nonzero(1).tolist()
        for lane, (generator, count) in enumerate(zip(self.key.at("partners", number).generators(), counts)):
            order[lane, :count] = torch.from_numpy(generator.permutation(count))
        return order.to(rows.device)
