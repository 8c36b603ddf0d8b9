"""Which training images are on the maps, for which of them neighbours are compared and images drawn, and the
predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.data.splits.stratified import random_numbers, stratified_choice
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.maps.requirements import JUDGED
from snellen.explain.thumbnails import to_uint8
from snellen.limits import MAP_IMAGES

WRONG_IMAGES = 1_000
"""Most mistakes among the drawn images. They come first, because they are what a reader looks for."""

SAMPLE_STREAM, JUDGE_STREAM, IMAGE_STREAM = 40, 41, 42
"""Streams of random numbers: which images are on the map, judged and drawn."""


@dataclass(frozen=True, eq=False)
class SampledImages:
    """A stratified random sample of at most `count` training images."""

    model: TrainedModel
    count: int
    seed: int

    @cached_property
    def all_labels(self) -> np.ndarray:
        """(N,) labels of all training images."""
        labels = self.model.predictions["train"].labels
        assert labels is not None  # only test labels are hidden
        return labels

    @cached_property
    def places(self) -> np.ndarray:
        """(n,) indices into the predictions for the training rows, ascending."""
        return self._sample(np.arange(len(self.all_labels)), self.all_labels, self.count, SAMPLE_STREAM)

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
        """(n,) predicted classes."""
        return np.asarray(self.model.predictions["train"].predicted[self.places])

    @cached_property
    def probability(self) -> np.ndarray:
        """(n,) float32 probabilities of the predicted classes."""
        return np.asarray(self.model.predictions["train"].probabilities[self.places].max(1))

    @cached_property
    def images(self) -> np.ndarray:
        """(n, H, W, C) uint8."""
        return to_uint8(self.model.images[self.rows.tolist()].cpu().numpy(), self.model.pixel_range)

    @cached_property
    def pixels(self) -> np.ndarray:
        """(n, H * W * C) float32, the images scaled as the network expects them."""
        return self.model.inputs(self.rows).reshape(len(self.rows), -1).cpu().numpy()

    def outputs(self, layer: str) -> np.ndarray:
        """(n, d) float32, the outputs of a layer."""
        return self.model.outputs(layer, self.rows).reshape(len(self.rows), -1)

    @cached_property
    def judged(self) -> np.ndarray:
        """(m,) indices into the n images: those whose neighbours are compared."""
        return self._sample(np.arange(len(self.rows)), self.labels, JUDGED, JUDGE_STREAM)

    @cached_property
    def drawn(self) -> np.ndarray:
        """(p,) indices into the n images: those whose images are drawn, some mistakes and a stratified sample of the
        others."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        shown = self._sample(wrong, self.labels, WRONG_IMAGES, IMAGE_STREAM)
        right = np.flatnonzero(self.predicted == self.labels)
        return np.union1d(shown, self._sample(right, self.labels, MAP_IMAGES - len(shown), IMAGE_STREAM))

    def _sample(self, pool: np.ndarray, labels: np.ndarray, count: int, purpose: int) -> np.ndarray:
        """A stratified random sample of at most `count` of `pool`, ascending."""
        if len(pool) <= count:
            return pool
        return stratified_choice(
            pool, count, labels, np.arange(len(labels)), random_numbers(len(labels), self.seed, purpose)
        )
