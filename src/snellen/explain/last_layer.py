"""The last hidden layer: the training images nearest to an image, and the contribution of each unit to a prediction.

The last layer of every network is a dense layer that returns the logits. So the difference of two logits is exactly the
sum over the units before it of activation times difference of weights, plus the difference of biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snellen.explain.analysis_inputs import TrainedModel
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.dropout import TrainingNoise
from snellen.models.features import Feature
from snellen.models.shaping import Flatten

ROWS = 4_096
"""Images whose activations are in memory at once."""


@dataclass(frozen=True, eq=False)
class LastLayer:
    """The inputs of the last, dense layer of a network."""

    model: TrainedModel

    @property
    def name(self) -> str:
        """The name of the layer whose outputs these are."""
        return self._hidden.name

    @cached_property
    def weights(self) -> np.ndarray:
        """(units, K) float64, of the last layer."""
        weights = self.model.parameters[f"{self.model.network.layers[-1].name}.kernel"]
        return np.asarray(weights[0].double().cpu().numpy())

    @cached_property
    def biases(self) -> np.ndarray:
        """(K,) float64, of the last layer."""
        name = f"{self.model.network.layers[-1].name}.bias"
        if name not in self.model.parameters:
            return np.zeros(self.weights.shape[1])
        return np.asarray(self.model.parameters[name][0].double().cpu().numpy())

    def activations(self, rows: np.ndarray) -> np.ndarray:
        """(n, units) float64."""
        return self.model.outputs(self.name, rows).astype(np.float64)

    def unit_name(self, unit: int) -> str:
        """The number of a unit; after `flatten`, its channel and position."""
        placed = self._hidden
        if not isinstance(placed.layer, Flatten):
            return f"unit {unit}"
        down, right, channel = np.unravel_index(unit, placed.input_shape)
        return f"channel {channel} at {down}, {right}"

    @property
    def _hidden(self) -> Placed:
        """The layer before the last one; dropout and noise are skipped, because they change nothing at evaluation."""
        return next(
            each for each in reversed(self.model.network.layers[:-1]) if not isinstance(each.layer, TrainingNoise)
        )


def has_hidden(network: Network) -> bool:
    """Whether a layer with trained parameters is between the images and the last layer."""
    hidden = [placed for placed in network.layers[:-1] if not isinstance(placed.layer, Feature)]
    return any(name.startswith(f"{placed.name}.") for placed in hidden for name in network.shapes[0])


def contributions(layer: LastLayer, activations: np.ndarray, answer: int, rival: int) -> tuple[np.ndarray, float]:
    """(units,): what each unit adds to the logit of the answer minus the logit of the rival; and what the biases
    add."""
    parts = activations * (layer.weights[:, answer] - layer.weights[:, rival])
    return parts, float(layer.biases[answer] - layer.biases[rival])


def nearest(layer: LastLayer, rows: np.ndarray, among: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `rows` the `count` nearest other rows of `among`, by Euclidean distance of activations.

    Returns data set rows (n, count) and distances (n, count), nearest first; ties are in the order of `among`.
    """
    from scipy.spatial.distance import cdist

    others = layer.activations(rows)
    best_rows, best = np.zeros((len(rows), 0), np.int64), np.zeros((len(rows), 0))
    for start in range(0, len(among), ROWS):
        part = among[start : start + ROWS]
        distances = cdist(others, layer.activations(part))
        distances[rows[:, None] == part] = np.inf
        best = np.concatenate([best, distances], axis=1)
        best_rows = np.concatenate([best_rows, np.broadcast_to(part, distances.shape)], axis=1)
        order = np.argsort(best, axis=1, kind="stable")[:, :count]
        best = np.asarray(np.take_along_axis(best, order, 1))
        best_rows = np.asarray(np.take_along_axis(best_rows, order, 1))
    return best_rows, best
