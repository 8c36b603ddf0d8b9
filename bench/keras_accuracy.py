"""One network of Keras, trained with each seed and scored: python keras_accuracy.py ORDER.json, answers in JSON.

The order: job, images (a folder of studies.py's), epochs, seeds. The kept epoch is that of the lowest validation
loss, as in our studies.
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


def main() -> None:
    """Trains and scores all seeds."""
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    parts = {role: part(order["pictures"], role) for role in ("train", "validation", "test")}
    scores = [_score(order, seed, parts) for seed in range(order["seeds"])]
    print(json.dumps({name: [score[name] for score in scores] for name in scores[0]}))


def _score(order: dict[str, Any], seed: int, parts: dict[str, Any]) -> dict[str, float]:
    keras.utils.set_random_seed(seed)
    model, epochs = compiled(JOBS[order["job"]].layers, JOBS[order["job"]].shape), order["epochs"]
    keep = keras.callbacks.EarlyStopping(monitor="val_loss", patience=epochs, restore_best_weights=True)
    how = {"validation_data": parts["validation"], "callbacks": [keep], "batch_size": BATCH}
    began = time.perf_counter()
    model.fit(*parts["train"], epochs=epochs, verbose=0, **how)
    seconds = time.perf_counter() - began
    accuracies = {role: model.evaluate(*parts[role], verbose=0)[1] for role in ("validation", "test")}
    return {**accuracies, "seconds": seconds}


if __name__ == "__main__":
    main()
