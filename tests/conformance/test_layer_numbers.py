"""Protects what each layer computes, against plain NumPy loops, torch.nn and known distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from scipy import special, stats

from snellen.models.activations import Activation
from snellen.models.build import parse_layers
from snellen.models.initializers import INITIALIZERS, Initializer, draw
from snellen.models.keys import Key
from snellen.models.layer import Step
from snellen.models.layers import LAYERS, BatchNorm, Dropout

RANDOM = np.random.default_rng(4)
NOTHING: dict[str, torch.Tensor] = {}


def tensors(**arrays: np.ndarray) -> dict[str, torch.Tensor]:
    """One lane."""
    return {name: torch.tensor(value)[None] for name, value in arrays.items()}


def applied(written: Any, x: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    """What the layer, as a study writes it, makes of rows x (N, ...)."""
    (layer,) = parse_layers([written])
    y, _ = layer.apply(tensors(**parameters), NOTHING, torch.tensor(x)[None], Step("train"))
    return y[0].numpy()


Pair = tuple[int, int]


def windows(
    x: np.ndarray, size: Pair, strides: Pair, padding: str, fill: float, dilation: Pair = (1, 1)
) -> tuple[np.ndarray, tuple[int, int]]:
    """Every window of images (N, H, W, C), (windows, N, *size, C) row by row, as Keras and TensorFlow define `valid`
    and `same`; and the height and width of the output."""
    span = [(side - 1) * apart + 1 for side, apart in zip(size, dilation)]
    if padding == "same":
        axes = list(zip(x.shape[1:3], span, strides))
        totals = [max((math.ceil(side / stride) - 1) * stride + reach - side, 0) for side, reach, stride in axes]
        pads = [(total // 2, total - total // 2) for total in totals]
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    places = [range(0, side - reach + 1, stride) for side, reach, stride in zip(x.shape[1:3], span, strides)]
    (down, across), (tall, wide) = dilation, span
    found = [x[:, top : top + tall : down, left : left + wide : across] for top in places[0] for left in places[1]]
    return np.stack(found), (len(places[0]), len(places[1]))


PADDINGS = ("valid", "same")
POOLS: list[tuple[Pair, Pair, str]] = [
    *(((size,) * 2, (stride,) * 2, padding) for size in (1, 2, 3, 4) for stride in (1, 2, 3) for padding in PADDINGS),
    *((size, strides, padding) for size in ((1, 3), (4, 2)) for strides in ((1, 2), (3, 1)) for padding in PADDINGS),
]
"""Window, strides, padding: square, and other shapes."""
WINDOWS: list[tuple[Pair, Pair, str, Pair]] = [
    *((*pool, (1, 1)) for pool in POOLS),
    *(
        (size, (1, 1), padding, dilation)
        for size in ((2, 2), (3, 3), (2, 3))
        for dilation in ((2, 2), (1, 2), (3, 1))
        for padding in PADDINGS
    ),
    *(((3, 2), (2, 1), padding, (1, 3)) for padding in PADDINGS),
]
"""The same, and pixels of a window that lie apart."""
every_window = pytest.mark.parametrize(("size", "strides", "padding", "dilation"), WINDOWS)
every_pool = pytest.mark.parametrize(("size", "strides", "padding"), POOLS)


@every_window
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_is_a_sum_over_windows(size: Pair, strides: Pair, padding: Any, dilation: Pair, groups: int) -> None:
    """Of the channels of its group: the first half of the filters sees the first half of the channels."""
    x, bias, each = RANDOM.normal(size=(2, 7, 6, 4)), RANDOM.normal(size=6), 4 // groups
    kernel = RANDOM.normal(size=(6, *size, each))
    seen, (height, width) = windows(x, size, strides, padding, 0.0, dilation)
    parts = [
        np.einsum("wnijc,fijc->nwf", seen[..., group * each : (group + 1) * each], own)
        for group, own in enumerate(np.split(kernel, groups))
    ]
    expected = np.concatenate(parts, -1).reshape(2, height, width, 6) + bias
    written = {"filters": 6, "kernel": size, "strides": strides, "padding": padding, "dilation": dilation}
    y = applied({"conv": {**written, "groups": groups}}, x, kernel=kernel, bias=bias)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@every_pool
def test_max_pool_is_the_largest_of_each_window(size: Pair, strides: Pair, padding: Any) -> None:
    """Negative everywhere: padding must never be the largest."""
    x = -RANDOM.uniform(1, 2, size=(2, 7, 6, 3))
    seen, (height, width) = windows(x, size, strides, padding, -np.inf)
    expected = seen.max((2, 3)).transpose(1, 0, 2).reshape(2, height, width, 3)
    y = applied({"max_pool": {"size": size, "strides": strides, "padding": padding}}, x)
    np.testing.assert_array_equal(y, expected)


@every_pool
def test_average_pool_is_the_mean_of_what_each_window_sees(size: Pair, strides: Pair, padding: Any) -> None:
    """Padding is no pixel, as Keras has it."""
    x = RANDOM.uniform(1, 2, size=(2, 7, 6, 3))
    seen, (height, width) = windows(x, size, strides, padding, np.nan)
    expected = np.nanmean(seen, (2, 3)).transpose(1, 0, 2).reshape(2, height, width, 3)
    y = applied({"average_pool": {"size": size, "strides": strides, "padding": padding}}, x)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


@every_window
def test_depthwise_conv_is_a_sum_over_windows_of_one_channel(
    size: Pair, strides: Pair, padding: Any, dilation: Pair
) -> None:
    """Outputs of one channel stand together, as in Keras: channel 0 by kernel 0, channel 0 by kernel 1, ..."""
    x, kernel, bias = RANDOM.normal(size=(2, 7, 6, 3)), RANDOM.normal(size=(2, *size, 3)), RANDOM.normal(size=6)
    seen, (height, width) = windows(x, size, strides, padding, 0.0, dilation)
    expected = np.einsum("wnijc,mijc->nwcm", seen, kernel).reshape(2, height, width, 6) + bias
    written = {"kernel": size, "strides": strides, "padding": padding, "dilation": dilation, "depth_multiplier": 2}
    y = applied({"depthwise_conv": written}, x, kernel=kernel, bias=bias)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@every_window
def test_separable_conv_mixes_what_a_depthwise_conv_gives(
    size: Pair, strides: Pair, padding: Any, dilation: Pair
) -> None:
    x, depthwise = RANDOM.normal(size=(2, 7, 6, 3)), RANDOM.normal(size=(2, *size, 3))
    pointwise, bias = RANDOM.normal(size=(4, 1, 1, 6)), RANDOM.normal(size=4)
    seen, (height, width) = windows(x, size, strides, padding, 0.0, dilation)
    between = np.einsum("wnijc,mijc->nwcm", seen, depthwise).reshape(2, height, width, 6)
    expected = between @ pointwise[:, 0, 0].T + bias
    written = {"filters": 4, "kernel": size, "strides": strides, "padding": padding, "dilation": dilation}
    values = {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise, "bias": bias}
    y = applied({"separable_conv": {**written, "depth_multiplier": 2}}, x, **values)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_global_pools() -> None:
    x = RANDOM.normal(size=(2, 5, 4, 3))
    np.testing.assert_allclose(applied("global_average_pool", x), x.mean((1, 2)), rtol=1e-12)
    np.testing.assert_array_equal(applied("global_max_pool", x), x.max((1, 2)))


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * stats.norm.cdf(x),
    "silu": lambda x: x * special.expit(x),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "relu6": lambda x: np.clip(x, 0, 6),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "exponential": np.exp,
    "log_sigmoid": special.log_expit,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
}
AROUND_ZERO = np.concatenate([np.linspace(-6, 6, 49), [-40.0, -20.5, -1e-9, 1e-9, 20.5, 40.0]])


@pytest.mark.parametrize("name", get_args(Activation))
def test_activations_of_layers_are_the_functions_of_scipy(name: str) -> None:
    x, kernel, bias = RANDOM.normal(size=(9, 3)), RANDOM.normal(size=(3, 4)), RANDOM.normal(size=4)
    y = applied({"dense": {"units": 4, "activation": name}}, x, kernel=kernel, bias=bias)
    np.testing.assert_allclose(y, FUNCTIONS[name](x @ kernel + bias), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() & LAYERS.keys()))
def test_activations_as_layers_are_the_functions_of_scipy(name: str) -> None:
    np.testing.assert_allclose(applied(name, AROUND_ZERO), FUNCTIONS[name](AROUND_ZERO), rtol=1e-12, atol=1e-15)


def test_functions_with_a_number() -> None:
    np.testing.assert_allclose(
        applied({"elu": 0.5}, AROUND_ZERO), np.where(AROUND_ZERO > 0, AROUND_ZERO, np.expm1(AROUND_ZERO) / 2)
    )
    halved = np.where(AROUND_ZERO > 0, AROUND_ZERO, np.expm1(2 * AROUND_ZERO) / 2)
    np.testing.assert_allclose(applied({"celu": 0.5}, AROUND_ZERO), halved, atol=1e-15)
    np.testing.assert_allclose(applied({"leaky_relu": 0.1}, AROUND_ZERO), np.maximum(0.1 * AROUND_ZERO, AROUND_ZERO))
    rescaled = applied({"rescale": {"scale": 1 / 127.5, "offset": -1}}, np.array([0.0, 127.5, 255.0]))
    np.testing.assert_allclose(rescaled, [-1, 0, 1], atol=1e-15)


@pytest.mark.parametrize(
    ("padding", "sides"),
    [(2, ((2, 2), (2, 2))), ([1, 0], ((1, 1), (0, 0))), ([[0, 1], [2, 3]], ((0, 1), (2, 3)))],
)
def test_zero_pad_is_that_of_numpy(padding: Any, sides: tuple[tuple[int, int], ...]) -> None:
    x = RANDOM.normal(size=(2, 3, 4, 2))
    np.testing.assert_array_equal(applied({"zero_pad": {"padding": padding}}, x), np.pad(x, ((0, 0), *sides, (0, 0))))


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 2, 3)], ids=["vectors", "pictures"])
def test_layer_norm_is_that_of_torch(shape: tuple[int, ...]) -> None:
    x, gamma, beta = RANDOM.normal(2, 3, size=shape), RANDOM.normal(size=3), RANDOM.normal(size=3)
    theirs = torch.nn.LayerNorm(3, eps=0.01, dtype=torch.float64)
    theirs.load_state_dict({"weight": torch.tensor(gamma), "bias": torch.tensor(beta)})
    y = applied({"layer_norm": {"epsilon": 0.01}}, x, gamma=gamma, beta=beta)
    np.testing.assert_allclose(y, theirs(torch.tensor(x)).detach(), rtol=1e-10, atol=1e-10)


def test_skip_adds_its_two_branches() -> None:
    x, kernel, beside = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(3, 2))
    dense = [{"dense": {"units": 2, "use_bias": False}}]
    values = {"dense_1.kernel": kernel, "shortcut.dense_1.kernel": beside}
    y = applied({"skip": {"layers": [*dense, "relu"], "shortcut": dense}}, x, **values)
    np.testing.assert_allclose(y, np.maximum(x @ kernel, 0) + x @ beside, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 2, 3)], ids=["vectors", "images"])
def test_merging_layers_are_the_functions_of_numpy(shape: tuple[int, ...]) -> None:
    """Branches: the input, its tanh, and one value for each channel, which stands at every position."""
    x = RANDOM.normal(size=shape)
    channel = x.mean(axis=tuple(range(1, x.ndim - 1)), keepdims=True)
    pooled = ["global_average_pool"] if x.ndim == 4 else []
    values = [x, np.tanh(x), np.broadcast_to(channel, shape)]
    expected = {
        "add": sum(values),
        "multiply": np.prod(values, axis=0),
        "average": np.mean(values, axis=0),
        "maximum": np.max(values, axis=0),
        "minimum": np.min(values, axis=0),
    }
    for name, y in expected.items():
        np.testing.assert_allclose(applied({name: [[], ["tanh"], pooled]}, x), y, rtol=1e-12, err_msg=name)
    joined = applied({"concatenate": [["tanh"], []]}, x)
    np.testing.assert_allclose(joined, np.concatenate([np.tanh(x), x], -1), rtol=1e-12)


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
    assert theirs.running_var is not None
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


def in_training(written: Any, x: torch.Tensor, *path: str) -> torch.Tensor:
    """What a layer makes of x (2, N, ...) in a step of training, lanes 0 and 1."""
    (layer,) = parse_layers([written])
    return layer.apply(NOTHING, NOTHING, x, Step("train", Key((0, 1), path)))[0]


def test_spatial_dropout_drops_whole_channels() -> None:
    y = in_training({"spatial_dropout": 0.25}, torch.ones(2, 500, 3, 2, 40, dtype=torch.float64))
    assert torch.equal(y, y[:, :, :1, :1].expand_as(y))
    channels = y[:, :, 0, 0]
    assert set(channels.unique().tolist()) == {0.0, 1 / 0.75}
    assert not torch.equal(channels[0], channels[1])
    assert abs(int((channels == 0).sum()) - 10_000) < 5 * math.sqrt(40_000 * 0.25 * 0.75)


NOISES: list[tuple[Any, float, Callable[[np.ndarray], np.ndarray]]] = [
    ({"gaussian_noise": 0.3}, 0.3, lambda y: y - 2.0),
    ({"gaussian_dropout": 0.2}, math.sqrt(0.2 / 0.8), lambda y: y / 2.0 - 1.0),
]
"""A layer, the standard deviation of its noise by the paper, and the noise in what it makes of 2."""


@pytest.mark.parametrize(("written", "deviation", "noise_of"), NOISES, ids=["added", "times"])
def test_gaussian_noise_has_its_distribution(
    written: Any, deviation: float, noise_of: Callable[[np.ndarray], np.ndarray]
) -> None:
    """By Kolmogorov and Smirnov; lanes and steps have noise of their own."""
    x = torch.full((2, 50, 100), 2.0, dtype=torch.float64)
    drawn = [noise_of(lane.numpy()).ravel() for step in "ab" for lane in in_training(written, x, step)]
    for each in drawn:
        assert stats.kstest(each / deviation, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 5 / math.sqrt(5_000)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """Of standard normal values; those that are dropped become one value, which is not 0 (Klambauer et al. 2017)."""
    x = torch.tensor(np.random.default_rng(1).normal(size=(2, 500, 100)))
    y = in_training({"alpha_dropout": 0.2}, x)
    assert float(y.mean()) == pytest.approx(0, abs=5 / math.sqrt(100_000))
    assert float(y.var()) == pytest.approx(1, abs=0.03)
    values, counts = np.unique(y.numpy(), return_counts=True)
    floor = -1.0507009873554805 * 1.6732632423543772
    scale = 1 / math.sqrt(0.8 * (1 + 0.2 * floor**2))
    assert values[counts.argmax()] == pytest.approx(scale * floor * 0.8)
    assert abs(counts.max() - 20_000) < 5 * math.sqrt(100_000 * 0.2 * 0.8)


@pytest.mark.parametrize(("axes", "alpha_shape"), [([], (4, 5, 3)), ([1, 2], (1, 1, 3)), ([2, 1, 3], (1, 1, 1))])
def test_prelu_has_slopes_of_its_own(axes: list[int], alpha_shape: tuple[int, ...]) -> None:
    """keras.layers.PReLU: one for each value, or for all that share it; torch.nn.PReLU has one a channel."""
    (layer,) = parse_layers([{"prelu": {"shared_axes": axes, "alpha_initializer": 0.25}}])
    begun = layer.init(Key((1, 2)), (4, 5, 3))[0]["alpha"]
    np.testing.assert_array_equal(begun, np.full((2, *alpha_shape), 0.25))
    x, alpha = RANDOM.normal(size=(2, 4, 5, 3)), RANDOM.normal(size=alpha_shape)
    y = applied({"prelu": axes}, x, alpha=alpha)
    np.testing.assert_allclose(y, np.where(x > 0, x, alpha * x), rtol=1e-12)
    if axes == [1, 2]:
        theirs = torch.nn.functional.prelu(torch.tensor(x).movedim(-1, 1), torch.tensor(alpha.ravel()))
        np.testing.assert_allclose(y, theirs.movedim(1, -1), rtol=1e-12)


def test_the_slope_of_prelu_at_zero_is_that_of_keras() -> None:
    """relu(x) - alpha * relu(-x): 0, as that of relu."""
    (layer,) = parse_layers([{"prelu": {"alpha_initializer": 0.25}}])
    x = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    y, _ = layer.apply(tensors(alpha=np.full(3, 0.25)), NOTHING, x, Step("train"))
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [[[0.0] * 3] * 2]


def test_unit_norm_divides_by_the_length() -> None:
    x = RANDOM.normal(size=(3, 4, 5, 6))
    x[0, 0, 0] = 0
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(applied("unit_norm", x), x / np.where(lengths > 0, lengths, 1), rtol=1e-12)


def test_normalization_is_that_of_keras() -> None:
    """A deviation counts as 1e-7 at least."""
    x = RANDOM.normal(size=(3, 4, 5, 2))
    y = applied({"normalization": {"mean": [0.5, -1], "variance": [0.09, 0]}}, x)
    np.testing.assert_allclose(y, (x - [0.5, -1]) / [0.3, 1e-7], rtol=1e-12)
    y = applied({"normalization": {"mean": 0.5, "variance": 4}}, x)
    np.testing.assert_allclose(y, (x - 0.5) / 2, rtol=1e-12)


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


@pytest.mark.parametrize(
    ("written", "fans"),
    [
        ({"conv": {"filters": 40, "kernel": 5}}, {"kernel": (25 * 30, 25 * 40)}),
        ({"conv": {"filters": 80, "kernel": [3, 9], "groups": 5}}, {"kernel": (27 * 6, 27 * 80)}),
        ({"depthwise_conv": {"kernel": 9, "depth_multiplier": 40}}, {"kernel": (81 * 30, 81 * 40)}),
        (
            {"separable_conv": {"filters": 900, "kernel": 9, "depth_multiplier": 40}},
            {"depthwise_kernel": (81 * 30, 81 * 40), "pointwise_kernel": (30 * 40, 900)},
        ),
    ],
)
def test_fans_of_kernels_are_those_of_keras(written: Any, fans: dict[str, tuple[int, int]]) -> None:
    """keras.src.initializers.compute_fans: of (height, width, a, b), height * width * a and height * width * b."""
    (layer,) = parse_layers([written])
    parameters, _ = layer.init(Key((3,)), (12, 12, 30))
    for name, (fan_in, fan_out) in fans.items():
        assert parameters[name].std() == pytest.approx(math.sqrt(2 / (fan_in + fan_out)), rel=0.02)
        assert np.abs(parameters[name]).max() <= math.sqrt(6 / (fan_in + fan_out))
