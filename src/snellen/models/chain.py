"""Layers one after another: names, shapes, initial values, forward pass. A network is a chain; so is a skip's inside.

Values of a layer are named "conv_2.kernel"; kinds are counted from 1 in order of appearance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from snellen.errors import located
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors


@dataclass(frozen=True)
class Placed:
    """A layer at its place: its name, and the shapes that go in and come out."""

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
        placed.append(Placed(name, layer, shape, output))
        shape = output
    return tuple(placed)


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


def multiply_adds(chain: Iterable[Placed]) -> int:
    """Multiplications of one forward pass of one row."""
    return sum(placed.layer.multiply_adds(placed.input_shape) for placed in chain)


def _own(values: Tensors, name: str) -> Tensors:
    prefix = f"{name}."
    return {full[len(prefix) :]: value for full, value in values.items() if full.startswith(prefix)}
