"""Forward, loss gradient and backward of a step by the compiled library, in one call for each shard of a batch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from snellen.kernels.library import library
from snellen.models import chain
from snellen.models.batch_shard import BatchShard, rows_of
from snellen.models.dropout import factors
from snellen.models.keys import Randomness
from snellen.models.layer import Step, Tensors
from snellen.train.backend.compiled_network import CompiledNetwork
from snellen.train.snapshot import Values
from snellen.train.step import ForwardBackward, ShardOutcome, StepInputs

FLOAT = 4
"""Bytes of a number."""
Pointers = ctypes.Array[ctypes.c_void_p]


class CompiledBackend:
    """theta: (L, P) float32, which may be changed in place between steps."""

    def __init__(self, network: CompiledNetwork, theta: Tensor, shards: int = 1) -> None:
        found = library()
        assert found is not None and theta.dtype == torch.float32 and theta.is_contiguous()
        self.network, self.theta = network, theta
        self.gradients: Sequence[Tensor] = [torch.empty_like(theta) for _ in range(shards)]
        self._pass, self._scratch_size = found.snellen_pass, found.snellen_scratch
        self._scratch: dict[tuple[int, int], Tensor] = {}
        self._counts: dict[int, Tensor] = {}

    def forward_backward(self, inputs: StepInputs, targets: Tensor, layers: Values) -> ForwardBackward:
        """The pass of each shard."""
        x, targets = self._after_features(inputs.x, layers), targets.float().contiguous()
        lanes, rows = x.shape[:2]
        counts, masks = self._row_counts(lanes, rows, inputs.sample_weight), self._masks(x, inputs.key)
        logits, records = x.new_empty((lanes, rows, self.network.classes)), self.network.records

        def of_shard(number: int, shard: BatchShard | None) -> ShardOutcome:
            first, count = (shard.rows.start, shard.count) if shard else (0, rows)
            self._pass(
                *(records, len(records), lanes, count),
                *(self.theta.data_ptr(), self.theta.stride(0)),
                *_rows(x, first),
                *_rows(targets, first),
                counts.data_ptr(),
                *(self._pointers(masks, first), rows),
                *_rows(logits, first),
                *(self.gradients[number].data_ptr(), self.gradients[number].stride(0)),
                self._scratch_of(number, count).data_ptr(),
            )
            return ShardOutcome(logits[:, rows_of(shard)], {})

        return of_shard

    def _after_features(self, x: Tensor, state: Tensors) -> Tensor:
        """(L, N, ...) after the feature steps, in float32; each image is contiguous."""
        if self.network.leading:
            with torch.no_grad():
                x, _ = chain.apply(self.network.leading, {}, state, x, Step("train"))
        x = x.float()
        return x if x[0, 0].is_contiguous() else x.contiguous()

    def _row_counts(self, lanes: int, rows: int, sample_weight: Tensor | None) -> Tensor:
        """(L,) rows that count."""
        if sample_weight is not None:
            return sample_weight.sum(1, dtype=torch.float32)
        if rows not in self._counts:
            self._counts[rows] = torch.full((lanes,), float(rows))
        return self._counts[rows]

    def _masks(self, x: Tensor, key: Randomness | None) -> list[tuple[int, Tensor]]:
        """The factors of dropout for the whole batch, each with the number of its row in the table."""
        dropouts = self.network.dropouts if key is not None else ()
        whole = [(dropout, x.new_empty((*x.shape[:2], *dropout.shape))) for dropout in dropouts]
        return [(each.row, factors(each.rates, like, key.at(each.name))) for each, like in whole if key is not None]

    def _pointers(self, masks: Sequence[tuple[int, Tensor]], first: int) -> Pointers | None:
        """Where the masks of a shard begin, one for each row of the table."""
        if not masks:
            return None
        pointers = (ctypes.c_void_p * len(self.network.records))()
        for row, mask in masks:
            pointers[row] = mask[:, first:].data_ptr()
        return pointers

    def _scratch_of(self, number: int, rows: int) -> Tensor:
        """Working memory of a shard of so many rows, kept from step to step."""
        if (number, rows) not in self._scratch:
            records = self.network.records
            self._scratch[number, rows] = torch.empty(self._scratch_size(records, len(records), rows))
        return self._scratch[number, rows]


def _rows(values: Tensor, first: int) -> tuple[int, int, int]:
    """The address of row `first` of values (L, N, ...), and the numbers from lane to lane and from row to row."""
    return values.data_ptr() + FLOAT * first * values.stride(1), values.stride(0), values.stride(1)
