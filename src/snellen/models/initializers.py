"""Initial weights, Keras's variance-scaling family (Glorot and Bengio 2010; He et al. 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from snellen.errors import ShapeError
from snellen.limits import MAX_PARAMETERS
from snellen.models.keys import Key

Draw = Callable[[np.random.Generator, tuple[int, ...], int, int], np.ndarray]


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    limit = math.sqrt(3.0 * variance)
    return generator.uniform(-limit, limit, shape)


def _truncated_normal(generator: np.random.Generator, shape: tuple[int, ...], variance: float) -> np.ndarray:
    """Normal, redrawn beyond two deviations; 0.8796 is the deviation that cutting leaves of 1, as in Keras."""
    values = generator.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(int(outside.sum()))
    return values * (math.sqrt(variance) / 0.87962566103423978)


INITIALIZERS: dict[str, Draw] = {
    "glorot_uniform": lambda g, shape, fan_in, fan_out: _uniform(g, shape, 2 / (fan_in + fan_out)),
    "glorot_normal": lambda g, shape, fan_in, fan_out: _truncated_normal(g, shape, 2 / (fan_in + fan_out)),
    "he_uniform": lambda g, shape, fan_in, _: _uniform(g, shape, 2 / fan_in),
    "he_normal": lambda g, shape, fan_in, _: _truncated_normal(g, shape, 2 / fan_in),
    "lecun_uniform": lambda g, shape, fan_in, _: _uniform(g, shape, 1 / fan_in),
    "lecun_normal": lambda g, shape, fan_in, _: _truncated_normal(g, shape, 1 / fan_in),
    "zeros": lambda g, shape, *_: np.zeros(shape),
    "ones": lambda g, shape, *_: np.ones(shape),
}
if TYPE_CHECKING:
    Initializer = str
else:
    Initializer = Literal[tuple(INITIALIZERS)]


def draw(name: Initializer, key: Key, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """(L, *shape) float64 initial weights, one draw a lane. fan_in, fan_out: inputs and outputs of one unit.

    Raises ShapeError above MAX_PARAMETERS, before anything is allocated.
    """
    if math.prod(shape) > MAX_PARAMETERS:
        raise ShapeError("too many weights", found=f"{math.prod(shape):,}", expected=f"at most {MAX_PARAMETERS:,}")
    drawn = [INITIALIZERS[name](generator, shape, fan_in, fan_out) for generator in key.generators()]
    return np.stack(drawn) if drawn else np.empty((0, *shape))
