"""Keras under measurement: python keras_fit.py, where keras and tensorflow are installed. Orders come from run.py."""

from __future__ import annotations

import os
import time
from typing import Any

BEGAN = time.perf_counter()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import tensorflow  # noqa: E402
from jobs import BATCH, CLASSES, JOBS  # noqa: E402
from serving import Block, serve  # noqa: E402

WAYS: dict[str, dict[str, Any]] = {"default": {}, "best": {"steps_per_execution": 50}}
"""`fit` as its users call it, and the settings that measured best; `jit_compile` makes convolutions slower here."""


def prepare(name: str, lanes: int, way: str) -> Block:
    """`fit` of one epoch, of one model after another."""
    images, labels = JOBS[name].pictures()
    x = images.astype("float32") / 255
    models = [_model(name, **WAYS[way]) for _ in range(lanes)]

    def block() -> None:
        for model in models:
            model.fit(x, labels, batch_size=BATCH, epochs=1, verbose=0)

    return block


def _model(name: str, **settings: Any) -> keras.Model:
    layers = [_layer(each) for each in JOBS[name].layers]
    model = keras.Sequential([keras.Input(JOBS[name].shape), *layers, keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"], **settings)
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


if __name__ == "__main__":
    serve(prepare, BEGAN, tool=f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}")
