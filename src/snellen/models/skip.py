"""The residual connection: a layer that holds layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, final

from pydantic import FailFast, Field, model_validator
from torch import Tensor

from snellen.errors import ShapeError, located
from snellen.limits import MAX_LAYERS, MAX_SKIP_DEPTH
from snellen.models import chain
from snellen.models.chain import Placed
from snellen.models.keys import Key
from snellen.models.layer import OPERATIONS_A_VALUE, Arrays, Layer, Shape, Step, Tensors

if TYPE_CHECKING:
    AnyLayer = Layer  # any one of LAYERS, known to pydantic once layers.py has put them together

UNEQUAL = "`layers` of a `skip` must give the shape of its `shortcut`"
CHANGED = "the layers inside a `skip` must keep the shape"


@final
class Skip(Layer):
    """g(x) + f(x), with f the list `layers` and g the list `shortcut` (He et al. 2016); both give the same shape.

    An empty shortcut is x itself. Values of the shortcut are named "shortcut.conv_1.kernel".
    """

    kind: Literal["skip"] = "skip"
    shorthand: ClassVar = "layers"
    identity_baseline: ClassVar[Mapping[str, Any]] = {"shortcut": []}
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1, max_length=MAX_LAYERS), FailFast()]
    shortcut: Annotated[tuple[AnyLayer, ...], Field(max_length=MAX_LAYERS), FailFast()] = ()

    @model_validator(mode="after")
    def _not_too_deep(self) -> Skip:
        if self.depth > MAX_SKIP_DEPTH:
            raise ShapeError("`skip` inside `skip` too often", expected=f"at most {MAX_SKIP_DEPTH} deep")
        return self

    @property
    def depth(self) -> int:
        """1 without a skip inside."""
        inside = (*self.layers, *self.shortcut)
        return 1 + max((layer.depth for layer in inside if isinstance(layer, Skip)), default=0)

    @property
    def num_layers(self) -> int:
        return 1 + sum(layer.num_layers for layer in (*self.layers, *self.shortcut))

    def output_shape(self, shape: Shape) -> Shape:
        inside = chain.place(self.layers, shape)[-1].output_shape
        if self.shortcut:
            problem, hint, expected = UNEQUAL, None, self._placed_shortcut(shape)[-1].output_shape
        else:
            problem, hint, expected = CHANGED, "Or give it a `shortcut`: layers that change the shape alike.", shape
        if inside != expected:
            raise ShapeError(problem, found=inside, expected=expected, hint=hint)
        return inside

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        parameters, state = chain.init(chain.place(self.layers, shape), key)
        more_parameters, more_state = chain.init(self._placed_shortcut(shape), key)
        return parameters | more_parameters, state | more_state

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        shape = tuple(x.shape[2:])
        y, changed = chain.apply(chain.place(self.layers, shape), parameters, state, x, step)
        shortcut, also_changed = chain.apply(self._placed_shortcut(shape), parameters, state, x, step)
        return shortcut + y, {**changed, **also_changed}

    def accelerated(self, shape: Shape, lanes: int) -> Layer:
        placed = chain.place(self.layers, shape), self._placed_shortcut(shape)
        layers, shortcut = (tuple(each.layer.accelerated(each.input_shape, lanes) for each in part) for part in placed)
        return self.model_copy(update={"layers": layers, "shortcut": shortcut})

    def _placed_shortcut(self, shape: Shape) -> tuple[Placed, ...]:
        """The layers of the shortcut, placed."""
        with located("shortcut"):
            placed = chain.place(self.shortcut, shape)
        return tuple(replace(each, name=f"shortcut.{each.name}") for each in placed)

    def multiply_adds(self, shape: Shape) -> int:
        return chain.multiply_adds((*chain.place(self.layers, shape), *self._placed_shortcut(shape)))

    def operations(self, shape: Shape) -> int:
        within = chain.operations((*chain.place(self.layers, shape), *self._placed_shortcut(shape)))
        return within + 3 * OPERATIONS_A_VALUE * math.prod(self.output_shape(shape))

    def working_values(self, shape: Shape) -> int:
        """The input stays while `layers` are computed, their output while the shortcut is; then both are added."""
        output = math.prod(self.output_shape(shape))
        inside = chain.live_values(chain.place(self.layers, shape))
        return max(inside - output, chain.live_values(self._placed_shortcut(shape)), 2 * output)

    def penalties(self, shape: Shape) -> Mapping[str, tuple[float, float]]:
        return chain.penalties((*chain.place(self.layers, shape), *self._placed_shortcut(shape)))

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        chain.check((*chain.place(self.layers, shape), *self._placed_shortcut(shape)), parameters, state)

    def detail(self) -> str:
        inside = _listed(self.layers)
        return f"{inside}; shortcut {_listed(self.shortcut)}" if self.shortcut else inside


def _listed(layers: tuple[Layer, ...]) -> str:
    return " > ".join(f"{layer.name} ({layer.detail()})".replace(" ()", "") for layer in layers)
