"""Networks and images made for tests of unit dossiers, without any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from snellen.explain.analysis_inputs import TrainedModel
from snellen.models.build import assemble
from snellen.models.layers import Dense
from snellen.models.parts import AnyPart
from snellen.models.predictions import Predictions

SIDE = 6


def predictions(role: str, rows: np.ndarray, labels: np.ndarray, num_classes: int) -> Predictions:
    """Answers that are always right: what dossiers take from them is rows, labels and the predicted class."""
    sure = np.full((len(rows), num_classes), 0.01, np.float32)
    sure[np.arange(len(rows)), labels] = 1 - 0.01 * (num_classes - 1)
    return Predictions(role, rows, np.array([f"row {row}" for row in rows]), labels, sure)


def subject(
    layers: Sequence[Any], images: np.ndarray, labels: np.ndarray, train: int, num_classes: int = 3, seed: int = 0
) -> TrainedModel:
    """A network of random weights; the first `train` images (N, H, W, C) uint8 are for training, the others judge."""
    parts_of = TypeAdapter(tuple[AnyPart, ...]).validate_python(tuple(layers))
    network = assemble((*parts_of, Dense(units=num_classes)), images.shape[1:], num_classes)
    parameters, state = network.init([seed])
    rows = np.arange(len(images))
    parts = {
        "train": predictions("train", rows[:train], labels[:train], num_classes),
        "validation": predictions("validation", rows[train:], labels[train:], num_classes),
    }
    classes = tuple(f"c{code}" for code in range(num_classes))
    return TrainedModel(
        "net", "job", network, parameters, state, torch.from_numpy(images), (0.0, 255.0), classes, parts
    )


def noise(count: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """(N, 6, 6, C) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, channels), dtype=np.uint8)


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(N, 6, 6, 1) uint8 and (N,) labels: a bright bar whose place is the class, of 3."""
    labels = np.arange(count) % 3
    images = noise(count, seed=seed) // 3
    for row, label in enumerate(labels):
        images[row, 2 * label : 2 * label + 2] += 150
    return images, labels
