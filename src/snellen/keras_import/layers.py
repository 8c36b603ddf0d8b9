"""What each layer of Keras is here, by its class: the layers that compute the same, and where its weights go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from snellen.keras_import.graph import class_of
from snellen.models.activations import Activation
from snellen.models.layers import LAYERS
from snellen.models.merge import MERGES

Config = Mapping[str, Any]
Arrays = dict[str, np.ndarray]
Written = list[Any]
"""Layers as a study writes them: "flatten", or {"dense": {"units": 3}}."""

SOFTMAX, SIGMOID = "softmax", "sigmoid"
"""SOFTMAX is no layer here: it is what follows the last one."""

NAMES = {"swish": "silu", "hard_swish": "hard_silu"}
"""Activation functions that have two names in Keras."""


class NoCounterpart(Exception):
    """Keras's layer, or one of its arguments, is not known here."""


@dataclass(frozen=True)
class Conversion:
    """layers: those that compute the same, the one with weights first. weights: the names of Keras's weights, in the
    order of its files. values: the parameters and the state of the first layer, from arrays by these names. numbers:
    arguments of the first layer that Keras keeps as weights."""

    layers: Callable[[Config], Written]
    weights: Callable[[Config], Sequence[str]] = lambda config: ()
    values: Callable[[Arrays], Arrays] = dict
    numbers: Callable[[Arrays], dict[str, Any]] | None = None


def _named(kind: str, **arguments: Any) -> Any:
    if kind not in LAYERS:
        raise NoCounterpart(f"there is no layer `{kind}` here")
    return {kind: {name: shortest(value) for name, value in arguments.items()}} if arguments else kind


def shortest(value: Any) -> Any:
    """A number that Keras kept in float32, with the digits that it was given: 0.2, not 0.20000000298023224."""
    if isinstance(value, float) and float(np.float32(value)) == value:
        return float(str(np.float32(value)))
    return value


def _function(config: Config) -> tuple[str, Written]:
    """(activation argument of a layer, layers that follow it) for the activation function of a configuration."""
    name = config.get("activation") or "linear"
    if isinstance(name, dict):  # an activation layer in the place of a function
        return "linear", converted_layers(class_of(name), name.get("config") or {})
    name = NAMES.get(str(name), str(name))
    if name == "hard_sigmoid" and not isinstance(config.get("dtype"), Mapping):
        raise NoCounterpart("the file is of Keras 2, whose `hard_sigmoid` is another function than Keras 3's")
    if name in get_args(Activation):
        return name, []
    if name == SOFTMAX:
        return "linear", [SOFTMAX]
    if name == "leaky_relu":
        return "linear", [_named("leaky_relu", negative_slope=0.2)]
    if name not in LAYERS:
        raise NoCounterpart(f"the activation function `{name}` is not known here")
    return "linear", [_named(name)]


def _activated(kind: str, config: Config, **arguments: Any) -> Written:
    activation, after = _function(config)
    use_bias = bool(config.get("use_bias", True))
    return [_named(kind, **arguments, activation=activation, use_bias=use_bias), *after]


def _pair(value: Any) -> Any:
    """One number where both are equal: so a study writes it."""
    values = [value, value] if isinstance(value, int) else list(value)
    return values[0] if values[0] == values[1] else values


def _window(config: Config) -> dict[str, Any]:
    """The arguments of a convolution, those that are Keras's defaults left out."""
    _expect_channels_last(config)
    if config.get("padding", "valid") not in ("same", "valid"):
        raise NoCounterpart(f"padding `{config['padding']}` is not known here")
    given = {
        "kernel": _pair(config["kernel_size"]),
        "strides": _pair(config.get("strides", 1)),
        "padding": config.get("padding", "valid"),
        "dilation": _pair(config.get("dilation_rate", 1)),
        "groups": config.get("groups", 1),
        "depth_multiplier": config.get("depth_multiplier", 1),
    }
    usual = {"strides": 1, "padding": "valid", "dilation": 1, "groups": 1, "depth_multiplier": 1}
    return {name: value for name, value in given.items() if value != usual.get(name)}


def _expect_channels_last(config: Config) -> None:
    if config.get("data_format", "channels_last") not in (None, "channels_last"):
        raise NoCounterpart("images have their channels first, which no CPU of Keras computes")


def _pool(kind: str) -> Callable[[Config], Written]:
    def layers(config: Config) -> Written:
        _expect_channels_last(config)
        size = _pair(config["pool_size"])
        strides = _pair(config.get("strides") or size)
        return [_named(kind, size=size, strides=strides, padding=config.get("padding", "valid"))]

    return layers


