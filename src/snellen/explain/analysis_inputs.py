"""The inputs of an analysis: the networks of a run with the images; test labels are hidden, and predictions on test are
there only for models that were evaluated on test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from snellen.data.dataset import Dataset
from snellen.errors import unknown
from snellen.evaluate.record import RunRecord
from snellen.models import chain
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.forward import to_input
from snellen.models.layer import Step, Tensors
from snellen.models.predictions import Predictions
from snellen.models.weights import load_weights

ROWS_AT_ONCE = 1_024
"""Pictures of one forward pass of an analysis: no bits are promised, and it is faster than PREDICTION_BATCH."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """One trained network: that of the first seed of `model`. images: (N, H, W, C) all pictures as stored.

    parameters, state: name -> (1, ...). parts: its predictions by role; of the test only if it was evaluated there.
    """

    model: str
    job: str
    network: Network
    parameters: Tensors
    state: Tensors
    images: Tensor
    pixel_range: tuple[float, float]
    classes: tuple[str, ...]
    parts: dict[str, Predictions]

    def place_of(self, layer: str) -> int:
        """Where the layer of this name stands in the network. Raises UnknownName listing the layers there are."""
        names = [placed.name for placed in self.network.layers]
        if layer not in names:
            raise unknown("layer", layer, names)
        return names.index(layer)

    def inputs(self, rows: np.ndarray) -> Tensor:
        """(n, H, W, C) float32, the inputs of the network."""
        return to_input(self.images[torch.from_numpy(rows).to(self.images.device)], self.pixel_range)

    def outputs(self, layer: str, rows: np.ndarray) -> np.ndarray:
        """(n, units) or (n, H, W, C) float32: what the layer gives for pictures, its activation function applied."""
        until = self.network.layers[: self.place_of(layer) + 1]
        starts = range(0, len(rows), ROWS_AT_ONCE)
        parts = [self._through(until, self.inputs(rows[start : start + ROWS_AT_ONCE])) for start in starts]
        return np.concatenate([part.cpu().numpy() for part in parts] or [np.zeros((0, *until[-1].output_shape))])

    def answers(self, layer: str, values: np.ndarray) -> np.ndarray:
        """(n, K) float32 class probabilities where the layer gives `values` (n, ...)."""
        after = self.network.layers[self.place_of(layer) + 1 :]
        starts = range(0, len(values), ROWS_AT_ONCE)
        given = [torch.from_numpy(values[start : start + ROWS_AT_ONCE]).to(self.images.device) for start in starts]
        parts = [self._through(after, part).softmax(-1).cpu().numpy() for part in given]
        return np.concatenate(parts or [np.zeros((0, len(self.classes)), np.float32)])

    def _through(self, layers: tuple[Placed, ...], x: Tensor) -> Tensor:
        with torch.inference_mode():
            y, _ = chain.apply(layers, self.parameters, self.state, x.unsqueeze(0), Step("evaluate"))
        return y[0]


@dataclass(frozen=True, eq=False)
class ModelOfRun:
    """A model of a run with all networks that were trained for it; analyses of it use stored predictions, not
    images."""

    record: RunRecord
    model: str


@dataclass(frozen=True, eq=False)
class RunWithImages:
    """A run whose training is finished, with its images. dataset: test labels hidden. images: on the device."""

    record: RunRecord
    dataset: Dataset
    images: Tensor

    @cached_property
    def trained_models(self) -> dict[str, TrainedModel]:
        """The network of each model whose job ended well."""
        return {model: self._trained_model(model) for model in self.record.done}

    def _trained_model(self, model: str) -> TrainedModel:
        folder = self.record.job(model)
        trajectory = folder.read_job().trajectory
        parameters, state = load_weights(folder.weights, trajectory.network, str(self.images.device))
        found = {role: folder.read_predictions(role) for role in ("train", "validation", "calibration", "test")}
        parts = {role: predictions for role, predictions in found.items() if predictions is not None}
        return TrainedModel(
            model,
            self.record.models[model],
            trajectory.network,
            parameters,
            state,
            self.images,
            trajectory.pixel_range,
            self.record.classes,
            parts,
        )
