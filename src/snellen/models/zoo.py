"""Networks by name, as layer lists of a study file; the last dense layer, with the classes as outputs, is added
automatically."""

from __future__ import annotations

from typing import Any

Layers = list[Any]


def _dense(units: int) -> dict[str, Any]:
    return {"dense": {"units": units, "activation": "relu"}}


def _vgg_block(filters: int) -> Layers:
    conv = {"conv": {"filters": filters, "kernel": 3, "padding": "same", "activation": "relu"}}
    return [conv, "batch_norm", conv, "batch_norm", {"max_pool": 2}]


def _leaky_conv(filters: int) -> Layers:
    return [{"conv": {"filters": filters, "kernel": 3, "padding": "same"}}, {"leaky_relu": 0.1}]


def _he_conv(filters: int, kernel: int = 3, strides: int = 1) -> dict[str, Any]:
    """A convolution before a batch norm, which has the bias; initialised as for a relu (He et al. 2015)."""
    size = {"filters": filters, "kernel": kernel, "strides": strides, "padding": "same"}
    return {"conv": {**size, "use_bias": False, "initializer": "he_normal"}}


def _conv_norm(filters: int, kernel: int = 3, strides: int = 1) -> Layers:
    return [_he_conv(filters, kernel, strides), "batch_norm"]


def _residual(filters: int, strides: int = 1) -> Layers:
    """If the shape changes, the skip connection has a 1x1 convolution (option B of He et al. 2016)."""
    inside = [*_conv_norm(filters, strides=strides), "relu", *_conv_norm(filters)]
    skip = inside if strides == 1 else {"layers": inside, "shortcut": _conv_norm(filters, 1, strides)}
    return [{"skip": skip}, "relu"]


def _resnet(blocks: int) -> Layers:
    """6 * blocks + 2 layers with weights: section 4.2 of He et al. 2016, Deep Residual Learning."""
    stages = [_residual(filters, strides) for filters, strides in ((16, 1), (32, 2), (64, 2))]
    further = [_residual(filters) * (blocks - 1) for filters in (16, 32, 64)]
    body = [layer for first, others in zip(stages, further) for layer in (*first, *others)]
    return [*_conv_norm(16), "relu", *body, "global_average_pool"]


def _quick_norm() -> dict[str, Any]:
    """Batch norm for trainings of a few hundred steps: moving statistics with a small momentum."""
    return {"batch_norm": {"momentum": 0.9}}


def _fast(first: int, second: int, third: int) -> Layers:
    """A network to follow `whiten_patches` with strides 2: the inputs of all convolutions except the first have at most
    8x8 places."""
    return [
        "relu",
        *(_he_conv(first), {"max_pool": 2}, _quick_norm(), "relu"),
        *(_he_conv(second), _quick_norm(), "relu"),
        *(_he_conv(second), {"max_pool": 2}, _quick_norm(), "relu"),
        *(_he_conv(third), _quick_norm(), "relu"),
        "global_max_pool",
    ]


ZOO: dict[str, Layers] = {
    "linear": ["flatten"],
    "mlp-1": ["flatten", _dense(1)],
    "mlp-2": ["flatten", _dense(2)],
    "mlp-85": ["flatten", _dense(85)],
    "mlp-128": ["flatten", _dense(128)],
    "mlp-256": ["flatten", _dense(256)],
    "mlp-256-128-64": ["flatten", _dense(256), _dense(128), {"dropout": 0.2}, _dense(64)],
    "vgg-small": [
        *_vgg_block(32),
        *_vgg_block(64),
        *_vgg_block(128),
        "flatten",
        {"dropout": 0.2},
        _dense(1024),
        {"dropout": 0.2},
    ],
    "svhn-ann-1": ["flatten", _dense(64), _dense(32)],
    "svhn-ann-2": [
        "flatten",
        _dense(256),
        _dense(128),
        {"dropout": 0.2},
        _dense(64),
        _dense(64),
        _dense(32),
        "batch_norm",
    ],
    "svhn-cnn-1": [
        *_leaky_conv(16),
        *_leaky_conv(32),
        {"max_pool": 2},
        "flatten",
        {"dense": 32},
        {"leaky_relu": 0.1},
    ],
    "svhn-cnn-2": [
        *_leaky_conv(16),
        *_leaky_conv(32),
        {"max_pool": 2},
        "batch_norm",
        *_leaky_conv(32),
        *_leaky_conv(64),
        {"max_pool": 2},
        "batch_norm",
        "flatten",
        {"dense": 32},
        {"leaky_relu": 0.1},
        {"dropout": 0.5},
    ],
    "lenet-5": [
        {"conv": {"filters": 6, "kernel": 5, "activation": "relu"}},
        {"max_pool": 2},
        {"conv": {"filters": 16, "kernel": 5, "activation": "relu"}},
        {"max_pool": 2},
        "flatten",
        _dense(256),
        _dense(64),
    ],
    "cnn-small": [
        _he_conv(32),
        {"max_pool": 2},  # before norm and gelu: saves 12 % of the time per step
        "batch_norm",
        "gelu",
        *_conv_norm(64),
        "gelu",
        _he_conv(64),
        {"max_pool": 2},
        "batch_norm",
        "gelu",
        *_conv_norm(128),
        "gelu",
        *_conv_norm(128),
        "gelu",
        "global_average_pool",
    ],
    "cnn-fast": _fast(48, 96, 192),
    "cnn-fast-wide": _fast(64, 128, 256),
    "resnet-8": _resnet(1),
    "resnet-20": _resnet(3),
}
