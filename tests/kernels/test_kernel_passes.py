"""Protects the numbers of the compiled kernels: logits and gradients of every layer, function, size and instruction set
are torch's in float64; no lane sees another, no bit changes from one call to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from kernel_cases import KEY, a_pass

pytestmark = pytest.mark.usefixtures("instructions")

CLOSE = 1e-5
"""Of the largest number."""
FUNCTIONS = ("linear", "relu", "elu", "gelu", "silu", "tanh", "sigmoid")
LAYERS: tuple[Any, ...] = (
    *(name for name in FUNCTIONS if name != "linear"),
    *({"leaky_relu": 0.2}, {"elu": 0.7}, {"rescale": {"scale": -1.5, "offset": 0.3}}),
)
CONV = {"conv": {"filters": 5, "kernel": 3}}
LENET = [
    {"conv": {"filters": 6, "kernel": 5, "padding": "same", "activation": "relu"}},
    {"max_pool": 2},
    {"conv": {"filters": 16, "kernel": 5, "activation": "relu"}},
    {"max_pool": 2},
    "flatten",
    {"dense": {"units": 120, "activation": "relu"}},
    {"dense": {"units": 84, "activation": "relu"}},
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_layers_that_multiply(name: str) -> None:
    conv = {"conv": {"filters": 3, "kernel": 3, "activation": name}}
    dense = {"dense": {"units": 7, "activation": name}}
    assert a_pass([conv, "flatten", dense, dense], (6, 5, 2), rows=19).differs_by() < CLOSE


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_functions_alone(layer: Any) -> None:
    """In front, twice after another, after a pool, and after a layer with a function of its own."""
    written = [layer, CONV, layer, layer, {"average_pool": 2}, layer, "flatten", {"dense": 6}, "tanh", layer]
    assert a_pass(written, (7, 6, 2), rows=21).differs_by() < CLOSE


@pytest.mark.parametrize("rows", [1, 5, 15, 16, 17, 31, 32, 33, 64, 65, 128])
def test_rows(rows: int) -> None:
    written = [{"conv": {"filters": 3, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten", {"dense": 9}]
    assert a_pass(written, (8, 8, 1), rows=rows, lanes=2).differs_by() < CLOSE


@pytest.mark.parametrize("units", [1, 2, 10, 11, 12, 13, 16, 17, 31, 33, 64, 100])
@pytest.mark.parametrize("bias", [True, False])
def test_units(units: int, bias: bool) -> None:
    dense = {"dense": {"units": units, "use_bias": bias, "activation": "tanh"}}
    assert a_pass(["flatten", dense, dense], (3, 5, 1), rows=33, classes=units + 1).differs_by() < CLOSE


@pytest.mark.parametrize("channels", [1, 3, 6, 17])
@pytest.mark.parametrize("filters", [1, 3, 6, 7, 12, 17])
@pytest.mark.parametrize("bias", [True, False])
def test_channels_and_filters(channels: int, filters: int, bias: bool) -> None:
    conv = {"conv": {"filters": filters, "kernel": 3, "use_bias": bias, "activation": "tanh"}}
    assert a_pass([conv, conv, "flatten"], (7, 6, channels), rows=17).differs_by() < CLOSE


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(9, 7, 2), (6, 11, 3), (5, 5, 1)], ids=str)
def test_windows(shape: tuple[int, int, int], size: int, stride: int, padding: str) -> None:
    """Convolutions and pools whose windows fit evenly or not, overlap, leave gaps, or hang over the edge."""
    conv = {"conv": {"filters": 3, "kernel": size, "strides": stride, "padding": padding}}
    small = {"conv": {"filters": 2, "kernel": 2, "padding": "same"}}
    pool = {"size": size, "strides": stride, "padding": padding}
    for layer in (conv, {"max_pool": pool}, {"average_pool": pool}):
        assert a_pass([small, layer, "flatten"], shape, rows=18).differs_by() < CLOSE
        assert a_pass([layer, "flatten"], shape, rows=3).differs_by() < CLOSE


def test_the_first_of_equals_wins() -> None:
    """As torch has it: images of few values, so that most windows have several largest."""
    one = a_pass([CONV, "relu", {"max_pool": {"size": 3, "strides": 2, "padding": "same"}}, "flatten"], (9, 9, 1), 20)
    flat = replace(one, x=one.x.sign().clamp(min=0), theta=(8 * one.theta).round() / 8)
    assert flat.differs_by() < CLOSE


def test_global_average_pool() -> None:
    assert a_pass([CONV, "tanh", "global_average_pool"], (6, 6, 2), rows=9).differs_by() < CLOSE


@pytest.mark.parametrize("rows", [1, 20, 32])
@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_lenet(lanes: int, rows: int) -> None:
    assert a_pass(LENET, (28, 28, 1), rows=rows, lanes=lanes, classes=10).differs_by() < CLOSE


def test_rows_that_fill_up() -> None:
    """Their targets are zero, and the others' gradients are divided by how many count."""
    one = a_pass(LENET, (16, 16, 1), rows=21, lanes=2)
    weights = torch.ones(2, 21)
    weights[1, 13:] = 0
    assert replace(one, weights=weights, targets=one.targets * weights.unsqueeze(-1)).differs_by() < CLOSE


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_dropout(parts: int) -> None:
    """Twice after another, in front, on images and on vectors; the masks of torch's own path, also of a share."""
    drop = {"dropout": 0.4}
    written = [drop, CONV, "relu", drop, drop, {"max_pool": 2}, drop, "tanh", "flatten", {"dense": 7}, drop]
    one = replace(a_pass(written, (8, 8, 2), rows=23, lanes=3), key=KEY)
    assert one.differs_by(parts) < CLOSE
    without = replace(one, key=None)
    assert without.differs_by(parts) < CLOSE and not torch.equal(one.by_kernels()[0], without.by_kernels()[0])


