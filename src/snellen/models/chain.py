"""Layers one after another: names, shapes, initial values, forward pass. A network is a chain; so is a skip's inside.

Values of a layer are named "conv_2.kernel"; kinds are counted from 1 in order of appearance.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from snellen.errors import ShapeError, located
from snellen.limits import MAX_ACTIVATION_BYTES, PREDICTION_BATCH
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors

VALUE_BYTES = 4
"""Of a float32."""
Held = TypeVar("Held")


@dataclass(frozen=True)
class Placed:
    """A layer at its place in a network: its name there, and the shapes of its input and output."""

    name: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape


def place(layers: Iterable[Layer], shape: Shape) -> tuple[Placed, ...]:
    """Names the layers and infers their shapes; a ShapeError names the layer that does not fit."""
    placed: list[Placed] = []
    counts: Counter[str] = Counter()
    for layer in layers:
        counts[layer.name] += 1
        name = f"{layer.name}_{counts[layer.name]}"
        with located(f"layer {name}"):
            output = layer.output_shape(shape)
            _expect_few_values(output)
        placed.append(Placed(name, layer, shape, output))
        shape = output
    return tuple(placed)


def _expect_few_values(shape: Shape) -> None:
    most = MAX_ACTIVATION_BYTES // (VALUE_BYTES * PREDICTION_BATCH)
    if math.prod(shape) > most:
        found, expected = f"{math.prod(shape):,}, shape {shape}", f"at most {most:,}"
        raise ShapeError("too many values of one image", found=found, expected=expected)


def init(chain: Iterable[Placed], key: Key) -> tuple[Arrays, Arrays]:
    """Initial parameters and state of all layers, (L, ...) float64 by full name."""
    parameters: Arrays = {}
    state: Arrays = {}
    for placed in chain:
        own_parameters, own_state = placed.layer.init(key.at(placed.name), placed.input_shape)
        parameters |= {f"{placed.name}.{name}": value for name, value in own_parameters.items()}
        state |= {f"{placed.name}.{name}": value for name, value in own_state.items()}
    return parameters, state


def apply(
    chain: Iterable[Placed], parameters: Tensors, state: Tensors, x: Tensor, step: Step
) -> tuple[Tensor, Tensors]:
    """The output of the last layer, and the changed entries of the state by full name."""
    changed: dict[str, Tensor] = {}
    for placed in chain:
        own_parameters, own_state = _own(parameters, placed.name), _own(state, placed.name)
        x, new = placed.layer.apply(own_parameters, own_state, x, step.at(placed.name))
        changed |= {f"{placed.name}.{name}": value for name, value in new.items()}
    return x, changed


def add_to(graph: InferenceGraph, chain: Iterable[Placed], x: Value, arrays: Arrays, prefix: str = "") -> Value:
    """Appends all layers to what is exported. arrays: of all layers, by full name. prefix: the full name of the layer
    that contains them, with a dot."""
    for placed in chain:
        graph.layer = f"{prefix}{placed.name}"
        with located(f"layer {graph.layer}"):
            x = placed.layer.add_to(graph, x, _own(arrays, placed.name))
    return x


def multiply_adds(chain: Iterable[Placed]) -> int:
    """Multiplications of one forward pass of one row."""
    return sum(placed.layer.multiply_adds(placed.input_shape) for placed in chain)


def operations(chain: Iterable[Placed]) -> int:
    """The time of one forward pass of one row, see `Layer.operations`."""
    return sum(placed.layer.operations(placed.input_shape) for placed in chain)


def live_values(chain: Iterable[Placed]) -> int:
    """Numbers of one row held at once, at most: input, output and working values of the largest layer."""
    return max((_live_values(placed) for placed in chain), default=0)


def _live_values(placed: Placed) -> int:
    around = math.prod(placed.input_shape) + math.prod(placed.output_shape)
    return around + placed.layer.working_values(placed.input_shape)


def penalties(chain: Iterable[Placed]) -> dict[str, tuple[float, float]]:
    """The factors l1 and l2 of each parameter with a penalty, by full name."""
    return {
        f"{placed.name}.{name}": factors
        for placed in chain
        for name, factors in placed.layer.penalties(placed.input_shape).items()
    }


def check(chain: Iterable[Placed], parameters: Tensors, state: Tensors) -> None:
    """Raises IdentityError, naming the layer, for values that neither training nor fitting can have produced."""
    for placed in chain:
        with located(f"layer {placed.name}"):
            placed.layer.check(_own(parameters, placed.name), _own(state, placed.name), placed.input_shape)


def _own(values: Mapping[str, Held], name: str) -> dict[str, Held]:
    prefix = f"{name}."
    return {full[len(prefix) :]: value for full, value in values.items() if full.startswith(prefix)}
