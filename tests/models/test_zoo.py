"""Protects the reference networks: their parameter counts are exactly those of the studies they come from."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from snellen.models.activations import ARGUMENTS
from snellen.models.build import build
from snellen.models.initializers import INITIALIZERS
from snellen.models.layers import LAYERS
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
    ("lenet-5", (28, 28, 1), 26 * 6 + (25 * 6 + 1) * 16 + (4 * 4 * 16 + 1) * 256 + 257 * 64 + 65 * 10),
    ("lenet-5", (32, 32, 1), 26 * 6 + (25 * 6 + 1) * 16 + (5 * 5 * 16 + 1) * 256 + 257 * 64 + 65 * 10),
]


Convolution = tuple[int, int, int]
"""Kernel, channels in, channels out."""


def _resnet(blocks: int) -> list[Convolution]:
    """As He et al. 2016 list them, the two projections last."""
    inside = [(3, 16, 16)] + [(3, width, width) for width in (16, 32, 64) for _ in range(2 * blocks - 1)]
    return [(3, 3, 16), *inside, (3, 16, 32), (3, 32, 64), (1, 16, 32), (1, 32, 64)]


NORMED = {
    "cnn-small": [(3, 3, 32), (3, 32, 64), (3, 64, 64), (3, 64, 128), (3, 128, 128)],
    "resnet-8": _resnet(1),
    "resnet-20": _resnet(3),
}
"""Networks of convolutions without bias, each with a batch norm: two fitted and two moving numbers a channel."""


FAST = {"cnn-fast": (48, 96, 96, 192), "cnn-fast-wide": (64, 128, 128, 256)}
"""Filters of the four convolutions of 3x3 behind 48 channels, as NORMED otherwise."""


@pytest.mark.parametrize("name", FAST)
def test_parameter_counts_of_the_fast_networks(name: str) -> None:
    widths = (48, *FAST[name])
    fitted = sum(9 * inputs * outputs + 2 * outputs for inputs, outputs in pairwise(widths)) + (widths[-1] + 1) * 10
    network = build(name, (16, 16, 48), 10)
    assert (network.trainable_count, network.parameter_count) == (fitted, fitted + 2 * sum(FAST[name]))


@pytest.mark.parametrize(
    ("name", "shape", "count", "moving"), [*COUNTS, *((name, shape, count, 0) for name, shape, count in BY_HAND)]
)
def test_parameter_counts(name: str, shape: tuple[int, int, int], count: int, moving: int) -> None:
    network = build(name, shape, 10)
    assert (network.parameter_count, network.parameter_count - network.trainable_count) == (count, moving)
    assert sum(row["parameters"] for row in network.layer_table()) == count


@pytest.mark.parametrize("name", NORMED)
def test_parameter_counts_of_normed_convolutions(name: str) -> None:
    network = build(name, (32, 32, 3), 10)
    fitted = sum(kernel**2 * inputs * outputs + 2 * outputs for kernel, inputs, outputs in NORMED[name])
    moving = sum(2 * outputs for _, _, outputs in NORMED[name])
    last = (NORMED[name][-1][2] + 1) * 10
    assert (network.trainable_count, network.parameter_count) == (fitted + last, fitted + last + moving)
    assert 78_000 < network.parameter_count < 300_000


def test_resnet_20_is_that_of_the_paper() -> None:
    """0.27 million (table 6); public implementations count 269,722 without the projections of option B."""
    projections = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert build("resnet-20", (32, 32, 3), 10).trainable_count == 269_722 + projections


def test_the_small_modern_networks_take_images_of_28_to_32_pixels() -> None:
    for name in NORMED:
        for side in (28, 32):
            before_dense = build(name, (side, side, 1), 10).layer_table()[-2]
            assert before_dense["kind"] == "global_average_pool"


@pytest.mark.parametrize("name", NORMED)
def test_convolutions_before_a_relu_start_as_he_says(name: str) -> None:
    """Deviation sqrt(2 / inputs of one unit): He et al. 2015."""
    parameters, _ = build(name, (32, 32, 3), 10).init((0,))
    kernels = [value for full, value in parameters.items() if full.endswith("kernel") and value.dim() == 5]
    assert len(kernels) == len(NORMED[name])
    for kernel in kernels:
        assert kernel.std().item() == pytest.approx((2 / kernel[0, 0].numel()) ** 0.5, rel=0.15)


def test_the_documents_name_every_network_layer_activation_and_initializer() -> None:
    """And count the networks as they are."""
    text = (Path(__file__).parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")
    assert not [name for name in (*ZOO, *LAYERS, *ARGUMENTS, *INITIALIZERS) if f"`{name}`" not in text]
    table = text.partition("| network |")[2].partition("\n\n")[0].splitlines()
    rows = [line.split("|") for line in table if line.startswith("| `")]
    for _, names, _, counts, _ in rows:
        height, width, channels = map(int, counts.split(" on ")[1].split("x"))
        networks = [build(name, (height, width, channels), 10) for name in re.findall("`([^`]+)`", names)]
        found = [f"{network.parameter_count:,}" for network in networks]
        assert counts.split(" on ")[0].strip() == ", ".join(found)
    assert len(rows) == 10


def test_every_network_is_counted() -> None:
    assert {name for name, *_ in (*COUNTS, *BY_HAND)} | set(NORMED) | set(FAST) == set(ZOO)
