"""Protects the reference networks: their parameter counts are exactly those of the studies they come from."""

from __future__ import annotations

import pytest

from snellen.models.build import build
from snellen.models.zoo import ZOO

COUNTS = [
    ("mlp-1", (28, 28, 1), 805, 0),
    ("mlp-2", (28, 28, 1), 1_600, 0),
    ("mlp-128", (28, 28, 1), 101_770, 0),
    ("mlp-85", (154, 1, 1), 14_035, 0),
    ("mlp-85", (70, 1, 1), 6_895, 0),
    ("mlp-256", (28, 28, 1), 203_530, 0),
    ("vgg-small", (32, 32, 3), 2_397_226, 896),
    ("svhn-ann-1", (32, 32, 1), 68_010, 0),
    ("svhn-ann-2", (32, 32, 1), 310_250, 64),
    ("svhn-cnn-1", (32, 32, 1), 267_306, 0),
    ("svhn-cnn-2", (32, 32, 1), 164_362, 192),
]
"""As the original notebooks print them: all parameters, and those that are not trained (moving statistics)."""

BY_HAND = [
    ("linear", (28, 28, 1), 784 * 10 + 10),
    ("mlp-256-128-64", (28, 28, 1), 785 * 256 + 257 * 128 + 129 * 64 + 65 * 10),
    ("lenet-5", (32, 32, 1), 26 * 6 + (25 * 6 + 1) * 16 + (5 * 5 * 16 + 1) * 256 + 257 * 64 + 65 * 10),
]


@pytest.mark.parametrize(
    ("name", "shape", "count", "moving"), [*COUNTS, *((name, shape, count, 0) for name, shape, count in BY_HAND)]
)
def test_parameter_counts(name: str, shape: tuple[int, int, int], count: int, moving: int) -> None:
    network = build(name, shape, 10)
    assert (network.parameter_count, network.parameter_count - network.trainable_count) == (count, moving)
    assert sum(row["parameters"] for row in network.layer_table()) == count


def test_every_network_is_counted() -> None:
    assert {name for name, *_ in COUNTS} | {name for name, *_ in BY_HAND} == set(ZOO)
