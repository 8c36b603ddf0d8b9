"""Forward, loss gradient and backward of a step by the compiled kernels, in one call for each part of a batch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from snellen.kernels.library import library
from snellen.models import chain
from snellen.models.batch_shard import BatchShard
from snellen.models.dropout import factors
from snellen.models.keys import Randomness
from snellen.models.layer import Step, Tensors
from snellen.train.backend.layer_table import Compiled
from snellen.train.backend.thread_team import ThreadTeam

FLOAT = 4
"""Bytes of a number."""
Pointers = ctypes.Array[ctypes.c_void_p]


class Passes:
    """What all passes with the same parameters need. theta: (L, P) float32, which may be changed in place between them.
    gradients: (L, P) for each part of a batch, overwritten by every pass."""

    def __init__(self, compiled: Compiled, theta: Tensor, gradients: Sequence[Tensor]) -> None:
        found = library()
        assert found is not None and theta.dtype == torch.float32 and theta.is_contiguous()
        self.compiled, self.theta, self.gradients = compiled, theta, gradients
        self._pass, self._scratch_size = found.snellen_pass, found.snellen_scratch
        self._scratch: dict[tuple[int, int], Tensor] = {}
        self._counts: dict[int, Tensor] = {}

    def of(
        self,
        x: Tensor,
        targets: Tensor,
        weights: Tensor | None,
        state: Tensors,
        key: Randomness | None,
        team: ThreadTeam,
    ) -> tuple[Tensor, int]:
        """Logits (L, N, K), and how many of the gradients have been written. x, targets, weights, key: as a training
        step has them, targets for each row."""
        x = self._seen(x, state)
        (lanes, rows), targets = x.shape[:2], targets.float().contiguous()
        counts = self._counted(lanes, rows, weights)
        masks, logits = self._masks(x, key), x.new_empty((lanes, rows, self.compiled.classes))

        def compute(number: int, share: BatchShard | None) -> None:
            first, count = (share.rows.start, share.count) if share else (0, rows)
            self._pass(
                *(self.compiled.records, len(self.compiled.records), lanes, count),
                *(self.theta.data_ptr(), self.theta.stride(0)),
                *_rows(x, first),
                *_rows(targets, first),
                counts.data_ptr(),
                *(self._pointers(masks, first), rows),
                *_rows(logits, first),
                *(self.gradients[number].data_ptr(), self.gradients[number].stride(0)),
                self._scratch_of(number, count).data_ptr(),
            )

        return logits, len(team.share(compute, rows))

    def _seen(self, x: Tensor, state: Tensors) -> Tensor:
        """(L, N, ...) after the feature steps; a picture lies in one piece, in float32."""
        if self.compiled.leading:
            with torch.no_grad():
                x, _ = chain.apply(self.compiled.leading, {}, state, x, Step("train"))
        x = x.float()
        return x if x[0, 0].is_contiguous() else x.contiguous()

    def _counted(self, lanes: int, rows: int, weights: Tensor | None) -> Tensor:
        """(L,): the rows that count."""
        if weights is not None:
            return weights.sum(1, dtype=torch.float32)
        if rows not in self._counts:
            self._counts[rows] = torch.full((lanes,), float(rows))
        return self._counts[rows]

    def _masks(self, x: Tensor, key: Randomness | None) -> list[tuple[int, Tensor]]:
        """The factors of dropout for the whole batch, each with the place of its layer."""
        drops = self.compiled.drops if key is not None else ()
        whole = [(drop, x.new_empty((*x.shape[:2], *drop.shape))) for drop in drops]
        return [(drop.place, factors(drop.rates, like, key.at(drop.name))) for drop, like in whole if key is not None]

    def _pointers(self, masks: Sequence[tuple[int, Tensor]], first: int) -> Pointers | None:
        """Where the masks of a part begin, one a layer."""
        if not masks:
            return None
        pointers = (ctypes.c_void_p * len(self.compiled.records))()
        for place, mask in masks:
            pointers[place] = mask[:, first:].data_ptr()
        return pointers

    def _scratch_of(self, number: int, rows: int) -> Tensor:
        """Working memory of a part of so many rows, kept from step to step."""
        if (number, rows) not in self._scratch:
            records = self.compiled.records
            self._scratch[number, rows] = torch.empty(self._scratch_size(records, len(records), rows))
        return self._scratch[number, rows]


def _rows(values: Tensor, first: int) -> tuple[int, int, int]:
    """Where the rows (L, N, ...) from `first` begin, and how far it is from lane to lane and from row to row."""
    return values.data_ptr() + FLOAT * first * values.stride(1), values.stride(0), values.stride(1)
