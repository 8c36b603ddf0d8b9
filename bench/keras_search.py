"""KerasTuner's Hyperband on the space of `fashion-lenet-transfer`: python keras_search.py ORDER.json, answers in JSON.

The order: images, a folder of search.py's; folder, for the tuner; max_epochs, factor, seed; space, name to options.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from jobs import BATCH, lenet
from keras_data import part
from keras_model import compiled


def main() -> None:
    """Searches once."""
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    train, validation = part(order["pictures"], "train"), part(order["pictures"], "validation")

    def build(values: keras_tuner.HyperParameters) -> keras.Model:
        chosen = {name: values.Choice(name, options) for name, options in order["space"].items()}
        layers = lenet(chosen["first_units"], chosen["second_units"])
        return compiled(layers, train[0].shape[1:], chosen["learning_rate"])

    tuner = keras_tuner.Hyperband(
        build,
        objective="val_accuracy",
        **{name: order[name] for name in ("max_epochs", "factor", "seed")},
        directory=order["folder"],
        project_name="hyperband",
        overwrite=True,
    )
    trained: list[int] = []

    def ended(epoch: int, logs: Any) -> None:  # a function, because the tuner copies its callbacks with what they hold
        trained.append(epoch)

    count = keras.callbacks.LambdaCallback(on_epoch_end=ended)
    began = time.perf_counter()
    tuner.search(*train, validation_data=validation, batch_size=BATCH, verbose=0, callbacks=[count])
    seconds = time.perf_counter() - began
    best = tuner.oracle.get_best_trials(1)[0]
    choice = {name: best.hyperparameters.get(name) for name in order["space"]}
    answer = {"search_seconds": seconds, "epochs": len(trained), "trials": len(tuner.oracle.trials)}
    print(json.dumps({**answer, "choice": choice, "score": best.score}))


if __name__ == "__main__":
    main()
