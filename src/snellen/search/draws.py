"""Assignments drawn at random, never the same twice: one stream per seed, in which every trial has its position."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from snellen.study.space import Assignment, Space
from snellen.study.values import Choice, Scalar, Value

LISTED = 10_000
"""Largest finite space that is listed and shuffled; in larger spaces, draws that repeat an earlier draw are left
out."""


def draws(space: Space, seed: int) -> Iterator[dict[str, Scalar]]:
    """Different assignments, as many as there are. In a space that is listed all combinations are equally likely; in
    others all options of each choice are, and numbers are uniform on their scale."""
    generator = np.random.default_rng([seed, 0])
    if space.count is not None and space.count <= LISTED:
        combinations = list(space.combinations())
        return (combinations[index] for index in generator.permutation(len(combinations)))
    return _different(space, generator)


def key_of(assignment: Assignment) -> tuple[tuple[str, Scalar], ...]:
    """A key that is the same for equal assignments only."""
    return tuple(assignment.items())


def _different(space: Space, generator: np.random.Generator) -> Iterator[dict[str, Scalar]]:
    seen: set[tuple[tuple[str, Scalar], ...]] = set()
    while space.count is None or len(seen) < space.count:
        assignment = space.walk(partial(_draw, generator))
        if key_of(assignment) not in seen:
            seen.add(key_of(assignment))
            yield assignment


def _draw(generator: np.random.Generator, path: str, value: Value) -> Scalar:
    """The path is not used: `Space.walk` gives it."""
    if isinstance(value, Choice):
        return value.labels[int(generator.integers(len(value.labels)))]
    if value.scale == "log":
        margin = 0.5 if value.step else 0.0
        low, high = math.log(value.low - margin), math.log(value.high + margin)
        return value.tidy(math.exp(generator.uniform(low, high)))
    if value.count is not None:
        return value.at(int(generator.integers(value.count)))
    return value.tidy(generator.uniform(value.low, value.high))