def _global_pool(kind: str) -> Callable[[Config], Written]:
    def layers(config: Config) -> Written:
        _expect_channels_last(config)
        return [_named(kind)]

    return layers


def _conv(config: Config) -> Written:
    return _activated("conv", config, filters=config["filters"], **_window(config), **_penalties(config))


def _dense(config: Config) -> Written:
    return _activated("dense", config, units=config["units"], **_penalties(config))


def _penalties(config: Config) -> dict[str, float]:
    """`l1` and `l2`, from the regularizer of the kernel; others do nothing after training and are left out."""
    regularizer = config.get("kernel_regularizer")
    given = regularizer.get("config") if isinstance(regularizer, Mapping) else None
    found = {name: given.get(name) for name in ("l1", "l2")} if isinstance(given, Mapping) else {}
    return {name: value for name, value in found.items() if isinstance(value, float) and value > 0}


def _separable(config: Config) -> Written:
    return _activated("separable_conv", config, filters=config["filters"], **_window(config))


def _depthwise(config: Config) -> Written:
    return _activated("depthwise_conv", config, **_window(config))


def _relu(config: Config) -> Written:
    if config.get("threshold"):
        raise NoCounterpart("a threshold of relu is not known here")
    slope, most = config.get("negative_slope") or 0, config.get("max_value")
    if most is not None and (most != 6 or slope):
        raise NoCounterpart(f"relu with max_value {most} is not known here")
    if most is not None:
        return [_named("relu6")]
    return [_named("leaky_relu", negative_slope=slope)] if slope else [_named("relu")]


def _leaky_relu(config: Config) -> Written:
    return [_named("leaky_relu", negative_slope=config.get("negative_slope", config.get("alpha", 0.3)))]


def _activation_layer(config: Config) -> Written:
    activation, after = _function(config)
    return after or ([] if activation == "linear" else [_named(activation)])


def _softmax(config: Config) -> Written:
    if config.get("axis", -1) != -1:
        raise NoCounterpart("a softmax over another axis than -1, the last")
    return [SOFTMAX]


def _batch_norm(config: Config) -> Written:
    _expect_last_axis(config, OF_VECTORS)
    return [_named("batch_norm", momentum=config.get("momentum", 0.99), epsilon=config.get("epsilon", 1e-3))]


def _layer_norm(config: Config) -> Written:
    _expect_last_axis(config, *[OF_VECTORS] * bool(_gamma_beta(config)))
    if config.get("rms_scaling"):
        raise NoCounterpart("`rms_scaling` is not known here")
    return [_named("layer_norm", epsilon=config.get("epsilon", 1e-3))]


def _normalization(config: Config) -> Written:
    """With a mean of 0 and a variance of 1, for which those of the weights or of the configuration are put."""
    if config.get("invert"):
        raise NoCounterpart("`invert` is not known here")
    if config.get("axis", -1) not in (None, []):  # of all values
        _expect_last_axis(config)
    given = {name: config.get(name) for name in ("mean", "variance")}
    if None in given.values():
        return [_named("normalization", mean=0.0, variance=1.0)]
    return [_named("normalization", **_listed({name: np.asarray(value) for name, value in given.items()}))]


def _listed(arrays: Arrays) -> dict[str, Any]:
    """Means and variances, one number or one for each channel."""
    found = {name: [shortest(float(each)) for each in array.ravel()] for name, array in arrays.items()}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


OF_VECTORS = 1
"""The axis of vectors, as Keras 2 writes it; weights of other axes have other shapes."""


def _expect_last_axis(config: Config, *more: int) -> None:
    axis = config.get("axis", -1)
    if (axis[0] if isinstance(axis, list) and len(axis) == 1 else axis) not in (-1, 3, *more):
        raise NoCounterpart(f"normalises axis {axis}, not the channels")


def _unit_norm(config: Config) -> Written:
    _expect_last_axis(config)
    return [_named("unit_norm")]


def _alpha(config: Config) -> list[str]:
    return ["alpha"]


def _scaled(arrays: Arrays) -> Arrays:
    """gamma and beta, 1 and 0 where Keras has none."""
    like = next(iter(arrays.values()))
    return {"gamma": np.ones_like(like), "beta": np.zeros_like(like), **arrays}


def _gamma_beta(config: Config, *more: str) -> list[str]:
    return [*["gamma"] * bool(config.get("scale", True)), *["beta"] * bool(config.get("center", True)), *more]


def _kernel_bias(config: Config) -> list[str]:
    return ["kernel", *["bias"] * bool(config.get("use_bias", True))]


def _turned(arrays: Arrays) -> Arrays:
    """Kernels (height, width, inputs, outputs) as (outputs, height, width, inputs)."""
    return {name: np.moveaxis(array, -1, 0) if array.ndim == 4 else array for name, array in arrays.items()}


