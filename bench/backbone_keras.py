"""Keras with a frozen VGG16: python backbone_keras.py IMAGES.npz EPOCHS BATCH, in JSON the seconds of its parts.

epoch_seconds: an epoch of `fit` through the frozen network. features_seconds: all images through it once, with their
scaling. head_seconds: the head trained on these features, all epochs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

SIDE, CLASSES, PREDICTED, WARM_UP = 32, 10, 64, 128
"""PREDICTED: images of a batch in `predict`. WARM_UP: images before anything is measured."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it gave."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def measured(images: np.ndarray, labels: np.ndarray, epochs: int, batch: int) -> dict[str, Any]:
    """As its guide to transfer learning has it: a frozen network, global average pooling and a dense layer."""
    body = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3), pooling="avg")
    body.trainable = False
    model, x = compiled(body), prepared(images)
    model.fit(x[:WARM_UP], labels[:WARM_UP], batch_size=batch, verbose=0)
    epoch_seconds, _ = timed(lambda: model.fit(x, labels, batch_size=batch, verbose=0))
    body.predict(x[:WARM_UP], batch_size=PREDICTED, verbose=0)
    features_seconds, features = timed(lambda: body.predict(prepared(images), batch_size=PREDICTED, verbose=0))
    head = compiled(keras.Input(features.shape[1:]))
    head.fit(features[:WARM_UP], labels[:WARM_UP], batch_size=batch, verbose=0)
    head_seconds, _ = timed(lambda: head.fit(features, labels, batch_size=batch, epochs=epochs, verbose=0))
    return {
        "epoch_seconds": epoch_seconds,
        "features_seconds": features_seconds,
        "head_seconds": head_seconds,
        "tool": f"Keras {keras.__version__} on {keras.backend.backend()}",
    }


def compiled(*layers: Any) -> Any:
    """A classifier of what these layers give."""
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def prepared(images: np.ndarray) -> np.ndarray:
    """(N, 32, 32, 3) float32 of (N, 28, 28): two dark pixels on every side, three equal colours, scaled for VGG16."""
    margin = (SIDE - images.shape[1]) // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    repeated = np.repeat(padded[..., None], 3, axis=3).astype("float32")
    return np.asarray(keras.applications.vgg16.preprocess_input(repeated))


if __name__ == "__main__":
    path, epochs, batch = sys.argv[1:]
    with np.load(path) as arrays:
        print(json.dumps(measured(arrays["x_train"], arrays["y_train"], int(epochs), int(batch))))
