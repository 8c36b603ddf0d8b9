"""Feature steps meet the training images: one after another, each fitted to what the one before gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from snellen.data.dataset import Dataset
from snellen.models.build import Network
from snellen.models.features import Feature
from snellen.models.layer import Arrays, Step

ROWS = 4_096
"""Images that pass through a fitted step at once."""


def fit(
    network: Network, images: np.ndarray, labels: np.ndarray, pixel_range: tuple[float, float], seed: int
) -> Arrays:
    """The state of a network's feature steps, by full name, (1, ...) each; empty where it has none.

    images, labels: the training images (n, H, W, C) as stored, and nothing else.
    """
    steps = [placed.layer for placed in network.features]
    names = [placed.name for placed in network.features]
    states = _fitted([step for step in steps if isinstance(step, Feature)], images, labels, pixel_range, seed)
    return {f"{name}.{key}": value[None] for name, state in zip(names, states) for key, value in state[1].items()}


def resolve(features: Sequence[Feature], dataset: Dataset, rows: np.ndarray) -> tuple[Feature, ...]:
    """The steps with the numbers that only the training rows tell, such as how many components explain 95 %."""
    if all(step.is_resolved for step in features):
        return tuple(features)
    steps = _fitted(features, dataset.images[rows], dataset.labels[rows], dataset.pixel_range, 0)
    return tuple(step for step, _ in steps)


def _fitted(
    features: Sequence[Feature], images: np.ndarray, labels: np.ndarray, pixel_range: tuple[float, float], seed: int
) -> Iterator[tuple[Feature, Arrays]]:
    """Each step, resolved, with its fitted state."""
    if not features:
        return
    low, high = pixel_range
    seen = _enough(features, len(images))
    x, labels = (np.asarray(images[seen], np.float32) - np.float32(low)) / np.float32(high - low), labels[seen]
    for number, step in enumerate(features, 1):
        resolved = step.resolved(x)
        state = resolved.fit(x, labels, seed)
        yield resolved, state
        if number < len(features):
            x = _passed(resolved, state, x)


def _enough(features: Sequence[Feature], count: int) -> slice | np.ndarray:
    """The images that the steps are fitted to: all of them, or as many as each needs, evenly from first to last."""
    wanted = [step.enough or count for step in features]
    return np.linspace(0, count - 1, max(wanted)).round().astype(int) if max(wanted) < count else slice(None)


def _passed(step: Feature, state: Arrays, x: np.ndarray) -> np.ndarray:
    tensors = {name: torch.as_tensor(value, dtype=torch.float32)[None] for name, value in state.items()}
    parts = torch.from_numpy(x).split(ROWS)
    return np.concatenate([step.apply({}, tensors, part[None], Step("evaluate"))[0][0].numpy() for part in parts])
