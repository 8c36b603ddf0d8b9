"""Writes tests/golden/keras-2.keras, keras-2.h5 and keras-2.json: a model as Keras 2 saved it, and what it answers.

Run by hand, where tf_keras (Keras 2 for today's TensorFlow) is installed, from the top of the repository:

    python scripts/keras_models.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tf_keras
from tf_keras import layers

GOLDEN = Path("tests/golden")


def model() -> tf_keras.Model:
    """With names of its own, a sum, and a model inside whose layers have the names and shapes of others outside."""
    images = tf_keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 1, name="first")(images)
    x = layers.BatchNormalization()(x)
    x = layers.add([x, layers.Conv2D(4, 1, activation="relu")(x), layers.Conv2D(4, 1, name="last")(x)])
    inner = tf_keras.Sequential(
        [layers.Conv2D(4, 1, input_shape=(8, 8, 4)), layers.BatchNormalization(), layers.LeakyReLU(alpha=0.2)],
        name="inner",
    )
    logits = layers.Dense(3, activation="softmax")(layers.Flatten()(inner(x)))
    return tf_keras.Model(images, logits)


def main() -> None:
    """Random weights, the same at each run; no optimizer, which would be most of the file."""
    made, random = model(), np.random.default_rng(0)
    for weight in made.weights:
        low = 0.5 if "variance" in weight.name or "gamma" in weight.name else -0.6
        weight.assign(random.uniform(low, low + 1.2, weight.shape))
    images = random.integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    answers = made.predict(images / 255.0, verbose=0)
    for ending in ("keras", "h5"):
        made.save(GOLDEN / f"keras-2.{ending}")
    about = {"made with": f"tf_keras {tf_keras.__version__}, scripts/keras_models.py"}
    values = {**about, "images": images.tolist(), "answers": answers.tolist()}
    (GOLDEN / "keras-2.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
