"""Which layers have units, and how they are read: a unit's activation for each picture, and its incoming weights."""

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
from snellen.models.activations import Elementwise, Rescale, activate
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.conv import Conv, DepthwiseConv, SeparableConv
from snellen.models.dense import Dense
from snellen.models.dropout import Dropout
from snellen.models.features import Feature
from snellen.models.layer import Layer, Step
from snellen.models.normalisation import BatchNorm, LayerNorm
from snellen.models.pooling import AveragePool, GlobalAveragePool
from snellen.models.shaping import Flatten, ZeroPad
from snellen.models.skip import Skip

WITH_UNITS = (Dense, Conv, DepthwiseConv, SeparableConv, Skip)
"""Layers whose output channels are units: they mix what came before into something new."""
ACTIVATED = (Dense, Conv, DepthwiseConv, SeparableConv)
"""Layers with an activation function of their own."""
AFFINE = (Feature, Flatten, Dropout, ZeroPad, Rescale, BatchNorm, AveragePool, GlobalAveragePool)
"""Layers that, once trained, add and multiply by constants alone."""


def layers_with_units(network: Network) -> list[str]:
    """Names of the layers whose units can be looked at, in order."""
    return [placed.name for placed in network.layers if isinstance(placed.layer, WITH_UNITS)]


def chosen_layer(network: Network, name: str | None) -> str:
    """The layer of this name; None is the last hidden one with weights.

    Raises UnknownName for a layer that is not there, StudyError for one that has no units, each listing those that fit.
    """
    fitting = layers_with_units(network)
    if name is None and len(fitting) == 1:
        raise StudyError("there is no hidden layer", hint=f"`layer: {fitting[0]}` looks at the output layer.")
    if name is None:
        return fitting[-2]
    if name not in {placed.name for placed in network.layers}:
        raise unknown("layer", name, fitting)
    if name not in fitting:
        raise StudyError(f"the layer `{name}` has no units of its own", expected=f"one of {', '.join(fitting)}")
    return name


@dataclass(frozen=True, eq=False)
class Readings:
    """What U units gave for N pictures. activation, peak: (N, U), mean and largest value over positions.

    drive: (N, U), mean of what goes into the activation function: it tells pictures apart for which a unit is silent.
    """

    activation: np.ndarray
    peak: np.ndarray
    drive: np.ndarray


@dataclass(frozen=True, eq=False)
class UnitLayer:
    """A layer with units, read where the next layer with units sees it: normalisation and activation applied.

    read_at: the name of the layer there. until: all layers up to the input of the activation function. activate: that
    function. convolutional: each unit gives a value at each position.
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
    """Where the units of layer `at` are read: past normalisation, up to its activation function, its own or a layer."""
    own = layers[at].layer
    if isinstance(own, ACTIVATED) and own.activation != "linear":
        return at
    for place in range(at + 1, len(layers)):
        if isinstance(layers[place].layer, Elementwise):
            return place
        if not isinstance(layers[place].layer, BatchNorm | LayerNorm):
            return place - 1
    return len(layers) - 1


def _affine(layer: Layer) -> bool:
    linear = isinstance(layer, Dense | Conv | DepthwiseConv | SeparableConv) and layer.activation == "linear"
    return isinstance(layer, AFFINE) or linear


def drive_of(model: TrainedModel, layer: UnitLayer, x: Tensor) -> Tensor:
    """(n, U) or (n, H, W, U): what goes into the activation function for pictures (n, H, W, C); keeps gradients."""
    y, _ = chain.apply(layer.until, model.parameters, model.state, x.unsqueeze(0), Step("evaluate"))
    return y[0]


def read_units(model: TrainedModel, layer: UnitLayer, rows: np.ndarray) -> Readings:
    """What the units gave for the pictures of `rows`, ROWS_AT_ONCE at a time: maps of all are never held."""
    parts = [_read(model, layer, rows[start : start + ROWS_AT_ONCE]) for start in range(0, len(rows), ROWS_AT_ONCE)]
    return Readings(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _read(model: TrainedModel, layer: UnitLayer, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with torch.inference_mode():
        drive = drive_of(model, layer, model.inputs(rows))
        activation = layer.activate(drive.clone())
        means, peaks, drives = pooled(activation), over_positions(activation).amax(1), pooled(drive)
    return means.cpu().numpy(), peaks.cpu().numpy(), drives.cpu().numpy()


def pooled(values: Tensor) -> Tensor:
    """(n, U): the mean over positions of (n, H, W, U); (n, U) stays."""
    return values if values.ndim == 2 else over_positions(values).mean(1)


def over_positions(values: Tensor) -> Tensor:
    """(n, positions, U)."""
    return values.reshape(len(values), -1, values.shape[-1])


def incoming_weights(model: TrainedModel, layer: UnitLayer) -> np.ndarray | None:
    """(U, H, W, C) float32: by how much each pixel raises the drive of each unit; kernels of a first convolution.

    Through components, chosen pixels and whatever else is affine in front. None where the layer sees no pixels.
    """
    if layer.affine:
        return pixel_weights(model, layer)
    first = next(placed for placed in model.network.layers if isinstance(placed.layer, WITH_UNITS))
    if isinstance(first.layer, Conv) and first.name == layer.name and len(first.input_shape) == 3:
        kernels: np.ndarray = model.parameters[f"{first.name}.kernel"][0].cpu().numpy()
        return kernels if kernels.shape[-1] == model.images.shape[-1] else None
    return None


def pixel_weights(model: TrainedModel, layer: UnitLayer) -> np.ndarray:
    """(U, H, W, C) float32, the gradient of each unit's drive; the same everywhere for an affine layer."""
    x = torch.zeros((layer.units, *model.network.input_shape), device=model.images.device, requires_grad=True)
    with torch.enable_grad():
        drive_of(model, layer, x).diagonal().sum().backward()
    assert x.grad is not None  # a leaf that was asked for its gradient
    weights: np.ndarray = x.grad.cpu().numpy()
    return weights
