"""Randomness that is addressed, not drawn: the same address gives the same numbers, whatever ran before."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

BLOCK = 16
"""Values that torch draws together on the CPU."""


class Randomness(Protocol):
    """What a layer asks for random numbers: a Key, or what stands in for one where nothing may be drawn."""

    def at(self, *steps: str | int) -> Randomness:
        """The randomness further down the path."""

    def keep_mask(self, rates: Sequence[float], like: torch.Tensor) -> torch.Tensor:
        """A tensor like `like` (L, ...) of ones and zeros, as `Key.keep_mask`."""

    def normal(self, like: torch.Tensor) -> torch.Tensor:
        """A tensor like `like` (L, ...) of standard normal values, as `Key.normal`."""


@dataclass(frozen=True)
class Key:
    """An address: one seed a lane, and a path such as ("epoch", 3, "dropout_1") that all lanes share."""

    seeds: tuple[int, ...]
    path: tuple[str | int, ...] = ()

    def at(self, *steps: str | int) -> Key:
        """The address further down the path."""
        return Key(self.seeds, self.path + steps)

    def generators(self) -> list[np.random.Generator]:
        """One NumPy generator a lane, on the counter-based Philox."""
        return [np.random.Generator(np.random.Philox(key=self._number(seed, 16))) for seed in self.seeds]

    def permutations(self, count: int) -> np.ndarray:
        """(L, count) int64: one order of `count` rows a lane."""
        return np.stack([generator.permutation(count) for generator in self.generators()])

    def keep_mask(self, rates: Sequence[float], like: torch.Tensor) -> torch.Tensor:
        """A tensor like `like` (L, ...): 1 with probability 1 - rate, else 0; each lane of its own rate and seed.

        Contiguous, whatever `like` is: which number falls on which value must not depend on how that lies in memory.
        """
        mask = torch.empty(like.shape, dtype=like.dtype, device=like.device)
        for own, seed, rate in zip(mask, self.seeds, rates, strict=True):
            generator = torch.Generator(device=like.device).manual_seed(self._number(seed, 7))
            own.bernoulli_(1.0 - rate, generator=generator)
        return mask

    def normal(self, like: torch.Tensor) -> torch.Tensor:
        """A contiguous tensor like `like` (L, ...): standard normal values, each lane of its own seed.

        Whole blocks are drawn: torch draws the last block of a tensor anew where it is not full, and the values of a
        row must not depend on how many rows only fill up the batch.
        """
        shape, size = like.shape[1:], math.prod(like.shape[1:])
        values = torch.empty((len(self.seeds), -(-size // BLOCK) * BLOCK), dtype=like.dtype, device=like.device)
        for own, seed in zip(values, self.seeds, strict=True):
            own.normal_(generator=torch.Generator(device=like.device).manual_seed(self._number(seed, 7)))
        return values[:, :size].reshape(-1, *shape)

    def _number(self, seed: int, size_bytes: int) -> int:
        text = "/".join(map(str, (seed, *self.path)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size_bytes).digest(), "little")
