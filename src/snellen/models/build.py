"""A layer list becomes a network: shapes inferred, the last dense layer to the classes implied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

from snellen.errors import ShapeError, unknown
from snellen.limits import MAX_ACTIVATION_BYTES, MAX_LAYERS, MAX_OPERATIONS, MAX_PARAMETERS, PREDICTION_BATCH
from snellen.models import chain
from snellen.models.backbones.layer import Backbone
from snellen.models.branches import Branching
from snellen.models.chain import Placed
from snellen.models.features import Feature
from snellen.models.inference_graph import InferenceGraph
from snellen.models.keys import Key, Randomness
from snellen.models.layer import Layer, Mode, Shape, Step, Tensors
from snellen.models.layers import Dense
from snellen.models.parts import ModelLayer
from snellen.models.reordered import reordered
from snellen.models.views import Views
from snellen.models.zoo import ZOO


@dataclass(frozen=True)
class Network:
    """Placed layers from images (H, W, C), or what a frozen backbone gives for them, to the logits of K classes;
    parameters are kept elsewhere."""

    input_shape: Shape
    classes: int
    layers: tuple[Placed, ...]

    def init(
        self, seeds: Sequence[int], dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Initial parameters and state of len(seeds) lanes: name -> (L, ...)."""
        parameters, state = chain.init(self.layers, Key(tuple(seeds), ("init",)))
        return to_tensors(parameters, dtype, device), to_tensors(state, dtype, device)

    def apply(
        self,
        parameters: Tensors,
        state: Tensors,
        x: Tensor,
        mode: Mode,
        key: Randomness | None = None,
        sample_weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensors]:
        """Logits (L, N, K) of x (L, N, H, W, C), and the changed entries of the state; in evaluation the mean of the
        logits of its views, where the network has some."""
        first, step = self.layers[0].layer, Step(mode, key, sample_weight)
        if mode == "train" or not isinstance(first, Views):
            return chain.apply(self.computed, parameters, state, x, step)
        logits = [chain.apply(self.computed, parameters, state, view, step)[0] for view in first.of(x)]
        return torch.stack(logits).mean(0), {}

    def apply_keeping(
        self, parameters: Tensors, state: Tensors, x: Tensor, place: int, sample_weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits of x (1, N, H, W, C) in evaluation, the bits of `apply`, and (1, N, ...) what the layer at `place` of
        `computed` gave on the way; of the unchanged image where the network has several views."""
        first, step = self.layers[0].layer, Step("evaluate", sample_weight=sample_weight)
        kept, logits = list[Tensor](), list[Tensor]()
        for view in first.of(x) if isinstance(first, Views) else [x]:
            inner, _ = chain.apply(self.computed[: place + 1], parameters, state, view, step)
            kept.append(inner)
            logits.append(chain.apply(self.computed[place + 1 :], parameters, state, inner, step)[0])
        return logits[0] if len(logits) == 1 else torch.stack(logits).mean(0), kept[0]

    def inference_graph(self, parameters: Tensors, state: Tensors) -> InferenceGraph:
        """The network of lane 0 in evaluation as simple operations, for exports. Raises ExportError, naming the layer,
        where a layer has none."""
        arrays = {name: value[0].detach().cpu().numpy() for name, value in {**parameters, **state}.items()}
        graph = InferenceGraph(self.input_shape)
        chain.add_to(graph, self.layers, graph.image, arrays)
        return graph

    @cached_property
    def computed(self) -> tuple[Placed, ...]:
        """The layers in the order in which they are computed."""
        return reordered(self.layers)

    @cached_property
    def shapes(self) -> tuple[dict[str, Shape], dict[str, Shape]]:
        """Shape, without the lane axis, of each parameter and of each entry of the state, by name."""
        parameters, state = chain.init(self.layers, Key(()))  # no lanes: nothing is allocated
        return {name: value.shape[1:] for name, value in parameters.items()}, {
            name: value.shape[1:] for name, value in state.items()
        }

    @property
    def trainable_count(self) -> int:
        """Number of trained parameters."""
        return sum(math.prod(shape) for shape in self.shapes[0].values())

    @cached_property
    def features(self) -> tuple[Placed, ...]:
        """The feature steps in front, whose state is fitted before training."""
        return tuple(placed for placed in self.layers if isinstance(placed.layer, Feature))

    @property
    def parameter_count(self) -> int:
        """Parameters and moving statistics, as Keras counts them; without fitted feature steps."""
        return sum(row["parameters"] for row in self.layer_table())

    @cached_property
    def stored_count(self) -> int:
        """All numbers of a weights file: what is trained, moving statistics, and fitted feature steps."""
        return sum(math.prod(shape) for shapes in self.shapes for shape in shapes.values())

    @cached_property
    def activation_bytes(self) -> int:
        """Memory that predicting one batch of images takes at most, beside the weights."""
        images = 1 + (2 * self._num_views if self._num_views > 1 else 0)  # a shifted view is cut from a padded copy
        values = images * math.prod(self.input_shape) + chain.live_values(self.layers)
        return values * chain.VALUE_BYTES * PREDICTION_BATCH

    @cached_property
    def operations(self) -> int:
        """The time of predicting one image, all views of it, in multiply-adds of a large product."""
        return self._num_views * chain.operations(self.layers)

    @property
    def _num_views(self) -> int:
        first = self.layers[0].layer
        return first.count if isinstance(first, Views) else 1

    @property
    def multiply_adds(self) -> int:
        """Multiplications of one forward pass of one image."""
        return chain.multiply_adds(self.layers)

    def layer_table(self) -> list[dict[str, Any]]:
        """A row a layer: name, kind, detail, output shape, parameters; where there are branches, the rows of
        each."""
        return self._rows(self.layers, "")

    def _rows(self, layers: Iterable[Placed], prefix: str) -> list[dict[str, Any]]:
        """prefix: the full name of the layer that contains them, with a dot."""
        return [self._row(placed, f"{prefix}{placed.name}.") for placed in layers]

    def _row(self, placed: Placed, prefix: str) -> dict[str, Any]:
        row = {
            "name": placed.name.rpartition(".")[2],
            "kind": placed.layer.name,
            "detail": placed.layer.detail(),
            "output": list(placed.output_shape),
            "parameters": 0 if placed in self.features else self._count(prefix),
        }
        if not isinstance(placed.layer, Branching):
            return row
        branches = placed.layer.placed(placed.input_shape).values()
        return {**row, "branches": [self._rows(branch, prefix) for branch in branches]}

    def _count(self, prefix: str) -> int:
        own = (shape for shapes in self.shapes for name, shape in shapes.items() if name.startswith(prefix))
        return sum(math.prod(shape) for shape in own)


def parse_layers(written: str | Sequence[Any]) -> tuple[Layer, ...]:
    """Layers from a zoo name or a list as a study file writes it."""
    if isinstance(written, str):
        if written not in ZOO:
            raise unknown("network", written, ZOO)
        written = ZOO[written]
    return TypeAdapter(tuple[ModelLayer, ...]).validate_python(tuple(written))


def build(layers: str | Sequence[Any], input_shape: tuple[int, int, int], classes: int) -> Network:
    """The network of `layers` (as written, or Layer objects) for images (H, W, C) and `classes` classes.

    The last dense layer, to the logits of the classes, is added. Raises ShapeError naming the layer that does not fit.
    """
    return assemble((*parse_layers(layers), Dense(units=classes)), input_shape, classes)


def assemble(layers: Sequence[Layer], input_shape: tuple[int, int, int], classes: int) -> Network:
    """The network of a complete layer list, its output layer included. Raises ShapeError when the layers do not fit
    each other or the classes, or are more than MAX_ACTIVATION_BYTES, MAX_OPERATIONS or MAX_PARAMETERS allow."""
    count = sum(layer.num_layers for layer in layers)
    if count > MAX_LAYERS:
        expected = f"at most {MAX_LAYERS:,}, those inside `skip` included"
        raise ShapeError("too many layers", found=f"{count:,}", expected=expected)
    placed = chain.place(layers, input_shape)
    if any(isinstance(layer, Views) for layer in layers[1:]):
        raise ShapeError("`views` stands before all other layers")
    if any(isinstance(layer, Backbone) for layer in layers[1:]):
        raise ShapeError("a backbone stands before all other layers, and not with `views` or `features`")
    if placed[-1].output_shape != (classes,):
        raise ShapeError("the last layer must give one number a class", found=placed[-1].output_shape, expected=classes)
    network = Network(input_shape, classes, placed)
    _expect_affordable(network)
    return network


def _expect_affordable(network: Network) -> None:
    """Counts from the layer list, before anything is allocated. Studies are held to the same limits as bundles, so that
    whatever is trained can be loaded."""
    for what, found, most, unit in (
        ("activations", network.activation_bytes, MAX_ACTIVATION_BYTES, "bytes for a batch of predictions"),
        ("operations", network.operations, MAX_OPERATIONS, "multiply-adds an image"),
        ("parameters", network.stored_count, MAX_PARAMETERS, "numbers, fitted feature steps included"),
    ):
        if found > most:
            hint = "Use smaller images, fewer filters, or pool earlier."
            raise ShapeError(f"too many {what}", found=f"{found:,} {unit}", expected=f"at most {most:,}", hint=hint)


def to_tensors(arrays: Mapping[str, np.ndarray], dtype: torch.dtype, device: str = "cpu") -> dict[str, Tensor]:
    """Arrays as tensors of one type on one device."""
    return {name: torch.as_tensor(value, dtype=dtype, device=device) for name, value in arrays.items()}