def _zero_pad(config: Config) -> Written:
    _expect_channels_last(config)
    return [_named("zero_pad", padding=config["padding"])]


def _rate(kind: str, name: str) -> Callable[[Config], Written]:
    """A layer that is random in training."""
    return lambda config: [_named(kind, **{name: config[name]})]


def _nothing(config: Config) -> Written:
    return []


def _merge(kind: str) -> Callable[[Config], Written]:
    def layers(config: Config) -> Written:
        if kind == "concatenate" and config.get("axis", -1) not in (-1, 3):
            raise NoCounterpart(f"joins along axis {config['axis']}, not the channels")
        return [kind]

    return layers


def _rescale(config: Config) -> Written:
    scale, offset = config["scale"], config.get("offset", 0.0)
    if not all(isinstance(value, (int, float)) for value in (scale, offset)):
        raise NoCounterpart("a scale or an offset for each channel is not known here")
    return [_named("rescale", scale=float(scale), offset=float(offset))]


RANDOM_IMAGES = (
    *("RandomFlip", "RandomTranslation", "RandomRotation", "RandomZoom", "RandomContrast", "RandomBrightness"),
    *("RandomCrop", "RandomShear", "RandomErasing", "RandomHue", "RandomSaturation", "RandomColorJitter"),
)
"""Layers that change images in training only: here they are no part of a network, but of `train`."""

RESHAPE = "Reshape"
POINTWISE = (
    *("Rescaling", "Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Identity", "ActivityRegularization"),
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Add", "Multiply", "Average", "Maximum", "Minimum"),
)
"""Layers that do the same with every number, whatever the axes are."""

CONVERSIONS: dict[str, Conversion] = {
    "Conv2D": Conversion(_conv, _kernel_bias, _turned),
    "DepthwiseConv2D": Conversion(_depthwise, _kernel_bias, _turned),
    "SeparableConv2D": Conversion(
        _separable, lambda config: ["depthwise_kernel", "pointwise_kernel", *_kernel_bias(config)[1:]], _turned
    ),
    "Dense": Conversion(_dense, _kernel_bias),
    "BatchNormalization": Conversion(
        _batch_norm, lambda config: _gamma_beta(config, "moving_mean", "moving_variance"), _scaled
    ),
    "LayerNormalization": Conversion(_layer_norm, _gamma_beta, _scaled),
    "Normalization": Conversion(
        _normalization,
        lambda config: [] if config.get("mean") is not None else ["mean", "variance"],
        lambda arrays: {},
        _listed,
    ),
    "UnitNormalization": Conversion(_unit_norm),
    "PReLU": Conversion(lambda config: [_named("prelu", shared_axes=config.get("shared_axes") or [])], _alpha),
    "MaxPooling2D": Conversion(_pool("max_pool")),
    "AveragePooling2D": Conversion(_pool("average_pool")),
    "GlobalMaxPooling2D": Conversion(_global_pool("global_max_pool")),
    "GlobalAveragePooling2D": Conversion(_global_pool("global_average_pool")),
    "Flatten": Conversion(_global_pool("flatten")),
    "ZeroPadding2D": Conversion(_zero_pad),
    "Rescaling": Conversion(_rescale),
    "Dropout": Conversion(_rate("dropout", "rate")),
    "SpatialDropout2D": Conversion(_rate("spatial_dropout", "rate")),
    "GaussianNoise": Conversion(_rate("gaussian_noise", "stddev")),
    "GaussianDropout": Conversion(_rate("gaussian_dropout", "rate")),
    "AlphaDropout": Conversion(_rate("alpha_dropout", "rate")),
    "Activation": Conversion(_activation_layer),
    "ReLU": Conversion(_relu),
    "LeakyReLU": Conversion(_leaky_relu),
    "ELU": Conversion(lambda config: [_named("elu", alpha=config.get("alpha", 1.0))]),
    "Softmax": Conversion(_softmax),
    RESHAPE: Conversion(_nothing),
    "Identity": Conversion(_nothing),
    "ActivityRegularization": Conversion(_nothing),
    **{kind.capitalize(): Conversion(_merge(kind)) for kind in MERGES},
    **{name: Conversion(_nothing) for name in RANDOM_IMAGES},
}
"""By Keras's class. `layers` of a merging layer is its kind here."""


def converted_layers(class_name: str, config: Config) -> Written:
    """The layers of a Keras layer without weights or with; raises NoCounterpart, naming what is not known here."""
    if class_name not in CONVERSIONS:
        raise NoCounterpart("there is no such layer here")
    return CONVERSIONS[class_name].layers(config)
