"""Protects what each layer computes, against plain NumPy loops, torch.nn and known distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from snellen.models.initializers import INITIALIZERS, Initializer, draw
from snellen.models.keys import Key
from snellen.models.layer import Step
from snellen.models.layers import LAYERS, BatchNorm, Conv, Dense, Dropout, MaxPool

RANDOM = np.random.default_rng(4)
NOTHING: dict[str, torch.Tensor] = {}


def tensors(**arrays: np.ndarray) -> dict[str, torch.Tensor]:
    """One lane."""
    return {name: torch.tensor(value)[None] for name, value in arrays.items()}


def windows(x: np.ndarray, size: int, stride: int, padding: str, fill: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Every window of pictures (N, H, W, C), (windows, N, size, size, C) row by row, as Keras and TensorFlow define
    `valid` and `same`; and the height and width of the output."""
    if padding == "same":
        totals = [max((math.ceil(side / stride) - 1) * stride + size - side, 0) for side in x.shape[1:3]]
        pads = [(total // 2, total - total // 2) for total in totals]
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    places = [range(0, side - size + 1, stride) for side in x.shape[1:3]]
    found = [x[:, top : top + size, left : left + size] for top in places[0] for left in places[1]]
    return np.stack(found), (len(places[0]), len(places[1]))


WINDOWS = [(size, stride, padding) for size in (1, 2, 3, 4) for stride in (1, 2, 3) for padding in ("valid", "same")]


@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_conv_is_a_sum_over_windows(size: int, stride: int, padding: Any) -> None:
    x, kernel, bias = RANDOM.normal(size=(2, 7, 6, 3)), RANDOM.normal(size=(4, size, size, 3)), RANDOM.normal(size=4)
    seen, (height, width) = windows(x, size, stride, padding, 0.0)
    expected = np.einsum("wnijc,fijc->nwf", seen, kernel).reshape(2, height, width, 4) + bias
    layer = Conv(filters=4, kernel=size, strides=stride, padding=padding)
    y, _ = layer.apply(tensors(kernel=kernel, bias=bias), NOTHING, torch.tensor(x)[None], Step("train"))
    np.testing.assert_allclose(y[0], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("size", "stride", "padding"), WINDOWS)
def test_max_pool_is_the_largest_of_each_window(size: int, stride: int, padding: Any) -> None:
    """Negative everywhere: padding must never be the largest."""
    x = -RANDOM.uniform(1, 2, size=(2, 7, 6, 3))
    seen, (height, width) = windows(x, size, stride, padding, -np.inf)
    expected = seen.max((2, 3)).transpose(1, 0, 2).reshape(2, height, width, 3)
    y, _ = MaxPool(size=size, strides=stride, padding=padding).apply(
        NOTHING, NOTHING, torch.tensor(x)[None], Step("train")
    )
    np.testing.assert_array_equal(y[0], expected)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_dense_is_a_matrix_product(activation: Any) -> None:
    x, kernel, bias = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(3, 4)), RANDOM.normal(size=4)
    layer = Dense(units=4, activation=activation)
    y, _ = layer.apply(tensors(kernel=kernel, bias=bias), NOTHING, torch.tensor(x)[None], Step("train"))
    expected = x @ kernel + bias
    np.testing.assert_allclose(y[0], np.maximum(expected, 0) if activation == "relu" else expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 2, 3)], ids=["vectors", "pictures"])
