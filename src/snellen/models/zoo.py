"""Networks by name: layer lists as a study file writes them; the last dense layer to the classes is implied."""

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
}
