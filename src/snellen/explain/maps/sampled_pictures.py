"""Which training pictures are on the maps, which of them are judged and drawn, and what the network said of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.data.splits.stratified import random_numbers, stratified_choice
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.maps.requirements import JUDGED
from snellen.explain.thumbnails import to_uint8
from snellen.limits import MAP_PICTURES

WRONG_PICTURES = 1_000
"""Of the pictures drawn, at most so many are of those that the network got wrong: they are what one looks for."""

SAMPLE_LOTS, JUDGE_LOTS, PICTURE_LOTS = 40, 41, 42
"""Purposes of lots: which pictures are placed, judged and drawn."""


@dataclass(frozen=True, eq=False)
class SampledPictures:
    """`count` training pictures at most, in the proportions of their classes, by lot from `seed`."""

    model: TrainedModel
    count: int
    seed: int

    @cached_property
    def all_labels(self) -> np.ndarray:
        """(N,) of all training pictures."""
        labels = self.model.predictions["train"].labels
        assert labels is not None  # only those of the test are sealed
        return labels

    @cached_property
    def places(self) -> np.ndarray:
        """(n,) places among the predictions of the training rows, ascending."""
        return self._sample(np.arange(len(self.all_labels)), self.all_labels, self.count, SAMPLE_LOTS)

    @cached_property
    def rows(self) -> np.ndarray:
        """(n,) rows of the data set."""
        return np.asarray(self.model.predictions["train"].rows[self.places])

    @cached_property
    def ids(self) -> np.ndarray:
        """(n,) str."""
        return np.asarray(self.model.predictions["train"].ids[self.places])

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,) true classes."""
        return np.asarray(self.all_labels[self.places])

    @cached_property
    def predicted(self) -> np.ndarray:
        """(n,) what the network answered."""
        return np.asarray(self.model.predictions["train"].predicted[self.places])

    @cached_property
    def probability(self) -> np.ndarray:
        """(n,) float32, of that answer."""
        return np.asarray(self.model.predictions["train"].probabilities[self.places].max(1))

    @cached_property
    def pictures(self) -> np.ndarray:
        """(n, H, W, C) uint8."""
        return to_uint8(self.model.images[self.rows.tolist()].cpu().numpy(), self.model.pixel_range)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n, H * W * C) float32, the pictures as the network sees them."""
        return self.model.inputs(self.rows).reshape(len(self.rows), -1).cpu().numpy()

    def outputs(self, layer: str) -> np.ndarray:
        """(n, d) float32, what a layer gives."""
        return self.model.outputs(layer, self.rows).reshape(len(self.rows), -1)

    @cached_property
    def judged(self) -> np.ndarray:
        """(m,) of the n, from which neighbours are looked for."""
        return self._sample(np.arange(len(self.rows)), self.labels, JUDGED, JUDGE_LOTS)

    @cached_property
    def drawn(self) -> np.ndarray:
        """(p,) of the n whose pictures are drawn: some that the network got wrong, then others by class and lot."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        shown = self._sample(wrong, self.labels, WRONG_PICTURES, PICTURE_LOTS)
        right = np.flatnonzero(self.predicted == self.labels)
        return np.union1d(shown, self._sample(right, self.labels, MAP_PICTURES - len(shown), PICTURE_LOTS))

    def _sample(self, pool: np.ndarray, labels: np.ndarray, count: int, purpose: int) -> np.ndarray:
        """At most `count` of `pool` in the proportions of its classes, by lot; ascending."""
        if len(pool) <= count:
            return pool
        return stratified_choice(
            pool, count, labels, np.arange(len(labels)), random_numbers(len(labels), self.seed, purpose)
        )