def test_large_numbers_are_no_trouble() -> None:
    """Logits of some hundred: exponentials do not overflow."""
    one = a_pass(["flatten", {"dense": 8}], (4, 4, 1), rows=16)
    assert replace(one, theta=60 * one.theta).differs_by() < CLOSE


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("pool", ["max_pool", "average_pool"])
def test_what_is_no_number_stays_none(name: str, pool: str) -> None:
    """A training that goes wrong must show it: in the logits of the image, in no other's, and in the gradient."""
    conv, dense = {"conv": {"filters": 3, "kernel": 3, "activation": name}}, {"dense": {"units": 7, "activation": name}}
    one = a_pass([conv, {pool: 2}, "flatten", dense], (8, 8, 1), rows=19)
    one.x[0, 4, 3, 3] = torch.nan
    logits, gradient = one.by_kernels()
    assert logits[0].isnan().all(1).tolist() == [row == 4 for row in range(19)]
    assert gradient.isnan().any()


@pytest.mark.parametrize("way", ["lanes apart", "rows apart", "permuted"])
def test_images_anywhere_in_memory(way: str) -> None:
    one = a_pass(LENET, (16, 16, 3), rows=20, lanes=2)
    x = one.x
    moved = {
        "lanes apart": torch.cat([x, x], 1)[:, :20],
        "rows apart": x.repeat_interleave(3, 1)[:, ::3],
        "permuted": x.permute(0, 1, 4, 2, 3).contiguous().permute(0, 1, 3, 4, 2),
    }[way]
    assert not moved.is_contiguous() and torch.equal(moved, one.x)
    for found, wanted in zip(replace(one, x=moved).by_kernels(), one.by_kernels()):
        assert torch.equal(found, wanted)


def test_the_same_bits_twice_and_beside_others() -> None:
    one = replace(a_pass([*LENET, {"dropout": 0.3}], (16, 16, 1), rows=37, lanes=3), key=KEY)
    first = one.by_kernels()
    assert all(torch.equal(*pair) for pair in zip(first, one.by_kernels()))
    for lane in range(3):
        own = slice(lane, lane + 1)
        key = replace(KEY, seeds=KEY.seeds[own])
        alone = replace(one, theta=one.theta[own].clone(), x=one.x[own], targets=one.targets[own], key=key)
        assert all(torch.equal(found, wanted[own]) for found, wanted in zip(alone.by_kernels(), first))
