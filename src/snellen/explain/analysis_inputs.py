"""The inputs of an analysis: the trained models of a run and its images.

Labels of the test are hidden. Predictions on test are there only for models that were evaluated on test.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
from snellen.models.pretrained import FOLDER
from snellen.train.batches import ResidentData
from snellen.train.frozen_features import Extraction
from snellen.train.job import Trajectory

ROWS_AT_ONCE = 1_024
"""Images of one forward pass of an analysis. Larger than PREDICTION_BATCH, which is faster; analyses need no results
that are equal to the last bit."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The trained network of a model's first seed. images: (N, H, W, C), all images of the data set as stored.

    parameters, state: name -> (1, ...). predictions: by role; on test only if the model was evaluated there. features:
    what the first `num_frozen` layers give for the images that have a role, where a backbone is frozen: not computed
    again.
    """

    name: str
    job: str
    network: Network
    parameters: Tensors
    state: Tensors
    images: Tensor
    pixel_range: tuple[float, float]
    classes: tuple[str, ...]
    predictions: dict[str, Predictions]
    features: ResidentData | None = None
    num_frozen: int = 0

    def place_of(self, layer: str) -> int:
        """The index of the layer of this name. Raises UnknownName that lists the layers of the network."""
        names = [placed.name for placed in self.network.layers]
        if layer not in names:
            raise unknown("layer", layer, names)
        return names.index(layer)

    def inputs(self, rows: np.ndarray) -> Tensor:
        """(n, H, W, C) float32: the images of these data set rows, scaled as the network expects them."""
        return to_input(self.images[torch.from_numpy(rows).to(self.images.device)], self.pixel_range)

    def outputs(self, layer: str, rows: np.ndarray) -> np.ndarray:
        """(n, units) or (n, H, W, C) float32: the outputs of the layer for these rows, after its activation
        function."""
        until = self.network.layers[: self.place_of(layer) + 1]
        starts = range(0, len(rows), ROWS_AT_ONCE)
        parts = [self.through(until, rows[start : start + ROWS_AT_ONCE]) for start in starts]
        return np.concatenate([part.cpu().numpy() for part in parts] or [np.zeros((0, *until[-1].output_shape))])

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one image, up to the logits; without frozen layers, whose outputs are stored."""
        return chain.multiply_adds(self.network.layers[self.num_frozen :])

    def through(self, layers: tuple[Placed, ...], rows: np.ndarray) -> Tensor:
        """(n, ...): the outputs of the first layers of the network for these rows."""
        if self.features is None or len(layers) < self.num_frozen:
            return self._through(layers, self.inputs(rows))
        places = self.features.at(torch.from_numpy(rows).to(self.features.device))
        return self._through(layers[self.num_frozen :], self.features.images[places])

    def probabilities_from(self, layer: str, outputs: np.ndarray) -> np.ndarray:
        """(n, K) float32 class probabilities if the outputs of the layer are `outputs` (n, ...)."""
        after = self.network.layers[self.place_of(layer) + 1 :]
        starts = range(0, len(outputs), ROWS_AT_ONCE)
        batches = [torch.from_numpy(outputs[start : start + ROWS_AT_ONCE]).to(self.images.device) for start in starts]
        parts = [self._through(after, batch).softmax(-1).cpu().numpy() for batch in batches]
        return np.concatenate(parts or [np.zeros((0, len(self.classes)), np.float32)])

    def _through(self, layers: tuple[Placed, ...], x: Tensor) -> Tensor:
        with torch.inference_mode():
            y, _ = chain.apply(layers, self.parameters, self.state, x.unsqueeze(0), Step("evaluate"))
        return y[0]


@dataclass(frozen=True, eq=False)
class ModelOfRun:
    """A model of a run with all networks that were trained for it. Its analyses use stored predictions, not images."""

    record: RunRecord
    name: str


@dataclass(frozen=True, eq=False)
class RunWithImages:
    """A run whose training is finished, with its images. dataset: without the labels of the test. images: on the
    device. data_folder: where other data sets are looked for first. rows: that have a role; all when None."""

    record: RunRecord
    dataset: Dataset
    images: Tensor
    data_folder: Path | None = None
    rows: np.ndarray | None = None

    @cached_property
    def trained_models(self) -> dict[str, TrainedModel]:
        """By name: every model whose training succeeded."""
        return {name: self._trained_model(name) for name in self.record.done}

    def _trained_model(self, name: str) -> TrainedModel:
        folder = self.record.job(name)
        trajectory = folder.read_job().trajectory
        network, parameters, state = folder.load_network(str(self.images.device))
        found = {role: folder.read_predictions(role) for role in ("train", "validation", "calibration", "test")}
        return TrainedModel(
            name,
            self.record.models[name],
            network,
            parameters,
            state,
            self.images,
            trajectory.pixel_range,
            self.record.classes,
            {role: predictions for role, predictions in found.items() if predictions is not None},
            self._features(trajectory),
            len(trajectory.frozen),
        )

    def _features(self, trajectory: Trajectory) -> ResidentData | None:
        if not trajectory.frozen:
            return None
        material = ResidentData(self.images, torch.from_numpy(self.dataset.labels))
        rows = np.arange(len(self.dataset)) if self.rows is None else self.rows
        return Extraction(trajectory, self.dataset, material, rows, self.record.folder / FOLDER).load()
