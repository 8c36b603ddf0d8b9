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
        return EpochAugmentation(
            tuple((stage, numbers.to(device)) for stage, numbers in drawn), tuple(train_rows), key
        )

    def apply(
        self, x: Tensor, labels: Tensor, rows: Tensor, weights: Tensor | None, number: int
    ) -> tuple[Tensor, Mixed | None]:
        """Pictures x (L, N, H, W, C) of `rows` (L, N) augmented, and their second labels where they are mixed.

        weights: (L, N), 0 for rows that only fill the batch up; or None. number: of the batch in the epoch.
        """
        mixed = None
        positions = self._positions(rows) if self.stages else rows
        for stage, drawn in self.stages:
            numbers, step = drawn.take_along_dim(positions[..., None], 1).to(x.dtype), stage.steps[0]
            if isinstance(step, Mixing):
                partners = self._partners(rows, weights, number)
                lanes = torch.arange(len(x), device=x.device)[:, None]
                x, share = step.mix(x, x[lanes, partners], numbers)
                mixed = Mixed(labels.take_along_dim(partners, 1), share)
            else:
                x = stage.apply(x, numbers)
        return x, mixed

    def _positions(self, rows: Tensor) -> Tensor:
        """(L, N): which of its lane's training rows each row is."""
        return torch.stack([torch.searchsorted(own, wanted) for own, wanted in zip(self.train_rows, rows.contiguous())])

    def _partners(self, rows: Tensor, weights: Tensor | None, number: int) -> Tensor:
        """(L, N): for each row of the batch another, or itself; rows that fill up are their own and nobody else's."""
        order = torch.arange(rows.shape[1]).repeat(len(rows), 1)
        counts = [rows.shape[1]] * len(rows) if weights is None else weights.count_nonzero(1).tolist()
        for lane, (generator, count) in enumerate(zip(self.key.at("partners", number).generators(), counts)):
            order[lane, :count] = torch.from_numpy(generator.permutation(count))
        return order.to(rows.device)
