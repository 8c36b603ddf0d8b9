"""Protects convolutions of 3x3 pixels and dense layers by the compiled library: values and gradients are those of torch
in float64, on every instruction set, and other layers stay with torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from needs import needs
from torch import Tensor

from snellen.models.conv import AcceleratedConv, Conv
from snellen.models.dense import AcceleratedDense, Dense
from snellen.models.layer import Step

pytestmark = needs("kernels")
SIZES = [  # rows, height, width, channels, filters
    (1, 4, 4, 16, 16),
    (2, 5, 7, 16, 48),
    (3, 1, 2, 32, 16),
    (5, 9, 6, 48, 80),
    (7, 16, 16, 64, 32),
    (33, 8, 8, 128, 128),
    (35, 8, 5, 272, 496),  # more tiles than are treated together
]


def drawn(rows: int, height: int, width: int, channels: int, filters: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(rows + filters)
    x = torch.randn((1, rows, height, width, channels), generator=random)
    kernel = torch.randn((1, filters, 3, 3, channels), generator=random) / (9 * channels) ** 0.5
    return x, kernel, torch.randn((1, filters), generator=random) / 3


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, pad: int, relu: bool) -> Tensor:
    """By the accelerated layer."""
    written: dict[str, Any] = {"padding": "same" if pad else "valid", "activation": "relu" if relu else "linear"}
    layer = AcceleratedConv(filters=kernel.shape[1], kernel=3, use_bias=bias is not None, **written)
    return layer.apply(parameters(kernel, bias), {}, x, Step("train"))[0]


def multiply(x: Tensor, kernel: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """The same for vectors."""
    layer = AcceleratedDense(units=kernel.shape[2], activation="relu" if relu else "linear", use_bias=bias is not None)
    return layer.apply(parameters(kernel, bias), {}, x, Step("train"))[0]


def parameters(kernel: Tensor, bias: Tensor | None) -> dict[str, Tensor]:
    return {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}


def plain(x: Tensor, kernel: Tensor, bias: Tensor | None, pad: int, relu: bool) -> Tensor:
    """By torch."""
    y = functional.conv2d(x[0].permute(0, 3, 1, 2), kernel[0].permute(0, 3, 1, 2), None, 1, pad)
    y = y.permute(0, 2, 3, 1).unsqueeze(0)
    y = y if bias is None else y + bias.view(1, 1, 1, 1, -1)
    return y.relu() if relu else y


def with_gradients(compute: Any, values: list[Tensor], pad: int, relu: bool) -> list[Tensor]:
    leaves = [each.clone().requires_grad_() for each in values]
    y = compute(*leaves, *([None] if len(leaves) == 2 else []), pad, relu)
    slope = torch.sin(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, leaves, slope)]


def gap(found: Tensor, expected: Tensor) -> float:
    """The largest difference, in shares of the largest value."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_values_and_gradients_of_torch(
    size: tuple[int, int, int, int, int], pad: int, relu: bool, biased: bool, instructions: str
) -> None:
    """Rounding of values near zero may decide otherwise whether a relu lets a gradient pass: such are left out."""
    if min(size[1:3]) + 2 * pad < 3:
        pytest.skip("the window does not fit")
    values = list(drawn(*size))[: 3 if biased else 2]
    doubles = [value.double() for value in values]
    found = with_gradients(convolve, values, pad, relu)
    passes = (found[0] > 0) | torch.tensor(not relu)
    expected = with_gradients(lambda x, w, bias, pad, _: plain(x, w, bias, pad, False) * passes, doubles, pad, relu)
    assert max(gap(one, other) for one, other in zip(found, expected)) < 1e-5
    assert gap(found[0], with_gradients(plain, doubles, pad, relu)[0]) < 1e-5


VECTORS = [(1, 5, 16), (32, 784, 128), (33, 100, 48), (130, 64, 80), (7, 130, 112)]  # rows, inputs, units


def product(x: Tensor, kernel: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """By torch."""
    y = x @ kernel
    y = y if bias is None else y + bias
    return y.relu() if relu else y


@pytest.mark.parametrize("size", VECTORS, ids=str)
@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_products_of_torch(size: tuple[int, int, int], relu: bool, biased: bool, instructions: str) -> None:
    rows, inputs, units = size
    random = torch.Generator().manual_seed(rows)
    x, bias = torch.randn((1, rows, inputs), generator=random), torch.randn((1, units), generator=random)
    values = [x, torch.randn((1, inputs, units), generator=random) / inputs**0.5, bias][: 3 if biased else 2]
    doubles = [value.double() for value in values]
    found = with_gradients(lambda x, w, bias, _, relu: multiply(x, w, bias, relu), values, 0, relu)
    passes = (found[0] > 0) | torch.tensor(not relu)
    expected = with_gradients(lambda x, kernel, bias, *_: product(x, kernel, bias, False) * passes, doubles, 0, relu)
    assert max(gap(one, other) for one, other in zip(found, expected)) < 1e-5
    assert gap(found[0], product(doubles[0], doubles[1], doubles[2] if biased else None, relu)) < 1e-5


@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_the_accelerated_dense_layer_is_the_plain_one(activation: Any) -> None:
    random = torch.Generator().manual_seed(1)
    own = parameters(torch.randn((1, 50, 32), generator=random), torch.randn((1, 32), generator=random))
    x, plain_layer = torch.randn((1, 9, 50), generator=random), Dense(units=32, activation=activation)
    quick = plain_layer.accelerated((50,), 1)
    assert isinstance(quick, AcceleratedDense) and quick.model_dump() == plain_layer.model_dump()
    found, expected = (each.apply(own, {}, x, Step("train"))[0] for each in (quick, plain_layer))
    assert gap(found, expected) < 1e-5 and not torch.equal(found, expected)


def test_dense_layers_that_stay_with_torch() -> None:
    assert type(Dense(units=20).accelerated((50,), 1)) is Dense
    assert type(Dense(units=32).accelerated((50,), 2)) is Dense


def test_same_bits_again(instructions: str) -> None:
    values = list(drawn(*SIZES[3]))
    first, second = (with_gradients(convolve, values, 1, True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_the_accelerated_convolution_is_the_plain_one(padding: Any, activation: Any) -> None:
    x, kernel, bias = drawn(*SIZES[3])
    plain_layer = Conv(filters=kernel.shape[1], kernel=3, padding=padding, activation=activation)
    quick = plain_layer.accelerated(tuple(x.shape[2:]), 1)
    assert isinstance(quick, AcceleratedConv) and quick.model_dump() == plain_layer.model_dump()
    found, expected = (each.apply(parameters(kernel, bias), {}, x, Step("train"))[0] for each in (quick, plain_layer))
    assert gap(found, expected) < 1e-5 and not torch.equal(found, expected)


@pytest.mark.parametrize(
    "change",
    [{"strides": 2}, {"channels": 17}, {"filters": 20}, {"kernel": 5}, {"lanes": 2}, {"filters": 4112}],
    ids=str,
)
def test_convolutions_that_stay_with_torch(change: dict[str, int]) -> None:
    def kind(channels: int, lanes: int, **written: int) -> type:
        return type(Conv(**written).accelerated((8, 8, channels), lanes))

    usual = {"strides": 1, "channels": 32, "filters": 16, "kernel": 3, "lanes": 1}
    assert kind(**usual) is AcceleratedConv and kind(**{**usual, **change}) is Conv
