"""What Keras and Snellen are both given: networks, optimizers, initial weights and batches, from NumPy alone.

Every array is a function of its name, so neither side has to walk the network in the order of the other. Arrays are in
the layout of Keras: images NHWC, convolution kernels HWIO, dense kernels (in, out).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from snellen.models.zoo import ZOO

CLASSES = 10
STEPS = {"float64": 50, "float32": 10}
ROUND = 5
"""Different batches, used in turn: seen ten times each, they are learned, and the losses fall."""

SEED = 4
"""Of seven, the one whose float32 curves move least when the weights are changed in their last place."""

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "learning_rate": 0.01},
    "sgd momentum": {"name": "sgd", "learning_rate": 0.005, "momentum": 0.9},
    "sgd nesterov": {"name": "sgd", "learning_rate": 0.005, "momentum": 0.8, "nesterov": True},
    "sgd decay": {"name": "sgd", "learning_rate": 0.005, "weight_decay": 0.4},
    "adam": {"name": "adam", "learning_rate": 1e-3},
    "adam all": {"name": "adam", "learning_rate": 5e-4, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
    "adam amsgrad": {"name": "adam", "learning_rate": 1e-3, "beta_2": 0.5, "amsgrad": True},
    "adamw": {"name": "adamw", "learning_rate": 1e-3},
    "adamw amsgrad": {"name": "adamw", "learning_rate": 1e-3, "beta_2": 0.5, "amsgrad": True},
    "sgd global_clipnorm": {"name": "sgd", "learning_rate": 0.05, "global_clipnorm": 0.5},
    "sgd clipnorm": {"name": "sgd", "learning_rate": 0.05, "clipnorm": 0.25},
    "sgd clipvalue": {"name": "sgd", "learning_rate": 0.05, "clipvalue": 0.015625},
    "rmsprop": {"name": "rmsprop", "learning_rate": 3e-4},
    "rmsprop all": {"name": "rmsprop", "learning_rate": 2e-4, "rho": 0.8, "momentum": 0.9, "epsilon": 1e-4},
    "nadam": {"name": "nadam", "learning_rate": 1e-3},
    "nadam all": {"name": "nadam", "learning_rate": 5e-4, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
    "adamax": {"name": "adamax", "learning_rate": 2e-3},
    "adamax all": {"name": "adamax", "learning_rate": 1e-3, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
    "adagrad": {"name": "adagrad", "learning_rate": 1e-2},
    "adagrad all": {"name": "adagrad", "learning_rate": 1e-2, "initial_accumulator_value": 0.01, "epsilon": 1e-3},
    "adadelta": {"name": "adadelta", "learning_rate": 1.0},
    "adadelta all": {"name": "adadelta", "learning_rate": 0.5, "rho": 0.8, "epsilon": 1e-4},
    "lion": {"name": "lion", "learning_rate": 1e-4},
    "lion all": {"name": "lion", "learning_rate": 1e-4, "beta_1": 0.8, "beta_2": 0.95},
}
"""As a study spells them. What is left out is at its default, so the defaults are compared too."""

ONCE = ("adam amsgrad", "adamw amsgrad", "sgd global_clipnorm", "sgd clipnorm", "sgd clipvalue")
EVERYWHERE = tuple(
    name for name, one in OPTIMIZERS.items() if one["name"] in ("sgd", "adam", "adamw", "rmsprop") and name not in ONCE
)
"""Cases for all networks: the optimizers of the reference studies."""

ONE_EACH = ("sgd nesterov", "adam", "adamw", "rmsprop all")
"""One case of each of these, for networks that take long or are there for their layers."""


@dataclass(frozen=True)
class Network:
    """A layer list, the shape of its images (H, W, C), how many make a batch, and a factor on every learning rate.

    Behind a relu, batch norm magnifies a value that rounding puts on either side of zero, the more so the longer the
    steps: at full pace Keras's float32 curve leaves its own float64 curve within five steps.
    """

    layers: list[Any]
    input_shape: tuple[int, int, int]
    batch_size: int = 32
    pace: Mapping[str, float] = field(default_factory=lambda: {"float64": 1.0, "float32": 1.0})
    optimizers: tuple[str, ...] = EVERYWHERE


def _zoo(name: str, height: int, width: int, channels: int, **options: Any) -> Network:
    return Network([_kept(item) for item in ZOO[name]], (height, width, channels), **options)


def _kept(item: Any) -> Any:
    """The item, or a dropout that drops nothing: the two sides could not draw the same mask."""
    return {"dropout": 0.0} if isinstance(item, dict) and "dropout" in item else item


ODD = [
    {"conv": {"filters": 4, "kernel": 3, "strides": 2, "padding": "same", "use_bias": False}},
    {"batch_norm": {"momentum": 0.9, "epsilon": 1e-2}},
    "leaky_relu",
    {"skip": [{"conv": {"filters": 4, "kernel": 2, "padding": "same"}}, "batch_norm", "relu"]},
    {"max_pool": {"size": 3, "strides": 2}},
    {"conv": {"filters": 5, "kernel": 2, "strides": 2}},
    {"max_pool": {"size": 2, "strides": 1, "padding": "same"}},
    "flatten",
    {"dense": {"units": 6, "activation": "relu", "use_bias": False}},
]
"""Every argument that no reference network uses, where padding is uneven: 24 x 19 pixels, two channels."""

WINDOWS = [
    {"rescale": {"scale": 2.0, "offset": -1.0}},
    {"zero_pad": [[0, 1], [2, 1]]},
    {"depthwise_conv": {"kernel": 3, "depth_multiplier": 3, "activation": "elu"}},
    {"average_pool": {"size": 3, "strides": 2, "padding": "same"}},
    "layer_norm",
    {"separable_conv": {"filters": 8, "kernel": 3, "padding": "same", "activation": "gelu"}},
    {"zero_pad": [1, 2]},
    {"separable_conv": {"filters": 6, "kernel": 4, "strides": 2, "padding": "same", "depth_multiplier": 2}},
    {"layer_norm": {"epsilon": 1e-2}},
    "silu",
    {"average_pool": {"size": 2, "strides": 1}},
    {"depthwise_conv": {"kernel": 2, "strides": 2, "padding": "same", "use_bias": False}},
    "global_max_pool",
    {"dense": {"units": 16, "activation": "tanh"}},
]
"""Every layer with a window that no reference network has, where padding is uneven: 17 x 12 pixels, two channels."""

SHRINK = {"filters": 4, "kernel": 1, "strides": 2}

ACTIVATIONS = [
    {"zero_pad": 1},
    {"conv": {"filters": 6, "kernel": 3, "activation": "silu"}},
    {
        "skip": {
            "layers": [{"conv": {"filters": 4, "kernel": 3, "strides": 2, "activation": "tanh"}}],
            "shortcut": [{"depthwise_conv": {"kernel": 3, "activation": "sigmoid"}}, {"conv": SHRINK}],
        }
    },
    {"average_pool": 2},
    "flatten",
    {"rescale": 3.0},
    {"dense": {"units": 24, "activation": "sigmoid"}},
    {"rescale": {"scale": 4.0, "offset": -2.0}},
    {"dense": {"units": 24, "activation": "elu"}},
    {"dense": 24},
    {"elu": 0.7},
    {"dense": {"units": 24, "activation": "gelu"}},
    {"dense": 24},
    "gelu",
    {"dense": 24},
    "tanh",
    {"dense": 24},
    "elu",
    {"dense": 24},
    "sigmoid",
    {"rescale": {"scale": 4.0, "offset": -2.0}},
]
"""Every function, as a layer and as the activation of one."""

BRANCHES = [
    {"conv": {"filters": 4, "kernel": 3, "padding": "same", "activation": "elu"}},
    {
        "concatenate": [
            [],
            [{"conv": {"filters": 3, "kernel": 1}}, "batch_norm", "tanh"],
            [{"max_pool": {"size": 3, "strides": 1, "padding": "same"}}, {"conv": {"filters": 2, "kernel": 1}}],
        ]
    },
    {"multiply": [[], [{"conv": {"filters": 9, "kernel": 1, "activation": "sigmoid"}}]]},
    {"average": [[], [{"depthwise_conv": {"kernel": 3, "padding": "same"}}]]},
    {"average_pool": 4},
    "flatten",
    {"add": [["elu"], [{"dense": 36}], [{"dense": 36}, {"skip": [{"dense": 36}]}]]},
    {"maximum": [[{"dense": 16}], [{"dense": 16}], [{"dense": 16}]]},
    {"minimum": [[{"dense": 16}], [{"dense": 16}]]},
]
"""Every layer that merges branches."""

PENALISED = [
    {"conv": {"filters": 4, "kernel": 3, "strides": 2, "activation": "relu", "l2": 0.01}},
    {"skip": {"layers": [{"conv": {"filters": 4, "kernel": 1, "l1": 0.003, "l2": 0.02}}, "relu"]}},
    "flatten",
    {"dense": {"units": 24, "activation": "relu", "l1": 0.001}},
    {"dense": {"units": 16, "activation": "tanh"}},
]
"""Penalties on kernels, which Keras calls kernel_regularizer."""


def _steep(name: str) -> dict[str, Any]:
    """A function as the activation of a layer and as a layer, of values that reach its bends, beside the way around
    it."""
    steep = {"rescale": 1.0 if name == "exponential" else 16.0}
    return {
        "skip": ["unit_norm", {"dense": {"units": 24, "activation": name}}, "unit_norm", steep, {"dense": 24}, name]
    }


MORE_FUNCTIONS = (
    *("selu", "celu", "relu6", "softplus", "softsign", "mish", "exponential", "log_sigmoid"),
    *("hard_sigmoid", "hard_silu", "hard_tanh"),
)

MORE = [
    {"normalization": {"mean": [0.5, 0.25], "variance": [0.0625, 0.25]}},
    {"conv": {"filters": 6, "kernel": 3}},
    {"prelu": [1, 2]},
    {"spatial_dropout": 0.0},
    {"normalization": {"mean": 0.25, "variance": 4.0}},
    {"conv": {"filters": 6, "kernel": 3, "strides": 2}},
    "prelu",
    {"gaussian_noise": 0.0},
    "flatten",
    {"dense": 24},
    {"prelu": {"shared_axes": [1]}},
    {"gaussian_dropout": 0.0},
    *map(_steep, MORE_FUNCTIONS),
    {"celu": 0.7},
    {"alpha_dropout": 0.0},
]
"""The functions and layers that no other network here has."""

OBLONG = [
    {"conv": {"filters": 6, "kernel": [2, 3], "strides": [1, 2], "padding": "same", "activation": "tanh"}},
    {"conv": {"filters": 8, "kernel": [3, 2], "dilation": 2, "padding": "same", "activation": "elu"}},
    {"max_pool": {"size": [3, 2], "strides": [2, 1], "padding": "same"}},
    {"depthwise_conv": {"kernel": [1, 4], "dilation": [1, 2], "padding": "same", "depth_multiplier": 2}},
    "tanh",
    {"separable_conv": {"filters": 9, "kernel": [3, 2], "dilation": [2, 1], "activation": "elu"}},
    {"average_pool": {"size": [1, 2], "padding": "same"}},
    {"conv": {"filters": 6, "kernel": [4, 1], "strides": [3, 1], "groups": 3, "padding": "same"}},
    {"average_pool": [1, 2]},
    {"max_pool": [2, 1]},
    "flatten",
]
"""Windows and strides that are not square, dilation and groups, where padding is uneven: 19 x 14 pixels. One curve:
TensorFlow compiles a convolution in groups anew at every step."""

SLOW = {"float64": 1.0, "float32": 0.02}
QUICK = {"float64": 4.0, "float32": 4.0}

NETWORKS: dict[str, Network] = {
    "linear": _zoo("linear", 28, 28, 1),
    "mlp-1": _zoo("mlp-1", 28, 28, 1),
    "mlp-2": _zoo("mlp-2", 28, 28, 1),
    "mlp-85": _zoo("mlp-85", 28, 28, 1),
    "mlp-85 on 154": _zoo("mlp-85", 154, 1, 1),
    "mlp-85 on 70": _zoo("mlp-85", 70, 1, 1, optimizers=tuple(OPTIMIZERS)),
    "mlp-128": _zoo("mlp-128", 28, 28, 1),
    "mlp-256": _zoo("mlp-256", 28, 28, 1),
    "mlp-256-128-64": _zoo("mlp-256-128-64", 28, 28, 1),
    "vgg-small": _zoo(
        "vgg-small", 32, 32, 3, batch_size=4, pace={"float64": 0.1, "float32": 2e-4}, optimizers=ONE_EACH
    ),
    "svhn-ann-1": _zoo("svhn-ann-1", 32, 32, 1),
    "svhn-ann-2": _zoo("svhn-ann-2", 32, 32, 1, pace={"float64": 0.2, "float32": 0.2}),
    "svhn-cnn-1": _zoo("svhn-cnn-1", 32, 32, 1, batch_size=8),
    "svhn-cnn-2": _zoo("svhn-cnn-2", 32, 32, 1, batch_size=8, pace={"float64": 1.0, "float32": 0.005}),
    "lenet-5": _zoo("lenet-5", 32, 32, 1, batch_size=8),
    "cnn-small": _zoo("cnn-small", 14, 14, 1, batch_size=8, pace=SLOW, optimizers=ONE_EACH),
    "cnn-fast": _zoo("cnn-fast", 16, 16, 3, batch_size=8, pace=SLOW, optimizers=ONE_EACH),
    "cnn-fast-wide": _zoo("cnn-fast-wide", 16, 16, 3, batch_size=8, pace=SLOW, optimizers=ONE_EACH),
    "resnet-8": _zoo("resnet-8", 12, 12, 3, batch_size=8, pace=SLOW, optimizers=ONE_EACH),
    "resnet-20": _zoo("resnet-20", 12, 12, 3, batch_size=8, pace=SLOW, optimizers=ONE_EACH),
    "odd": Network(ODD, (24, 19, 2), 8),
    "windows": Network(WINDOWS, (17, 12, 2), 8, QUICK, ONE_EACH),
    "branches": Network(BRANCHES, (8, 9, 2), 16, QUICK, ONE_EACH),
    "penalties": Network(PENALISED, (12, 12, 1), 16, optimizers=ONE_EACH),
    "more": Network(MORE, (12, 12, 2), 16, optimizers=ONE_EACH),
    "oblong": Network(OBLONG, (19, 14, 2), 8, QUICK, ("adam",)),
    "activations": Network(ACTIVATIONS, (12, 12, 1), 16, QUICK, ONE_EACH),
}

CASES = [(name, optimizer) for name, network in NETWORKS.items() for optimizer in network.optimizers]


def _random(*address: object) -> np.random.RandomState:
    """Numbers of their own for every address. RandomState, because NumPy froze its streams for ever."""
    return np.random.RandomState(zlib.crc32("/".join(map(str, (*address, SEED))).encode()))


def initial(network: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The first value of the parameter or state `name`, such as "conv_1.kernel", float64.

    Kernels are uniform within Glorot's limits; gammas and moving variances are one, all else is zero.
    """
    if not name.endswith("kernel"):
        return np.full(shape, float(name.endswith(("gamma", "moving_variance"))))
    fan_in, fan_out = (int(np.prod(shape[:-2])) * size for size in shape[-2:])
    limit = float(np.sqrt(6 / (fan_in + fan_out)))
    return _random(network, name).uniform(-limit, limit, shape)


def batch(network: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, C) float64 in [0, 1) and labels (N,) int64 that a linear network could tell from them.

    Training takes batch `step % ROUND`; batch ROUND is only predicted.
    """
    shape = NETWORKS[network].input_shape
    images = _random(network, "batch", number).uniform(size=(NETWORKS[network].batch_size, *shape))
    teacher = _random(network, "teacher").standard_normal((int(np.prod(shape)), CLASSES))
    return images, ((images.reshape(len(images), -1) - 0.5) @ teacher).argmax(axis=1)


def settings(network: str, optimizer: str, dtype: str) -> tuple[str, dict[str, Any]]:
    """Name and remaining settings of one of OPTIMIZERS, at the pace of the network."""
    values = dict(OPTIMIZERS[optimizer])
    values["learning_rate"] *= NETWORKS[network].pace[dtype]
    return values.pop("name"), values
