"""Keras under measurement: python keras_fit.py, where it is installed. Orders come from blocks.py and lanes.py."""

from __future__ import annotations

import time
from typing import Any

BEGAN = time.perf_counter()

import keras  # noqa: E402
import tensorflow  # noqa: E402
from jobs import BATCH, JOBS  # noqa: E402
from keras_model import compiled  # noqa: E402
from serving import Prepared, serve  # noqa: E402

MANY_STEPS = {"steps_per_execution": 50, "jit_compile": False}
BEST: dict[str, dict[str, Any]] = {"A": {**MANY_STEPS, "jit_compile": True}, "B": MANY_STEPS, "C": MANY_STEPS}
"""The settings of `compile` that measured best: on a CPU, XLA helps products of matrices and slows convolutions."""
EVALUATED = {"default": None, "best": 512}
"""Images of a batch in `evaluate`; None is Keras's 32."""


def prepare(name: str, lanes: int, way: str, steps: int, rows: int | None = None) -> Prepared:
    """`fit` of one epoch, of one model after another. way: `default`, as its users call it, or `best`. rows: images
    that are resident, when more than those of the steps."""
    images, labels = JOBS[name].pictures(rows or steps * BATCH)
    began = time.perf_counter()
    x = images.astype("float32") / 255
    data_seconds = time.perf_counter() - began
    settings = BEST[name] if way == "best" else {}
    models = [compiled(JOBS[name].layers, JOBS[name].shape, **settings) for _ in range(lanes)]

    def train() -> None:
        for model in models:
            model.fit(x, labels, batch_size=BATCH, epochs=1, verbose=0)

    def evaluate() -> None:
        models[0].evaluate(x, labels, batch_size=EVALUATED[way], verbose=0)

    def whole() -> None:
        seen = slice(0, steps * BATCH)
        for model in models:
            how = {"steps_per_epoch": steps, "validation_data": (x[seen], labels[seen])}
            model.fit(x, labels, batch_size=BATCH, epochs=1, verbose=0, **how)

    return Prepared(train, evaluate, whole, data_seconds, 4 * sum(model.count_params() for model in models))


if __name__ == "__main__":
    serve(prepare, BEGAN, {}, tool=f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}")