@pytest.mark.parametrize("weighted", [False, True], ids=["native", "weighted"])
def test_batch_norm_is_that_of_torch_with_kerass_moving_variance(shape: tuple[int, ...], weighted: bool) -> None:
    """Both of our ways. torch moves the unbiased variance and counts momentum from the other side."""
    count = math.prod(shape[:-1])
    x, gamma, beta = RANDOM.normal(2, 3, size=shape), RANDOM.normal(size=3), RANDOM.normal(size=3)
    theirs = torch.nn.BatchNorm1d(3, eps=0.01, momentum=0.2, dtype=torch.float64)
    theirs.load_state_dict({**theirs.state_dict(), "weight": torch.tensor(gamma), "bias": torch.tensor(beta)})
    expected = theirs(torch.tensor(x).reshape(count, 3)).detach().reshape(shape)
    layer, parameters = BatchNorm(momentum=0.8, epsilon=0.01), tensors(gamma=gamma, beta=beta)
    state = tensors(moving_mean=np.zeros(3), moving_variance=np.ones(3))
    weights = torch.ones(1, shape[0], dtype=torch.float64) if weighted else None
    y, moved = layer.apply(parameters, state, torch.tensor(x)[None], Step("train", None, weights))
    torch.testing.assert_close(y[0], expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(moved["moving_mean"][0], theirs.running_mean)
    biased = (theirs.running_var - 0.8) * (count - 1) / count + 0.8
    torch.testing.assert_close(moved["moving_variance"][0], biased)
    theirs.load_state_dict({**theirs.state_dict(), "running_var": biased})
    later, _ = layer.apply(parameters, moved, torch.tensor(x)[None], Step("evaluate"))
    torch.testing.assert_close(later[0], theirs.eval()(torch.tensor(x).reshape(count, 3)).detach().reshape(shape))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate: float) -> None:
    """Kept values are 1 / (1 - rate); the count dropped is within five deviations; steps and lanes differ."""
    x = torch.ones(2, 50, 400, dtype=torch.float64)
    key = Key((0, 1), ("step", 0))
    y = [Dropout(rate=rate).apply(NOTHING, NOTHING, x, Step("train", at))[0] for at in (key, key.at("next"))]
    for lane in range(2):
        dropped = int((y[0][lane] == 0).sum())
        assert abs(dropped - 20_000 * rate) < 5 * math.sqrt(20_000 * rate * (1 - rate))
        torch.testing.assert_close(
            y[0][lane][y[0][lane] != 0], torch.full((20_000 - dropped,), 1 / (1 - rate)).double()
        )
    masks = [(each[lane] == 0).flatten().double() for each in y for lane in range(2)]
    correlations = torch.corrcoef(torch.stack(masks)) - torch.eye(4)
    assert correlations.abs().max() < 5 / math.sqrt(20_000)


@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.1)])
def test_activations(name: str, slope: float) -> None:
    x = torch.tensor([[[-2.0, 0.0, 3.0]]])
    layer = LAYERS[name](**({"negative_slope": slope} if slope else {}))
    torch.testing.assert_close(layer.apply(NOTHING, NOTHING, x, Step("train"))[0], torch.tensor([[[-2 * slope, 0, 3]]]))


def test_flatten_goes_row_by_row_with_channels_innermost() -> None:
    x = torch.arange(24.0).view(1, 1, 2, 3, 4)
    y, _ = LAYERS["flatten"]().apply(NOTHING, NOTHING, x, Step("train"))
    assert y.flatten().tolist() == list(range(24)) and y.shape == (1, 1, 24)


VARIANCE = {"glorot": 2 / (300 + 100), "he": 2 / 300, "lecun": 1 / 300}
"""For 300 inputs and 100 outputs; Glorot and Bengio 2010, He et al. 2015, LeCun et al. 1998."""


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_initializers_have_their_distribution(name: Initializer) -> None:
    values = draw(name, Key((3,)), (300, 100), 300, 100).ravel()
    family, _, kind = name.partition("_")
    if not kind:
        assert set(values) == {0.0 if name == "zeros" else 1.0}
        return
    deviation = math.sqrt(VARIANCE[family])
    assert values.std() == pytest.approx(deviation, rel=0.02)
    stretch = {"uniform": math.sqrt(3) * deviation, "normal": deviation / 0.87962566103423978}[kind]
    theirs = {"uniform": stats.uniform(-1, 2), "normal": stats.truncnorm(-2, 2)}[kind]
    assert stats.kstest(values / stretch, theirs.cdf).pvalue > 1e-3
