"""A network in Snellen's words as a Keras model, as its users would write it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from jobs import CLASSES


def compiled(
    layers: Iterable[Any], shape: tuple[int, ...], learning_rate: float = 1e-3, **settings: Any
) -> keras.Model:
    """layers: without the last. settings: of `compile`."""
    model = keras.Sequential([keras.Input(shape), *map(_layer, layers), keras.layers.Dense(CLASSES)])
    loss, optimizer = keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], **settings)
    return model


def _layer(written: Any) -> keras.layers.Layer:
    [(name, arguments)] = ({written: {}} if isinstance(written, str) else written).items()
    layers = keras.layers
    if name == "conv":
        size = {"kernel_size": arguments["kernel"], "padding": arguments["padding"]}
        return layers.Conv2D(arguments["filters"], activation=arguments["activation"], **size)
    if name == "dense":
        return layers.Dense(arguments["units"], activation=arguments["activation"])
    plain = {"flatten": layers.Flatten, "batch_norm": layers.BatchNormalization}
    numbered = {"max_pool": layers.MaxPooling2D, "dropout": layers.Dropout}
    return plain[name]() if name in plain else numbered[name](arguments)
