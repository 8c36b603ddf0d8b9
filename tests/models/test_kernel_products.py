"""Protects convolutions of 3x3 pixels and dense layers by the compiled kernels: values and gradients are those of torch
in float64, on every instruction set, and torch computes whatever they do not suit."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import torch
import torch.nn.functional as functional
from needs import needs
from torch import Tensor

from snellen.kernels.library import has_vectors, library
from snellen.models import kernel_products
from snellen.models.conv import Conv
from snellen.models.dense import Dense
from snellen.models.layer import Step

pytestmark = needs("kernels")
SIZES = [  # rows, height, width, channels, filters
    (1, 4, 4, 16, 16),
    (2, 5, 7, 16, 48),
    (3, 1, 2, 32, 16),
    (5, 9, 6, 48, 80),
    (7, 16, 16, 64, 32),
    (33, 8, 8, 128, 128),
]


def drawn(rows: int, height: int, width: int, channels: int, filters: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(rows + filters)
    x = torch.randn((1, rows, height, width, channels), generator=random)
    kernel = torch.randn((1, filters, 3, 3, channels), generator=random) / (9 * channels) ** 0.5
    return x, kernel, torch.randn((1, filters), generator=random) / 3


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
    found = with_gradients(kernel_products.convolve, values, pad, relu)
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
    found = with_gradients(lambda x, w, bias, _, relu: kernel_products.multiply(x, w, bias, relu), values, 0, relu)
    passes = (found[0] > 0) | torch.tensor(not relu)
    expected = with_gradients(lambda x, kernel, bias, *_: product(x, kernel, bias, False) * passes, doubles, 0, relu)
    assert max(gap(one, other) for one, other in zip(found, expected)) < 1e-5
    assert gap(found[0], product(doubles[0], doubles[1], doubles[2] if biased else None, relu)) < 1e-5


@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_the_dense_layer_is_the_same_in_training_and_evaluation(
    activation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, quick = torch.Generator().manual_seed(1), mock.Mock(wraps=kernel_products.multiply)
    monkeypatch.setattr(kernel_products, "multiply", quick)
    parameters = {"kernel": torch.randn((1, 50, 32), generator=random), "bias": torch.randn((1, 32), generator=random)}
    x, layer = torch.randn((1, 9, 50), generator=random), Dense(units=32, activation=activation)
    trained, evaluated = (layer.apply(parameters, {}, x, Step(mode))[0] for mode in ("train", "evaluate"))
    assert quick.call_count == has_vectors() and gap(trained, evaluated) < 1e-5


def test_dense_layers_that_it_does_not_suit() -> None:
    x, kernel = torch.zeros((1, 9, 50)), torch.zeros((1, 50, 32))
    assert kernel_products.multiplies(x, kernel) == has_vectors()
    assert not kernel_products.multiplies(x.double(), kernel.double())
    assert not kernel_products.multiplies(x, kernel[:, :, :20])
    assert not kernel_products.multiplies(x.repeat(2, 1, 1), kernel.repeat(2, 1, 1))


def test_same_bits_again(instructions: str) -> None:
    values = list(drawn(*SIZES[3]))
    first, second = (with_gradients(kernel_products.convolve, values, 1, True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second))


def conv(x: Tensor, kernel: Tensor, bias: Tensor, mode: Any, **arguments: Any) -> Tensor:
    layer = Conv(filters=kernel.shape[1], kernel=kernel.shape[2], **arguments)
    y, _ = layer.apply({"kernel": kernel, "bias": bias}, {}, x, Step(mode))
    return y


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_the_layer_is_the_same_in_training_and_evaluation(
    padding: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, kernel, bias = drawn(*SIZES[3])
    called: list[int] = []
    quick = kernel_products.convolve

    def counted(*values: Any) -> Tensor:
        called.append(1)
        return quick(*values)

    monkeypatch.setattr(kernel_products, "convolve", counted)
    trained = conv(x, kernel, bias, "train", padding=padding, activation=activation)
    assert len(called) == has_vectors()
    evaluated = conv(x, kernel, bias, "evaluate", padding=padding, activation=activation)
    assert len(called) == has_vectors() and gap(trained, evaluated) < 1e-5


@pytest.mark.parametrize(
    "change",
    [
        {"x": torch.float64},
        {"strides": 2},
        {"channels": 17},
        {"filters": 20},
        {"side": 5},
        {"lanes": 2},
    ],
    ids=str,
)
def test_what_it_does_not_suit(change: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {"x": torch.float32, "strides": 1, "channels": 32, "filters": 16, "side": 3, "lanes": 1}

    def asked(lanes: int, filters: int, side: int, channels: int, strides: int, x: torch.dtype) -> bool:
        kernel = torch.zeros((lanes, filters, side, side, channels))
        return kernel_products.convolves(torch.zeros((lanes, 2, 8, 8, channels), dtype=x), kernel, strides)

    assert asked(**wanted) == has_vectors() and not asked(**{**wanted, **change})


def test_switched_off_it_suits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, kernel, _ = drawn(*SIZES[1])
    monkeypatch.setenv("SNELLEN_KERNELS", "off")
    assert not kernel_products.convolves(x, kernel, 1)


def test_plain_instructions_are_left_to_torch() -> None:
    found = library()
    assert found is not None
    x, kernel, _ = drawn(*SIZES[1])
    before = found.snellen_instructions()
    found.snellen_use(b"generic")
    try:
        assert not kernel_products.convolves(x, kernel, 1)
    finally:
        found.snellen_use(before)
