"""Which layers have units, and how they are read: the activation of a unit for each image, and its incoming weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from snellen.errors import StudyError, unknown
from snellen.explain.analysis_inputs import ROWS_AT_ONCE, TrainedModel
from snellen.models import chain
from snellen.models.activations import Rescale, activate
from snellen.models.branches import Branching
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.conv import Conv, DepthwiseConv, SeparableConv
from snellen.models.dense import Dense
from snellen.models.dropout import TrainingNoise
from snellen.models.elementwise import Elementwise
from snellen.models.features import Feature
from snellen.models.layer import Layer, Step
from snellen.models.normalisation import BatchNorm, LayerNorm, UnitNorm
from snellen.models.pooling import AveragePool, GlobalAveragePool
from snellen.models.prelu import PRelu
from snellen.models.scaling import Normalization
from snellen.models.shaping import Flatten, ZeroPad

WITH_UNITS = (Dense, Conv, DepthwiseConv, SeparableConv, Branching)
"""Layers whose output channels are units: each is a weighted combination of the channels before."""
ACTIVATED = (Dense, Conv, DepthwiseConv, SeparableConv)
"""Layers with an activation function of their own."""
AFFINE = (
    *(Feature, Flatten, TrainingNoise, ZeroPad, Rescale, Normalization, BatchNorm, AveragePool, GlobalAveragePool),
)
"""Layers that are affine functions after training: they only add and multiply by constants."""
FOLLOWING = (BatchNorm, LayerNorm, UnitNorm, Normalization, PRelu)
"""Layers behind one with units that belong to it: its units are read after them."""


def layers_with_units(network: Network) -> list[str]:
    """Names of the layers that have units, in order."""
    return [placed.name for placed in network.layers if isinstance(placed.layer, WITH_UNITS)]


def chosen_layer(network: Network, name: str | None) -> str:
    """The name of the layer to analyse; for None the last hidden layer with units.

    Raises UnknownName for a layer that does not exist, StudyError for one that has no units; both list the layers that
    fit.
    """
    fitting = layers_with_units(network)
    if name is None and len(fitting) == 1:
        raise StudyError("there is no hidden layer", hint=f"`layer: {fitting[0]}` analyses the output layer.")
    if name is None:
        return fitting[-2]
    if name not in {placed.name for placed in network.layers}:
        raise unknown("layer", name, fitting)
    if name not in fitting:
        raise StudyError(f"the layer `{name}` has no units of its own", expected=f"one of {', '.join(fitting)}")
    return name


@dataclass(frozen=True, eq=False)
class Readings:
    """The values of U units for N images. activation, peak: (N, U), mean and largest activation over positions.

    drive: (N, U), mean input of the activation function: it also differs between images whose activation is 0.
    """

    activation: np.ndarray
    peak: np.ndarray
    drive: np.ndarray


@dataclass(frozen=True, eq=False)
class UnitLayer:
    """A layer with units, read after its normalisation and activation function.

    read_at: name of the last layer that belongs to it, whose outputs are read. until: all layers up to the input of the
    activation function. activate: the activation function. convolutional: whether each unit has a value at each
    position.
    """

    name: str
    read_at: str
    until: tuple[Placed, ...]
    activate: Callable[[Tensor], Tensor]
    convolutional: bool
    units: int
    activation: str

    @property
    def affine(self) -> bool:
        """Whether the input of the activation function is a weighted sum of pixels."""
        return not self.convolutional and all(_affine(placed.layer) for placed in self.until)


def unit_layer(network: Network, name: str) -> UnitLayer:
    """How to read the units of the layer called `name`, one of `layers_with_units`."""
    until = network.layers[: _end(network.layers, [placed.name for placed in network.layers].index(name)) + 1]
    final, word = until[-1], "linear"
    function: Callable[[Tensor], Tensor] = partial(activate, activation=word)
    if isinstance(final.layer, Elementwise):
        until, function, word = until[:-1], final.layer.values, final.layer.name
    elif isinstance(final.layer, ACTIVATED):
        word = final.layer.activation
        function = partial(activate, activation=word)
        until = (*until[:-1], replace(final, layer=final.layer.model_copy(update={"activation": "linear"})))
    shape = final.output_shape
    return UnitLayer(name, final.name, until, function, len(shape) == 3, shape[-1], word)


def _end(layers: tuple[Placed, ...], at: int) -> int:
    """The index of the layer whose outputs are the units of layer `at`: after normalisation and activation."""
    own = layers[at].layer
    if isinstance(own, ACTIVATED) and own.activation != "linear":
        return at
    for place in range(at + 1, len(layers)):
        if isinstance(layers[place].layer, Elementwise):
            return place
        if not isinstance(layers[place].layer, FOLLOWING):
            return place - 1
    return len(layers) - 1


def _affine(layer: Layer) -> bool:
    linear = isinstance(layer, Dense | Conv | DepthwiseConv | SeparableConv) and layer.activation == "linear"
    return isinstance(layer, AFFINE) or linear


def drive_of(model: TrainedModel, layer: UnitLayer, x: Tensor) -> Tensor:
    """(n, U) or (n, H, W, U): the input of the activation function for images x (n, H, W, C); differentiable."""
    y, _ = chain.apply(layer.until, model.parameters, model.state, x.unsqueeze(0), Step("evaluate"))
    return y[0]


def read_units(model: TrainedModel, layer: UnitLayer, rows: np.ndarray) -> Readings:
    """The values of the units for the images of `rows`, computed in batches so that not all feature maps are in
    memory."""
    parts = [_read(model, layer, rows[start : start + ROWS_AT_ONCE]) for start in range(0, len(rows), ROWS_AT_ONCE)]
    return Readings(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _read(model: TrainedModel, layer: UnitLayer, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with torch.inference_mode():
        drive = model.through(layer.until, rows)
        activation = layer.activate(drive.clone())
        means, peaks, drives = pooled(activation), over_positions(activation).amax(1), pooled(drive)
    return means.cpu().numpy(), peaks.cpu().numpy(), drives.cpu().numpy()


def pooled(values: Tensor) -> Tensor:
    """(n, U): the mean over positions of values (n, H, W, U); values (n, U) are returned unchanged."""
    return values if values.ndim == 2 else over_positions(values).mean(1)


def over_positions(values: Tensor) -> Tensor:
    """Values (n, H, W, U) or (n, U) as (n, positions, U)."""
    return values.reshape(len(values), -1, values.shape[-1])


def incoming_weights(model: TrainedModel, layer: UnitLayer) -> np.ndarray | None:
    """(U, H, W, C) float32: the weight of each pixel in the input of each unit; the kernels of a first convolution.

    All affine steps before the layer are included, such as principal components and chosen pixels. None if the input of
    the units is no affine function of pixels.
    """
    if layer.affine:
        return pixel_weights(model, layer)
    first = next(placed for placed in model.network.layers if isinstance(placed.layer, WITH_UNITS))
    if isinstance(first.layer, Conv) and first.name == layer.name and len(first.input_shape) == 3:
        kernels: np.ndarray = model.parameters[f"{first.name}.kernel"][0].cpu().numpy()
        return kernels if kernels.shape[-1] == model.images.shape[-1] else None
    return None


def pixel_weights(model: TrainedModel, layer: UnitLayer) -> np.ndarray:
    """(U, H, W, C) float32, the gradient of the input of each unit; for an affine layer it is the same for all
    images."""
    x = torch.zeros((layer.units, *model.network.input_shape), device=model.images.device, requires_grad=True)
    with torch.enable_grad():
        drive_of(model, layer, x).diagonal().sum().backward()
    assert x.grad is not None  # a leaf with requires_grad
    weights: np.ndarray = x.grad.cpu().numpy()
    return weights
