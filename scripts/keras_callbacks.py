"""Writes tests/golden/keras_callbacks.json: when Keras's EarlyStopping stops, and which learning rates its
ReduceLROnPlateau gives, for given series of validation values.

Run by hand, where keras and tensorflow-cpu are installed, from the top of the repository (seconds):

    python scripts/keras_callbacks.py
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

GOLDEN = Path("tests/golden/keras_callbacks.json")
EPOCHS = 25
MODES = {"loss": "min", "accuracy": "max"}
RATE = 0.5
"""The first learning rate."""
STOPPING: list[dict[str, Any]] = [
    {"patience": patience, "min_delta": min_delta, "start_from_epoch": start}
    for patience, min_delta, start in itertools.product((1, 3), (0.0, 0.25), (0, 4))
]
PLATEAU: list[dict[str, Any]] = [
    {},
    {"patience": 1, "min_delta": 0.0},
    {"patience": 2, "factor": 0.5},
    {"patience": 2, "factor": 0.5, "cooldown": 3, "min_lr": 0.06},
    {"patience": 1, "factor": 0.3, "min_delta": 0.25, "cooldown": 1},
]


def series() -> list[list[float]]:
    """Values with ties and rises, in eighths, which every precision holds exactly; without a difference that equals a
    min_delta only by rounding."""
    generator = np.random.default_rng(5)
    falling = np.linspace(6, 0, EPOCHS)
    return [(np.rint(falling * share + generator.integers(0, 9, EPOCHS)) / 8).tolist() for share in (0, 0.5, 1, 2)]


def model() -> Any:
    """What the callbacks use of a model."""
    optimizer = SimpleNamespace(learning_rate=np.float64(RATE))
    return SimpleNamespace(optimizer=optimizer, stop_training=False, get_weights=list, set_weights=lambda weights: None)


def epochs_trained(measure: str, values: list[float], arguments: dict[str, Any]) -> int:
    """The epoch after which EarlyStopping stops; all of them where it does not."""
    callback = keras.callbacks.EarlyStopping("value", mode=MODES[measure], restore_best_weights=True, **arguments)
    callback.set_model(model())
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"value": value})
        if callback.model.stop_training:
            return epoch + 1
    return len(values)


def rates(measure: str, values: list[float], arguments: dict[str, Any]) -> list[float]:
    """The learning rate of every epoch."""
    callback = keras.callbacks.ReduceLROnPlateau("value", mode=MODES[measure], **arguments)
    callback.set_model(model())
    callback.on_train_begin()
    found = []
    for epoch, value in enumerate(values):
        found.append(float(callback.model.optimizer.learning_rate))
        callback.on_epoch_end(epoch, {"value": value})
    return found


def main() -> None:
    """Every series as losses and as accuracies, with every case."""
    both = [
        (measure, values if measure == "loss" else [-value for value in values])
        for measure in MODES
        for values in series()
    ]
    stopping = [
        {"measure": measure, "arguments": case, "values": values, "epochs": epochs_trained(measure, values, case)}
        for (measure, values), case in itertools.product(both, STOPPING)
    ]
    plateau = [
        {"measure": measure, "arguments": case, "values": values, "rates": rates(measure, values, case)}
        for (measure, values), case in itertools.product(both, PLATEAU)
    ]
    made_with = {"command": "python scripts/keras_callbacks.py", "keras": keras.__version__}
    lists = {"early stopping": _lines(stopping), "reduce on plateau": _lines(plateau)}
    parts = {"made with": json.dumps(made_with), **lists}.items()
    GOLDEN.write_text("{" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in parts) + "}\n", encoding="utf-8")


def _lines(values: list[Any]) -> str:
    return "[\n" + ",\n".join(map(json.dumps, values)) + "\n]"


if __name__ == "__main__":
    main()
