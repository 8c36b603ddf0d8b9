"""The notebook's recipe in Keras until it gets there: python keras_reach.py ORDER.json, answers in JSON.

The order: images (a folder of studies.py's), wanted, epochs. So many plain epochs; then as many from the weights of
the best of them, with shifts and flips; it ends with the first epoch of the wanted validation accuracy.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
from jobs import BATCH, JOBS
from keras_data import part
from keras_model import compiled

JOB, SHIFT = "C", 0.1


class Until(keras.callbacks.Callback):  # type: ignore[misc]
    """Notes the validation accuracy of every epoch of a network and its best weights; stops where it is enough."""

    def __init__(self, network: keras.Model, wanted: float) -> None:
        super().__init__()
        self.network, self.wanted = network, wanted
        self.reached: list[float] = []
        self.best: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Once an epoch."""
        if logs["val_accuracy"] > max(self.reached, default=0.0):
            self.best = self.network.get_weights()
        self.reached.append(logs["val_accuracy"])
        self.model.stop_training = self.is_enough()

    def is_enough(self) -> bool:
        """Whether an epoch got there."""
        return max(self.reached) >= self.wanted


def main() -> None:
    """Trains once."""
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    train, validation, test = (part(order["pictures"], role) for role in ("train", "validation", "test"))
    network = compiled(JOBS[JOB].layers, JOBS[JOB].shape)
    until = Until(network, order["wanted"])
    how = {"validation_data": validation, "batch_size": BATCH, "epochs": order["epochs"], "callbacks": [until]}
    began = time.perf_counter()
    network.fit(*train, verbose=0, **how)
    if not until.is_enough():
        network.set_weights(until.best)
        _augmented(network).fit(*train, verbose=0, **how)
    seconds = time.perf_counter() - began
    network.set_weights(until.best)
    scores = {"validation": until.reached, "test": network.evaluate(*test, verbose=0)[1]}
    print(json.dumps({"seconds": seconds, **scores}))


def _augmented(network: keras.Model) -> keras.Model:
    """The same network, on images that are shifted and flipped while it is trained; with a new optimizer."""
    layers = keras.layers
    seen = [layers.RandomTranslation(SHIFT, SHIFT, fill_mode="nearest"), layers.RandomFlip("horizontal")]
    model = keras.Sequential([keras.Input(JOBS[JOB].shape), *seen, network])
    loss, optimizer = keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.optimizers.Adam(1e-3)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    main()
